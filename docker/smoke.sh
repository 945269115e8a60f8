#!/bin/bash
# docker/smoke.sh: builds the image, and lets a master and two workers search in containers of it that know each other only
# by name. Exit status 77 and the reason where this machine can build no image or run no container.
# Storage, networks and firewall rules of the try live in folders and namespaces of their own and end with it.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() { echo "$*"; exit 77; }
# Without a system log podman says so at every call.
podman() { command podman "$@" 2> >(grep -v 'connect to syslog' >&2); }
say() { printf -- '--- %s\n' "$*"; }

isolate() { # podman and buildah with storage and networks that are only ours
    D=$(mktemp -d /var/tmp/hone-image.XXXXXX)
    mkdir -p "$D/networks"
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/graph"\nrunroot = "%s/run"\n' "$D" "$D" >"$D/storage.conf"
    # runc: older crun refuses hybrid control groups. The limits: what a host without CAP_SYS_RESOURCE may give.
    cat >"$D/containers.conf" <<CONF
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
$(command -v runc >/dev/null && echo 'runtime = "runc"')
[network]
network_backend = "netavark"
network_config_dir = "$D/networks"
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=8192:8192"]
CONF
    export D CONTAINERS_STORAGE_CONF=$D/storage.conf CONTAINERS_CONF=$D/containers.conf
    trap leave EXIT
}

leave() {
    podman rm -fa >/dev/null 2>&1 || true
    umount -l "$D/graph/overlay" >/dev/null 2>&1 || true
    rm -rf --one-file-system "$D" 2>/dev/null || true
}

base_image() {
    if timeout 60 podman pull -q debian:bookworm-slim >/dev/null 2>&1; then
        say "base: debian:bookworm-slim from its registry"
        base=debian:bookworm-slim
        return
    fi
    say "no registry answers: the base is a bare Debian of our own"
    local tar
    tar=$(HONE_SUITE=bookworm tests/cleanroom --bare) || skip "no base image: $tar"
    base=localhost/hone-base:bookworm
    podman import -q "$tar" $base >/dev/null 2>&1 || skip "podman cannot import an image here"
}

build_image() {
    say "buildah bud --build-arg BASE=$base -f docker/Dockerfile -t hone ."
    # The registry is not asked again: what base_image gave is the base.
    buildah bud --isolation chroot --pull-never --build-arg BASE=$base --layers=false -q -f docker/Dockerfile -t hone . 2>"$D/build.log" || {
        tail -n 30 "$D/build.log"
        grep -q 'E: \|unshare\|permission' "$D/build.log" && skip "this machine cannot build the image (log above)"
        exit 1
    }
    say "image of $(podman image inspect --format '{{.Size}}' hone | awk '{printf "%.0f MB", $1 / 1e6}')"
}

expect() { # WHAT COMMAND...: prints the output of a command that must succeed
    local what=$1
    shift
    say "$what"
    "$@" || { echo "failed: $what"; podman logs master 2>&1 | tail -n 20; podman logs w1 2>&1 | tail -n 20; exit 1; }
}

two_workers() {
    local h=(podman run --network hone -v hone:/data)
    expect "not root inside" test "$(podman run --rm --entrypoint id hone -u)" = 10001
    "${h[@]}" -d --name master hone master /usr/share/hone/examples/spiral.json --bind 'tcp://*:7077' --insecure --once >/dev/null
    for w in w1 w2; do
        "${h[@]}" -d --name $w hone worker tcp://master:7077 --dir /tmp/hone >/dev/null
    done
    expect "the master ends with its study" test "$(timeout 300 podman wait master)" = 0
    expect "hone best -n 3" "${h[@]}" --rm hone best -n 3
    "${h[@]}" --rm hone trials --csv >"$D/trials.csv"
    expect "no trial is left over" awk -F, '/,(waiting|running),/ {bad = 1} END {exit bad || NR < 5}' "$D/trials.csv"
    expect "both workers were there" test "$("${h[@]}" --rm hone workers --all --csv | tail -n +2 | wc -l)" -ge 2
    local start=$SECONDS
    podman stop -t 20 w1 w2 >/dev/null
    expect "workers end at TERM, not at KILL" test $((SECONDS - start)) -lt 20
}

if [ "${1:-}" = --run ]; then # in a network namespace of its own
    ip link set lo up 2>/dev/null || true
    podman network create hone >/dev/null 2>&1 || skip "podman can make no network here"
    podman run --rm --network hone hone version >"$D/run.log" 2>&1 ||
        skip "the image is built, but no container runs here: $(tail -n 1 "$D/run.log")"
    two_workers
    say "fine"
    exit 0
fi

command -v podman >/dev/null && command -v buildah >/dev/null || skip "podman and buildah are not installed (tools/install container)"
[ "$(id -u)" = 0 ] || skip "needs root, for storage and networks of its own"
isolate
base_image
build_image
unshare --net --mount "$0" --run
