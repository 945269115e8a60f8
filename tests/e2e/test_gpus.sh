#!/bin/bash
# GPUs of slots, with real processes on a machine whose GPUs are files: trainers that hold a lock on what they are told
# never meet, a slot keeps its GPU over a restart of its worker, and what does not go is refused. Speaks TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
room=$(mktemp -d) && trap 'rm -rf "$room"' EXIT
. "$root/tests/tools/tap.sh"

need_hone
cd "$room" || exit 2
export HONE_LOG=info # what workers say is looked at
unset CUDA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES CUDA_DEVICE_ORDER SLURM_JOB_ID

mkdir -p machine/dev
touch machine/dev/nvidia{ctl,-uvm,0,1,2,3}
export HONE_GPU_ROOT=$room/machine

# The first four wait for each other, so that all GPUs are in use at once.
cat >train.sh <<'TRAIN'
set -u
mkdir "gpu.$CUDA_VISIBLE_DEVICES" || { echo "GPU $CUDA_VISIBLE_DEVICES is in use"; exit 9; }
echo "$HONE_SLOT $HONE_GPU $CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER" >>seen
until [ -e four ]; do
    [ "$(ls -d gpu.* | wc -l)" = 4 ] && touch four
    read -rt 0.1 <> <(:)
done
while [ -e hold ]; do read -rt 0.1 <> <(:); done
rmdir "gpu.$CUDA_VISIBLE_DEVICES"
for epoch in $(seq "$HONE_UNTIL"); do
    echo "{\"epoch\":$epoch,\"m\":0.5}" >"/dev/fd/$HONE_OUT_FD"
done
TRAIN
cat >study.json <<'STUDY'
{"study": "s", "metric": {"name": "m", "goal": "minimize"}, "trainer": {"command": ["bash", "train.sh"]},
 "space": {"x": {"uniform": [0, 1]}}, "search": {"trials": 12, "epochs": 1}}
STUDY

out_of_use() { # COUNT: of so many workers GPU 2 is set apart, as far as the master knows
    "$HONE" workers --json --db sick.db >out 2>&1 && [ "$(grep -c '"gpus_out": *"2"' out)" = "$1" ]
}

whole() { # DATABASE: twelve complete, and none of their attempts failed
    [ "$(value "$1" "SELECT (SELECT count(*) FROM trial WHERE status = 'complete'),
        (SELECT count(*) FROM attempt WHERE outcome = 'failed')")" = 12,0 ]
}

echo 1..13
serve w.db study.json --once
touch hold
"$HONE" worker "$address" --gpus auto --name four >>worker.log 2>&1 &
worker=$!
await [ -e four ]
"$HONE" workers --db w.db >out 2>&1
grep -q '0,1,2,3' out && "$HONE" workers --json --db w.db | grep -q '"gpus": *"0,1,2,3"'
report "hone workers shows them"
kill -KILL $worker
wait $worker 2>/dev/null
await holds w.db 'SELECT count(*) = 0 FROM worker WHERE left_ms IS NULL'
rm -rf gpu.* hold # its trainers are gone, and with them whoever would remove their locks
"$HONE" worker "$address" --gpus auto --name again >>worker.log 2>&1
await over $master
whole w.db
report "auto: a slot for each GPU, and no two trainers with one"
awk '$2 != $3 || $4 != "PCI_BUS_ID" { exit 1 }' seen
report "HONE_GPU is what CUDA_VISIBLE_DEVICES says"
[ "$(sort -u seen | wc -l)" = 4 ] && [ "$(wc -l <seen)" -ge 16 ]
report "a slot has the same GPU after a restart of its worker"

rm -rf seen four
"$HONE" run study.json --no-check --gpus auto --quiet --db r.db >out 2>&1 && whole r.db
report "hone run --gpus auto: a worker for each GPU, and no two trainers with one"
[ "$(cut -d' ' -f2 seen | sort -u | tr -d '\n')" = 0123 ]
report "all of them are used"
rm -rf seen
"$HONE" run study.json --no-check --gpus 3,1 --workers 1 --slots 2 --quiet --db n.db >out 2>&1 && whole n.db &&
    [ "$(sort -u seen)" = "0 3 3 PCI_BUS_ID
1 1 1 PCI_BUS_ID" ]
report "--gpus 3,1: these, in this order"

refused() { # TEXT OPTION...: status 2, with this text
    local text=$1
    shift
    "$HONE" worker tcp://127.0.0.1:1 "$@" >out 2>&1
    [ $? = 2 ] && grep -q -- "$text" out
}
refused '--gpus 0,0: GPU 0 is named twice' --gpus 0,0
report "one named twice is refused"
refused 'there is no GPU 7 here; there is 0,1,2,3' --gpus 1,7
report "one that is not there is refused"
refused '--slots 5: more than there are GPUs (4)' --gpus auto --slots 5
report "more slots than GPUs are refused"

# A GPU that breaks while others train: three times, then it is tried with one at a time, until it is mended.
cat >train.sh <<'TRAIN'
read -rt 0.1 <> <(:)
[ "$HONE_GPU" != 2 ] || [ ! -e broken ] || { echo "uncorrectable ECC error"; exit 9; }
echo '{"epoch":1,"m":0.5}' >"/dev/fd/$HONE_OUT_FD"
TRAIN
touch broken
serve sick.db study.json --once --set search.trials=100000 --set max_attempts=20
"$HONE" worker "$address" --gpus auto >sick.log 2>&1 &
worker=$!
await grep -q 'GPU 2: [0-9]* trials in a row have failed there' sick.log
await out_of_use 1
rm broken
await grep -q 'GPU 2 does well again' sick.log
await out_of_use 0
report "a GPU that fails alone is set apart, shown, and tried until it does well"
"$HONE" stop s --db sick.db >out 2>&1
await over $master
await over $worker
value sick.db "SELECT (SELECT count(*) FROM trial WHERE status = 'failed'), count(*) FROM attempt WHERE outcome = 'failed'" >out
[ "$(tail -n 1 out | cut -d, -f1)" = 0 ] && [ "$(tail -n 1 out | cut -d, -f2)" -lt 20 ]
report "it eats neither trials nor the study"

rm -f machine/dev/nvidia[0-9]
printf 'echo "${CUDA_VISIBLE_DEVICES-unset} ${HONE_GPU-unset}" >>seen\necho "{\\"epoch\\":1,\\"m\\":1}" >"/dev/fd/$HONE_OUT_FD"\n' >train.sh
rm -f seen
"$HONE" run study.json --no-check --gpus auto --quiet --db c.db >out 2>&1 && whole c.db && [ "$(sort -u seen)" = "unset unset" ] &&
    grep -q 'no GPU' out
report "without GPUs all is as it was, and said"
exit 0 # each line above says how it went
