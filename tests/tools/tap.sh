# shellcheck shell=bash disable=SC2034 # what it sets is for who sources it
# Sourced by tests in shell: what they say (TAP), how they wait, and the master they ask. Their folder is the working folder:
# `out` in it holds the words of the command that is judged, `said` and master.log those of the newest master.

number=0 master='' address='' masters=()

skip_all() { # REASON: the program ends here
    echo "1..0 # SKIP $1"
    exit 77
}

need_hone() { # $HONE, from whatever folder
    [ -n "${HONE:-}" ] || skip_all "HONE is not set to the executable"
    HONE=$(realpath "$HONE")
}

report() { # NAME, after the command that decides; its last words if it failed
    if [ $? -eq 0 ]; then
        echo "ok $((++number)) - $1"
    else
        sed 's/^/# /' out 2>/dev/null
        echo "not ok $((++number)) - $1"
    fi
}

skip() { # NAME REASON
    echo "ok $((++number)) # SKIP $1: $2"
}

look_again() { # a tenth of a second later
    read -rt 0.1 <> <(:)
}

comes() { # COMMAND...: it succeeds, now or later. Looks for as long as proc.h's PROC_TIMEOUT_MS: that is for what hangs, not for what is slow
    local looks=2400
    until "$@"; do
        [ $((looks -= 1)) -gt 0 ] || return 1
        look_again
    done
    return 0
}

await() { # COMMAND...: until it succeeds. What does not come ends the program, with what there was to see instead
    comes "$@" && return
    {
        echo "waited in vain for: $*"
        tail -n 20 out master.log
        [ "$(type -t seen)" != function ] || seen # of the program's own
    } 2>/dev/null | sed 's/^/# /'
    echo "not ok $((++number)) - $*"
    exit 1
}

over() { # PROCESS, a child: it has ended. `wait` tells how, and does not wait any more
    ! kill -0 "$1" 2>/dev/null
}

value() { # DATABASE SQL: the only row; the heading may have several lines
    "$HONE" sql --csv --db "$1" "$2" 2>/dev/null | tail -n 1
}

holds() { # DATABASE SQL: it is true
    [ "$(value "$1" "$2")" = 1 ]
}

said_or_over() { grep -qs '^hone worker' said || over "$master"; }

serve() { # DATABASE STUDY.json [OPTION...]: a master; its address is in $address, its process in $master and among ${masters[@]}.
    # Without one there is nothing to test: the program ends.
    local db=$1
    shift
    rm -f said # the redirection is the child's: until it runs, this would be the address of the one before
    "$HONE" master "$@" --no-check --bind 'tcp://127.0.0.1:*' --db "$db" >said 2>>master.log &
    master=$!
    masters+=("$master")
    await said_or_over
    grep -qs '^hone worker' said || { sed 's/^/# /' master.log && exit 1; }
    address=$(cut -d' ' -f3 said)
}
