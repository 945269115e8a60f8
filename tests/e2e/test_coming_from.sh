#!/bin/bash
# docs/coming-from.md keeps its word: its studies run with its trainers, each axis it writes is one, and its job script
# starts a worker that trains, and gives its trial back when it is told to go. Speaks TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
room=$(mktemp -d) && trap 'rm -rf "$room"' EXIT
. "$root/tests/tools/tap.sh"
command -v python3 >/dev/null || skip_all "no python3 here"
need_hone
cd "$room" || exit 2

# The page, taken apart: STUDY.json, train.py, train.sh, job.sh, and axes.json with one study of all axes in its tables.
python3 - "$root/docs/coming-from.md" <<'PYTHON'
import json, re, sys
text = open(sys.argv[1]).read()
for kind, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
    if kind == "json":
        open(json.loads(block)["study"] + ".json", "w").write(block)
    elif kind == "python" and "HONE_PARAMS" in block: # the others are for tests/peers/test_results.py
        open("train.py", "w").write(block)
    elif "SBATCH" in block:
        open("job.sh", "w").write(block)
    elif "HONE_PARAM" in block:
        open("train.sh", "w").write(block)
axes = {"opt": {"choice": ["sgd", "adam"]}}
for cell in re.findall(r"`([^`]*)`", "\n".join(line for line in text.splitlines() if line.startswith("|"))):
    if "…" in cell or not re.search(r'\{ "(uniform|log|logit|int|choice)":', cell):
        continue
    axis = json.loads("{" + (cell if cell.startswith('"') else '"a%d": %s' % (len(axes), cell)) + "}")
    axes.update({name if name == "opt" else "p%d" % len(axes): value for name, value in axis.items()})
assert len(axes) > 9, axes
open("axes.json", "w").write(json.dumps({
    "study": "axes", "metric": {"name": "val_loss", "goal": "minimize"}, "trainer": {"command": ["true"]},
    "space": axes, "search": {"trials": 1}}))
PYTHON

echo 1..6
"$HONE" check --quick axes.json >out 2>&1
report "each axis of the tables is one"
for study in from-optuna from-tune from-hyperqueue; do
    few=(--set search.trials=4 --set search.epochs=3) # each is a process of Python's
    [ $study = from-hyperqueue ] && few=()
    "$HONE" run $study.json ${few[@]+"${few[@]}"} --workers 2 --quiet --db $study.db >out 2>&1 &&
        holds $study.db 'SELECT failed = 0 FROM study_progress'
    report "hone run $study.json"
done

# The job script, with srun, the address and the time limit as they would be.
mkdir bin && ln -s "$HONE" bin/hone && printf '#!/bin/sh\nexec "$@"\n' >bin/srun && chmod +x bin/srun
sed 's/"epochs": 9/"epochs": 200/; s/"trials": 9/"trials": 1/; s/, *"prune".*//' from-tune.json | sed '/"prune"/d; s/^\(  "search".*\),$/\1/' >long.json
sed -i 's/    loss = /    sum(range(1000000))\n    loss = /' train.py # an epoch with something to do
serve long.db long.json
sed "s|tcp://login1:7077|$address|" job.sh >here.sh
PATH=$room/bin:$PATH SLURM_SUBMIT_DIR=$room SLURM_JOB_ID=4711 sh here.sh >job 2>&1 &
job=$!
await holds long.db 'SELECT count(*) > 2 FROM epoch'
"$HONE" workers --db long.db | grep -q 4711
report "the job script starts a worker under the job's name"
read -r srun <"/proc/$job/task/$job/children" # a bare system has no pkill
kill -TERM "$srun"                            # what --signal does: it goes to what srun runs
await over $job
"$HONE" show 1 --db long.db >out 2>&1
[ "$(value long.db 'SELECT outcome FROM attempt')" = preempted ]
report "told to go, it gives its trial back"
kill -TERM $master
await over $master
exit 0 # each line above says how it went
