# shellcheck shell=bash disable=SC2034 # what it sets is for who sources it
# Sourced by tests in shell: what they say (TAP), how they look again, and the master they ask. Their folder is the working folder:
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

look_again() { # a tenth of a second later; for how long is for who runs this to say
    read -rt 0.1 <> <(:)
}

value() { # DATABASE SQL: the only row; the heading may have several lines
    "$HONE" sql --csv --db "$1" "$2" 2>/dev/null | tail -n 1
}

holds() { # DATABASE SQL: it is true
    [ "$(value "$1" "$2")" = 1 ]
}

serve() { # DATABASE STUDY.json [OPTION...]: a master; its address is in $address, its process in $master and among ${masters[@]}.
    # Without one there is nothing to test: the program ends.
    local db=$1
    shift
    rm -f said # the redirection is the child's: until it runs, this would be the address of the one before
    "$HONE" master "$@" --no-check --bind 'tcp://127.0.0.1:*' --db "$db" >said 2>>master.log &
    master=$!
    masters+=("$master")
    until grep -qs '^hone worker' said; do
        kill -0 "$master" 2>/dev/null || { sed 's/^/# /' master.log && exit 1; }
        look_again
    done
    address=$(cut -d' ' -f3 said)
}
