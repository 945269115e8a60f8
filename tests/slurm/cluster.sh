# Sourced by the tests beside it: a Slurm of its own on loopback. munged, slurmctld and three slurmd with four GPUs each
# that are files, all of it in $room/slurm, on ports that were free; cluster_down ends what cluster_up began, by process id.
# Skips with its reason (status 77) where that cannot be: not root, no Slurm that runs several slurmd on one host.

nodes=3 number=0
export HONE_LOG=info # whoever runs this may want to hear less, but what is said is looked at

cluster_reason() { # why there is none; nothing: there can be one
    local program
    [ "$(id -u)" = 0 ] || { echo "Slurm's daemons want to be root here"; return; }
    for program in slurmctld slurmd munged sbatch; do
        PATH=$PATH:/usr/sbin command -v $program >/dev/null || { echo "no $program (tools/install slurm)"; return; }
    done
}

free_port() { # a block of COUNT ports from the first free one
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
MinJobAge=300
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
    [ -z "$reason" ] || { echo "1..0 # SKIP $reason"; exit 77; }
    PATH=$PATH:/usr/sbin
    dir=$room/slurm
    mkdir -p "$dir"/{state,log,run,munge} $(printf "$dir/spool.n%s " $(seq $nodes))
    chmod 755 "$room" "$dir" "$dir/munge"
    for i in 0 1 2 3; do mknod "$dir/gpu$i" c 1 3 || { echo "1..0 # SKIP no device files may be made here"; exit 77; }; done
    (umask 077; head -c 1024 /dev/urandom >"$dir/munge.key")
    cluster_write "$(free_port)"
    export SLURM_CONF=$dir/slurm.conf
    munged --force --key-file="$dir/munge.key" --socket="$dir/munge/socket" --pid-file="$dir/run/munged.pid" \
        --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed" 2>"$dir/log/munged.err" || cluster_failed munged
    slurmctld -c -f "$SLURM_CONF" || cluster_failed slurmctld
    for i in $(seq $nodes); do slurmd -N "n$i" -f "$SLURM_CONF" || cluster_failed slurmd; done
    for i in $(seq 300); do
        [ "$(sinfo -h -t idle -o %D 2>/dev/null)" = "$nodes" ] && return
        look_again
    done
    cluster_failed sinfo
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
    local i
    [ -n "${dir:-}" ] || return 0
    scancel -f -u root 2>/dev/null
    for i in $(seq 100); do
        [ -z "$(squeue -h 2>/dev/null)" ] && break
        look_again
    done
    kill $(daemons) 2>/dev/null
    for i in $(seq 100); do
        [ -z "$(daemons)" ] && break
        look_again
    done
    kill -KILL $(daemons) 2>/dev/null
}

look_again() { # a tenth of a second later; for how long is for who runs this to say
    read -rt 0.1 <> <(:)
}

report() { # NAME, after the command that decides; its last words if it failed
    if [ $? -eq 0 ]; then
        echo "ok $((++number)) - $1"
    else
        sed 's/^/# /' out 2>/dev/null
        echo "not ok $((++number)) - $1"
    fi
}

await() { # SECONDS COMMAND...: until it succeeds
    local tries=$(($1 * 10))
    shift
    until "$@"; do
        [ $((tries -= 1)) -gt 0 ] || { echo "waited in vain for: $*" >out; squeue >>out 2>&1; return 1; }
        look_again
    done
    return 0
}

value() { # DATABASE SQL: the only cell; its heading may have several lines
    "$HONE" sql --csv --db "$1" "$2" 2>/dev/null | tail -n 1
}

holds() { # DATABASE SQL: it is true
    [ "$(value "$1" "$2")" = 1 ]
}

serve() { # DATABASE STUDY.json [OPTION...]: a master; its address is in $address
    local db=$1
    shift
    rm -f said # the redirection is the child's: until it runs, this would be the address of the one before
    "$HONE" master "$@" --no-check --bind 'tcp://127.0.0.1:*' --db "$db" >said 2>>master.log &
    master=$!
    await 30 grep -qs '^hone worker' said
    address=$(cut -d' ' -f3 said)
}

end_master() {
    kill -TERM "$master" 2>/dev/null
    wait "$master" 2>/dev/null
}
