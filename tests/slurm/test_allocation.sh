#!/bin/bash
# `hone slurm` with a real Slurm on loopback: workers appear as long as trials wait and are gone when the study is; it ends
# what it began when it is told to stop, finds its jobs again when it was killed, and gives up what comes to nothing. Speaks TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
room=$(mktemp -d)
. "$root/tests/slurm/cluster.sh"
need_hone
cd "$room" || exit 2
trap '[ -z "${slurm:-}" ] || kill "$slurm" 2>/dev/null; cluster_down; kill "${masters[@]}" 2>/dev/null; wait; rm -rf "$room"' EXIT
trap 'exit 130' INT TERM
cluster_up

search() { # NAME TRIALS EPOCHS: a master with this study
    slow "$@" && serve "$1.db" "$1.json"
}

allocate() { # OPTION...: hone slurm for $address in the background, its words in `words`
    "$HONE" slurm --master "$address" --every 300ms "$@" >words 2>&1 &
    slurm=$!
}

queued() { # jobs of anybody that are not over
    squeue -h 2>/dev/null | wc -l
}

ended() { # STATUS: hone slurm ends with it
    await over "$slurm"
    wait "$slurm"
    local status=$?
    slurm=
    cp words out
    [ $status = "$1" ]
}

echo 1..14
search whole 30 3
allocate --workers 3 --idle 30s -- --cpus-per-task=2
ended 0 && holds whole.db "SELECT count(*) = 30 FROM trial WHERE status = 'complete'"
report "workers appear by themselves, and the study completes"
none_queued
report "and the queue is empty afterwards"
grep -q 'trials wait for a worker: job [0-9]* submitted' words && grep -q 'n[1-3]-[0-9]* has joined' words &&
    ! grep -q '[4-9] in the queue' words
report "it says what it does and why, and keeps within --workers"
holds whole.db "SELECT count(*) BETWEEN 2 AND 3 FROM worker" && ls hone-worker-*.log >out
report "there was a worker for each of its jobs, with its log"

search killed 1 1000
allocate --workers 2 --idle 30s
await holds killed.db "SELECT count(*) >= 2 FROM epoch"
kill -KILL "$slurm"
wait "$slurm" 2>/dev/null
before=$(queued)
allocate --workers 2 --idle 30s
await grep -q 'no trial waits for a worker' words
[ "$before" = 1 ] && [ "$(queued)" = 1 ] && ! grep -q submitted words
report "one that was killed leaves its jobs, and the next one knows them"
kill -TERM "$slurm"
ended 143 && grep -q 'told to stop: 1 job cancelled' words && none_queued
report "told to stop, it cancels what it has submitted"
await holds killed.db "SELECT count(*) = 1 FROM attempt WHERE outcome = 'preempted'"
report "trials that ran are given back"
allocate --workers 2 --idle 30s
await holds killed.db "SELECT count(*) = 2 FROM attempt"
touch finish.killed
ended 0 && none_queued && holds killed.db "SELECT (SELECT count(*) = 1000 AND count(DISTINCT epoch) = 1000 FROM epoch)
    AND (SELECT count(*) = 2 FROM attempt)"
report "and go on in the jobs of the next one, without an epoch lost"

search idle 4 1
"$HONE" pause idle --db idle.db >out
allocate --workers 2
await grep -q 'no trial waits for a worker' words
none_queued && ! grep -q submitted words
report "nothing is submitted while there is nothing to do"
"$HONE" resume idle --db idle.db >out
ended 0 && none_queued
report "and something is when there is"

search doomed 4 1
allocate --workers 2 --gpus 0
ended 1 && [ "$(grep -c submitted words)" = 5 ] && grep -q 'no worker of it has joined' words &&
    grep -q 'five jobs in a row have come to nothing' words && none_queued
report "workers that die at once are tried five times"
allocate --workers 2 -- --partition=nowhere
ended 1 && [ "$(grep -c 'invalid partition' words)" = 5 ] && none_queued
report "so are submissions that are refused, in the words of sbatch"
"$HONE" slurm --db doomed.db >out 2>&1
[ $? = 3 ] && grep -q 'listens on this machine alone' out
report "a master that no node can reach is not given any worker"
"$HONE" slurm --db doomed.db -- --array=1-3 >out 2>&1
[ $? = 2 ] && grep -q -- '--array=1-3 is not for sbatch here' out
report "what would hide its jobs from it is refused"
exit 0 # each line above says how it went
