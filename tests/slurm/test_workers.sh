#!/bin/bash
# Workers as jobs of a real Slurm on loopback: the job script of docs/coming-from.md, arrays, GPUs by task and by node,
# requeue, scancel and time limit. Whatever ends a job, no acknowledged epoch is lost and none is trained twice. Speaks TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
room=$(mktemp -d)
. "$root/tests/slurm/cluster.sh"
need_hone
command -v python3 >/dev/null || skip_all "no python3 here"
cd "$room" || exit 2
trap 'cluster_down; kill "${masters[@]}" 2>/dev/null; wait; rm -rf "$room"' EXIT
trap 'exit 130' INT TERM
cluster_up
mkdir bin && ln -s "$HONE" bin/hone && PATH=$room/bin:$PATH

job() { # SBATCH-OPTION... -- SRUN-OPTION... -- WORKER-OPTION...: submits a worker for $address; its number
    local sbatch=() srun=()
    while [ "$1" != -- ]; do sbatch+=("$1") && shift; done
    shift
    while [ "$1" != -- ]; do srun+=("$1") && shift; done
    shift
    sbatch --parsable "${sbatch[@]}" --wrap "exec srun ${srun[*]-} hone worker $address $*"
}

master_ends() {
    await over "$master"
    wait "$master"
}

# ---- the page's own script ----

python3 - "$root/docs/coming-from.md" <<'PYTHON'
import json, re, sys
for kind, block in re.findall(r"^```(\w+)\n(.*?)^```$", open(sys.argv[1]).read(), re.M | re.S):
    if kind == "json" and '"from-tune"' in block:
        open("study.json", "w").write(block)
    elif kind == "python" and "HONE_PARAMS" in block:
        open("train.py", "w").write(block)
    elif "SBATCH" in block:
        open("page.sh", "w").write(block)
PYTHON
echo 1..16
serve page.db study.json --once --set search.trials=60
sed "s|tcp://login1:7077|$address|" page.sh >job.sh
array=$(sbatch --parsable job.sh)
await holds page.db "SELECT count(*) = 60 FROM trial WHERE status IN ('complete', 'pruned')"
report "sbatch job.sh of docs/coming-from.md: the study is searched"
"$HONE" workers --all --db page.db >out
holds page.db "SELECT count(*) >= 2 AND min(name GLOB 'n[1-3]-${array}_*' AND host GLOB 'n[1-3]') FROM worker"
report "an array's workers are called by node, job and task"
master_ends
# Of twenty tasks: those that begin now find no master, and wait for one as long as --idle says.
tasks=$(value page.db "SELECT group_concat(substr(name, instr(name, '-') + 1), ' ') FROM worker")
for task in $tasks; do await gone "$task"; done
for task in $tasks; do ls "slurm-$task.out" || break; done >out 2>&1 && [ -s "slurm-$task.out" ]
report "each has its log where it was submitted"
for task in $tasks; do scontrol show job "$task"; done >out
[ "$(grep -c 'JobState=COMPLETED ' out)" = "$(wc -w <<<"$tasks")" ] && ! grep -q 'NumCPUs=1 ' out
report "workers leave when there is no more work, and their jobs complete"
scancel "$array"

unbroken() { # DATABASE: each attempt goes on where the one before ended, and no epoch is there twice
    value "$1" "SELECT group_concat(attempt || ' ' || outcome || ' from ' || from_epoch, ', ') FROM attempt" >out
    holds "$1" "SELECT (SELECT count(*) = 1000 AND count(DISTINCT epoch) = 1000 FROM epoch) AND
        (SELECT min(a.from_epoch = coalesce((SELECT max(e.epoch) FROM epoch e WHERE e.trial = a.trial AND
                                             e.attempt < a.attempt), 0)) FROM attempt a)"
}

# The time limit, which takes Slurm a minute and a half, in the background of what follows: TERM twice, KILL ten seconds later.
slow limit 1 1000
serve limit.db limit.json --once
limit_master=$master
limited=$(job -n1 -t 60 -- -- --idle 30s)
limit_address=$address
await holds limit.db "SELECT count(*) > 0 FROM epoch"
scontrol update "JobId=$limited" TimeLimit=1

# ---- GPUs ----

mkdir locks
cat >gpu.sh <<'TRAIN'
mkdir "locks/$SLURMD_NODENAME.$CUDA_VISIBLE_DEVICES" || { echo "$SLURMD_NODENAME.$CUDA_VISIBLE_DEVICES is in use"; exit 9; }
echo "$SLURMD_NODENAME $SLURM_JOB_ID $SLURM_PROCID $HONE_SLOT $CUDA_VISIBLE_DEVICES" >>seen
until [ -e all ]; do
    [ "$(ls locks | wc -l)" = 11 ] && touch all
    read -rt 0.1 <> <(:)
done
rmdir "locks/$SLURMD_NODENAME.$CUDA_VISIBLE_DEVICES"
echo '{"epoch":1,"m":0.5}' >"/dev/fd/$HONE_OUT_FD"
TRAIN
cat >gpu.json <<'STUDY'
{"study": "gpu", "metric": {"name": "m", "goal": "minimize"}, "trainer": {"command": ["bash", "gpu.sh"]},
 "space": {"x": {"uniform": [0, 1]}}, "search": {"trials": 40, "epochs": 1}}
STUDY
serve gpu.db gpu.json --once
share=$(job -N2 --ntasks-per-node=2 --gpus-per-node=4 -- -N2 --ntasks-per-node=2 --gpus-per-node=4 -- --gpus auto)
single=$(job -n3 --gpus-per-task=1 -- -n3 --gpus-per-task=1 -- --gpus auto)
await holds gpu.db "SELECT count(*) = 40 FROM trial WHERE status = 'complete'" && master_ends
report "eleven GPUs of two jobs train at once"
value gpu.db "SELECT count(*) FROM attempt WHERE outcome = 'failed'" >out && [ "$(cat out)" = 0 ]
report "no two trainers have one"
"$HONE" workers --all --db gpu.db >out
holds gpu.db "SELECT count(*) = 3 AND min(slots = 1 AND length(gpus) = 1) FROM worker WHERE name GLOB 'n[1-3]-$single.[0-2]'"
report "--gpus-per-task=1: a worker for each GPU"
holds gpu.db "SELECT count(*) = 4 AND min(slots = 2 AND gpus IN ('0,1', '2,3')) FROM worker WHERE name GLOB 'n[1-3]-$share.[0-3]'"
report "--gpus-per-node: the tasks of a node split what they all see"
[ "$(awk '{print $1, $2, $3, $4}' seen | sort -u | wc -l)" = "$(sort -u seen | wc -l)" ]
report "each slot has always had the same one"
none=$(job -n1 -- -- --gpus 0)
await gone "$none"
grep -q 'Slurm gave this job no GPU' "slurm-$none.out"
report "a job without GPUs gets none, whatever the node has"

# ---- requeue, scancel ----

slow moved 1 1000
serve moved.db moved.json --once
first=$(job -n1 --requeue -- -- --idle 60s)
await holds moved.db "SELECT count(*) >= 3 FROM epoch"
scontrol requeue "$first"
await holds moved.db "SELECT count(*) = 1 FROM attempt WHERE outcome = 'preempted'"
report "scontrol requeue: the trainer ends its epoch, the trial is given back"
second=$(job -n1 -- -- --idle 60s)
await holds moved.db "SELECT count(*) = 2 AND sum(outcome IS NULL AND from_epoch > 0) = 1 FROM attempt"
report "it goes on elsewhere"
await holds moved.db "SELECT count(*) = 1 FROM worker WHERE left_ms IS NULL AND name GLOB 'n?-$first'"
await holds moved.db "SELECT count(*) >= 3 FROM epoch WHERE attempt = 2"
scancel "$second"
await holds moved.db "SELECT count(*) = 2 FROM attempt WHERE outcome = 'preempted'"
touch finish.moved
await holds moved.db "SELECT count(*) = 1 FROM trial WHERE status = 'complete'"
report "the requeued job joins again, and takes over from one that was cancelled"
unbroken moved.db
report "no epoch is lost, and none is trained twice"

# ---- the time limit ----

master=$limit_master address=$limit_address
await gone "$limited"
holds limit.db "SELECT group_concat(outcome) = 'preempted' FROM attempt" && grep -q 'SIGTERM: leaving' "slurm-$limited.out" &&
    scontrol show job "$limited" | grep -q 'TIMEOUT'
report "the time limit of a job preempts"
touch finish.limit
last=$(job -n1 --signal=TERM@30 -t 60 -- -- --idle 30s)
await holds limit.db "SELECT count(*) = 1 FROM trial WHERE status = 'complete'" && unbroken limit.db && await gone "$last"
report "and the trial goes on in the next one"
exit 0 # each line above says how it went
