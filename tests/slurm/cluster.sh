# shellcheck shell=bash disable=SC2154 # $room is theirs
# Sourced by the tests beside it: a Slurm of its own on loopback. munged, slurmctld and three slurmd with four GPUs each
# that are files, all of it in $room/slurm, on ports that were free; cluster_down ends what cluster_up began, by process id.
# Skips with its reason (status 77) where that cannot be: not root, no Slurm that runs several slurmd on one host.

# shellcheck source=tests/tools/tap.sh
. "${BASH_SOURCE[0]%/*}/../tools/tap.sh" # tests/all, too, asks for the reason
nodes=3
export HONE_LOG=info # whoever runs this may want to hear less, but what is said is looked at

cluster_reason() { # why there is none; nothing: there can be one
    local program
    [ "$(id -u)" = 0 ] || { echo "Slurm's daemons want to be root here"; return; }
    for program in slurmctld slurmd munged sbatch; do
        PATH=$PATH:/usr/sbin command -v $program >/dev/null || { echo "no $program (tools/install slurm)"; return; }
    done
}

free_port() { # the first of ten that are free
    local port taken
    taken=$(awk 'NR > 1 { split($2, a, ":"); print strtonum("0x" a[2]) }' /proc/net/tcp /proc/net/tcp6 2>/dev/null)
    for port in $(seq $((17000 + RANDOM % 10000)) 10 32000); do
        awk -v from="$port" '$1 >= from && $1 < from + 10 { exit 1 }' <<<"$taken" && { echo "$port"; return; }
    done
}

cluster_write() { # PORT: slurm.conf and gres.conf
    local i
    cat >"$dir/slurm.conf" <<CONF
ClusterName=hone
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$1
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge/socket,cred_expire=6
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/run/slurmctld.pid
SlurmdPidFile=$dir/run/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=0,sched_min_interval=0,requeue_delay=0
JobRequeue=1
KillWait=10
MinJobAge=36000
ReturnToService=2
SlurmdTimeout=30
InactiveLimit=0
GresTypes=gpu
SlurmdParameters=config_overrides
MailProg=/bin/true
CONF
    for i in $(seq $nodes); do
        echo "NodeName=n$i NodeHostname=localhost NodeAddr=127.0.0.1 Port=$(($1 + i)) CPUs=4 RealMemory=500 Gres=gpu:4"
    done >>"$dir/slurm.conf"
    echo "PartitionName=main Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP" >>"$dir/slurm.conf"
    echo "Name=gpu File=$dir/gpu[0-3]" >"$dir/gres.conf"
}

cluster_up() {
    local reason i
    reason=$(cluster_reason)
    [ -z "$reason" ] || skip_all "$reason"
    PATH=$PATH:/usr/sbin
    dir=$room/slurm
    mkdir -p "$dir"/{state,log,run,munge} $(printf "$dir/spool.n%s " $(seq $nodes))
    chmod 755 "$room" "$dir" "$dir/munge"
    for i in 0 1 2 3; do mknod "$dir/gpu$i" c 1 3 || skip_all "no device files may be made here"; done
    (umask 077; head -c 1024 /dev/urandom >"$dir/munge.key")
    cluster_write "$(free_port)"
    export SLURM_CONF=$dir/slurm.conf
    munged --force --key-file="$dir/munge.key" --socket="$dir/munge/socket" --pid-file="$dir/run/munged.pid" \
        --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed" 2>"$dir/log/munged.err" || cluster_failed munged
    slurmctld -c -f "$SLURM_CONF" || cluster_failed slurmctld
    for i in $(seq $nodes); do slurmd -N "n$i" -f "$SLURM_CONF" || cluster_failed slurmd; done
    comes all_idle || cluster_failed sinfo
}

all_idle() { [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = "$nodes" ]; }

none_queued() { squeue -h >queue 2>&1 && [ ! -s queue ]; } # a squeue that fails shows none either

gone() { # JOB
    squeue -h -j "$1" >queue 2>&1 && [ ! -s queue ]
}

no_daemons() { [ -z "$(daemons)" ]; }

seen() { # in vain waited for
    squeue
    tail -n 20 slurm-*.out hone-worker-*.log words
}

cluster_failed() {
    cluster_down
    tail -n 20 "$dir"/log/* | sed 's/^/# /'
    echo "not ok 1 - a Slurm of its own: $1"
    exit 1
}

daemons() { # process ids of those that live
    local file pid
    for file in "$dir"/run/*.pid; do
        pid=$(cat "$file" 2>/dev/null) && kill -0 "$pid" 2>/dev/null && echo "$pid"
    done
}

cluster_down() {
    [ -n "${dir:-}" ] || return 0
    scancel -f -u root 2>/dev/null && comes none_queued
    kill $(daemons) 2>/dev/null
    comes no_daemons
    kill -KILL $(daemons) 2>/dev/null
}

# A study whose trainer takes its time until the file finish.NAME is there, saves every epoch, and ends its epoch when it is told to go.
slow() { # NAME TRIALS EPOCHS: NAME.json and slow.sh
    cat >slow.sh <<'TRAIN'
trap 'ending=1' TERM
for epoch in $(seq $((${HONE_RESUME_EPOCH:-0} + 1)) "$HONE_UNTIL"); do
    [ -e "finish.$HONE_STUDY" ] || read -rt 0.2 <> <(:)
    echo state >"$HONE_DIR/e$epoch.ckpt"
    echo "{\"epoch\":$epoch,\"m\":0.5,\"checkpoint\":\"e$epoch.ckpt\"}" >"/dev/fd/$HONE_OUT_FD"
    [ -z "${ending:-}" ] || exit 0
done
TRAIN
    cat >"$1.json" <<STUDY
{"study": "$1", "metric": {"name": "m", "goal": "minimize"}, "trainer": {"command": ["bash", "slow.sh"]},
 "space": {"x": {"uniform": [0, 1]}}, "search": {"trials": $2, "epochs": $3}}
STUDY
}
