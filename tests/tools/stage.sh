# shellcheck shell=bash
# Sourced by tests/all and .ci/run: runs stages one after the other and sums up what tests/run wrote into
# $HONE_SUMMARY ("stage program passed failed skipped seconds").

if [ -z "${HONE_SUMMARY:-}" ]; then
    HONE_SUMMARY=$(mktemp) && export HONE_SUMMARY
    trap 'rm -f "$HONE_SUMMARY"' EXIT
fi

# stage NAME MINUTES COMMAND...: a command that fails without saying which test did counts as one failure.
stage() {
    local name=$1 minutes=$2 start=$SECONDS before status
    shift 2
    printf '\n=== %s\n' "$name"
    before=$(failures)
    timeout --foreground -k 30 "${minutes}m" "$@"
    status=$?
    [ $status -eq 124 ] && echo "$name: stopped after $minutes minutes"
    [ $status -ne 0 ] && [ "$(failures)" = "$before" ] && echo "$name ${1##*/} 0 1 0 $((SECONDS - start))" >>"$HONE_SUMMARY"
    printf '=== %s: %s, %d min %02d s\n' "$name" "$([ $status -eq 0 ] && echo fine || echo FAILED)" \
        $(((SECONDS - start) / 60)) $(((SECONDS - start) % 60))
}

# skip NAME REASON
skip() {
    printf '\n=== %s: skipped: %s\n' "$1" "$2"
    echo "$1 - 0 0 1 0" >>"$HONE_SUMMARY"
}

failures() {
    awk '{n += $4} END {print n + 0}' "$HONE_SUMMARY"
}

# "N passed, N failed", with the skipped ones if there are any; exit status 1 if anything failed.
sum_up() {
    awk '{p += $3; f += $4; s += $5}
         END {printf "%d passed, %d failed%s\n", p, f, s ? ", " s " skipped" : ""; exit f > 0}' "$HONE_SUMMARY"
}
