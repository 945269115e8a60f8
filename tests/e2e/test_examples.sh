#!/bin/bash
# The trainers in examples/ speak proto/TRAINER.md: what a slot would give them, and what it may expect. Speaks TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
room=$(mktemp -d) && trap 'rm -rf "$room"' EXIT
. "$root/tests/tools/tap.sh"
cd "$root/examples" || exit 2

result() { # NAME, after the command that decides: skipped where it needs a python3 that is not here
    local status=$?
    if [[ $1 == train.py* || $1 == *examples/command.json* ]] && ! command -v python3 >/dev/null; then
        skip "$1" "no python3 here"
    else
        (exit $status)
        report "$1"
    fi
}

# NAME [VARIABLE=VALUE...]: train.py as a one-shot trainer with its pipe held open; reports go to $room/NAME
train() {
    local name=$1
    shift
    mkdir -p "$room/$name.dir"
    mkfifo "$room/$name.in"
    exec 3<>"$room/$name.in"
    env HONE_STUDY=disc HONE_TRIAL=7 HONE_ATTEMPT=1 HONE_SEED=5 HONE_EPOCHS=6 HONE_UNTIL=6 HONE_METRIC=val_loss \
        HONE_DIR="$room/$name.dir" HONE_PARAMS='{"lr":0.1,"hidden":6,"decay":0.2}' HONE_IN_FD=3 HONE_OUT_FD=4 "$@" \
        python3 train.py --lr 0.1 --hidden 6 4>"$room/$name" >"$room/$name.log" 2>&1
}

reports() { # NAME FIRST LAST: the epochs of its reports, in order, each with metric and checkpoint
    python3 - "$room/$1" "$2" "$3" <<'PYTHON'
import json, os, sys
path, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lines = [json.loads(line) for line in open(path)]
assert [line["epoch"] for line in lines] == list(range(first, last + 1)), lines
for line in lines:
    assert isinstance(line["val_loss"], float) and 0 <= line["val_acc"] <= 1
    assert os.path.getsize(os.path.join(path + ".dir", line["checkpoint"])) > 0
assert not [name for name in os.listdir(path + ".dir") if name.endswith(".tmp")]
PYTHON
}

metrics() { # NAME: its reports without the names of files
    sed 's/, "checkpoint.*//' "$room/$1"
}

echo 1..12
train whole && reports whole 1 6
result "train.py reports every epoch, with a checkpoint"
[ ! -s "$room/whole.log" ]
result "train.py prints nothing of its own inside a slot"
train again && diff <(metrics whole) <(metrics again)
result "train.py: same seed, same numbers"
train other HONE_SEED=6 && ! diff -q <(metrics whole) <(metrics other) >"$room/ignored"
result "train.py: another seed, other numbers"
train half HONE_UNTIL=3 && reports half 1 3 &&
    train rest HONE_RESUME="$room/half.dir/t00007.e003.json" HONE_RESUME_EPOCH=3 && reports rest 4 6 &&
    diff <(metrics whole) <(metrics half && metrics rest)
result "train.py: stopped after 3 and resumed, the same to the last digit"
mkdir -p "$room/stop.dir" && mkfifo "$room/stop.in" && exec 5<>"$room/stop.in" && echo '{"job":{}}' >&5 && echo '{"stop":"epoch"}' >&5
HONE_DIR="$room/stop.dir" HONE_IN_FD=5 HONE_OUT_FD=4 python3 train.py 4>"$room/stop" && [ ! -s "$room/stop" ]
result "train.py: ends well when told to stop"
python3 train.py --lr 0.2 --hidden 3 >"$room/alone" && [ "$(wc -l <"$room/alone")" -eq 10 ]
result "train.py runs without Hone"
HONE_STUDY=valley HONE_TRIAL=3 HONE_PARAM_x=1.5 HONE_PARAM_y=-1e-7 HONE_OUT_FD=4 sh trainer.sh 4>"$room/valley" >"$room/log" &&
    [ "$(cat "$room/valley")" = '{"epoch":1,"height":506.5}' ] && [ "$(cat "$room/log")" = 'trial 3 of valley: x=1.5 y=-1e-7' ]
result "trainer.sh prints one number for one point"

# FILE STUDY TRIALS CONDITION [OPTION...]: hone runs the example; its trials end, none failed, and the condition holds
# for the best score. (A learning rate too high may prune a trial as diverged: a result, too.)
searched() {
    local file=$1 study=$2 trials=$3 condition=$4 db=$room/$1.db
    shift 4
    if [ -z "${HONE:-}" ]; then
        skip "examples/$file.json" "HONE is not set to the executable"
        return
    fi
    "$HONE" run "$file.json" --workers 2 --db "$db" "$@" >"$room/$file.out" 2>&1 || sed 's/^/# /' "$room/$file.out"
    holds "$db" "SELECT trials = $trials AND complete + pruned = trials AND best_score $condition
        FROM study_progress WHERE study = '$study'"
    result "hone run examples/$file.json: $trials trials, the best score $condition"
}

searched spiral spiral 60 '> 0.9'
searched glyphs glyphs 12 '> 0.9' --set search.trials=12
searched command disc 24 '< 0.15'
searched shell valley 81 '= 0'
