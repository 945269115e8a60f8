#!/bin/bash
# docs/cluster.md keeps its word: its commands, one after the other in one shell, in a Slurm on loopback. Only the port is
# another one, and home a folder of the test's. Speaks TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
room=$(mktemp -d)
. "$root/tests/slurm/cluster.sh"
need_hone
getent hosts "$(hostname)" | grep -q '^127\.' || skip_all "this host's name is not on loopback"
cd "$room" || exit 2
trap 'cluster_down; [ -z "${shell:-}" ] || kill -- "-$shell" 2>/dev/null; wait; rm -rf "$room"' EXIT
trap 'exit 130' INT TERM
cluster_up
mkdir bin home && ln -s "$HONE" bin/hone
export PATH=$room/bin:$PATH HOME=$room/home USER=anna

cat >train.sh <<'TRAIN'
echo '{"epoch":1,"m":0.5}' >"/dev/fd/$HONE_OUT_FD"
TRAIN
cat >study.json <<'STUDY'
{"study": "page", "metric": {"name": "m", "goal": "minimize"}, "trainer": {"command": ["bash", "train.sh"]},
 "space": {"x": {"uniform": [0, 1]}}, "search": {"trials": 12, "epochs": 1}}
STUDY

# Block by block: after each the shell says its number, and before the workers the master is waited for.
cat >page.sh <<'SHELL'
set -em
master_is_there() {
    until [ -s "$HONE_DB.d/address" ] && hone workers >workers 2>&1; do read -rt 0.1 <> <(:) || true; done
}
SHELL
{
    awk '/^```sh$/ { inside = 1; next } /^```$/ && inside { inside = 0; print "echo done " ++n " >>blocks"; next } inside' \
        "$root/docs/cluster.md" |
        sed "s|tcp://\*:7077|tcp://*:$(free_port)|; s|/var/tmp/|$room/|; s|^hone slurm |master_is_there; hone slurm --every 300ms |"
    echo 'wait %1 || true'
} >>page.sh
echo 1..6
setsid bash page.sh >out 2>&1 &
shell=$!
await over $shell
wait $shell
status=$?
shell=
[ $status = 0 ] && [ "$(tail -n 1 blocks)" = "done 5" ]
report "the page's commands, from hone keygen to the end of the master"
grep -q 'has joined' out && grep -q 'every study has ended' out
report "workers come, and hone slurm ends with the study"
holds anna-study.db "SELECT count(*) = 12 FROM trial WHERE status = 'complete'"
report "the study is complete"
[ -z "$(squeue -h)" ]
report "the queue is empty"
[ -s study.db ] && holds study.db "SELECT count(*) = 12 FROM trial WHERE status = 'complete'"
report "the copy of the database is there"
ls hone-worker-*.log >out && [ "$(stat -c %a home/.config/hone/keys)" = 700 ]
report "logs and keys are where the page says"
exit 0 # each line above says how it went
