#include "tests/tools/links.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "tests/tools/proc.h"
#include "tests/tools/relay.h"

#define FAR_IP "10.77.0.2"

/* One rule on what reaches the far side, in a table that links_heal deletes. */
static int far_rule(const struct links *l, const char *rule)
{
    char script[400];
    snprintf(script, sizeof script,
             "add table inet hone; add chain inet hone i { type filter hook input priority 0; }; "
             "add chain inet hone o { type filter hook output priority 0; }; %s",
             rule);
    return RUN(NULL, NULL, "ip", "netns", "exec", l->far, "nft", script);
}

static bool wire_up(const struct links *l, struct str *said)
{
    char script[1000];
    snprintf(
        script, sizeof script,
        "set -e; ip netns add %s; ip netns add %s; ip link add %s netns %s type veth peer name %s netns %s; "
        "ip -n %s addr add " NEAR_IP "/24 dev %s; ip -n %s addr add " FAR_IP "/24 dev %s; "
        "for n in %s %s; do ip -n $n link set lo up; done; ip -n %s link set %s up; ip -n %s link set %s up",
        l->near, l->far, l->near_wire, l->near, l->far_wire, l->far, l->near, l->near_wire, l->far,
        l->far_wire, l->near, l->far, l->near, l->near_wire, l->far, l->far_wire);
    return RUN(NULL, said, "sh", "-c", script) == 0;
}

static void start_relay(struct links *l)
{
    char path[64];
    l->relay = fork();
    PRE(l->relay >= 0);
    if (l->relay > 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(path, sizeof path, "/run/netns/%s", l->near);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET))
        _exit(1);
    relay_run(NEAR_IP, RELAY_PORT, NEAR_IP, MASTER_PORT, l->delay_ms);
}

bool links_open(struct links *l, char why[200])
{
    int pid = (int)getpid();
    struct str said = {0};
    *l = (struct links){0};
    snprintf(l->near, sizeof l->near, "hone-near-%d", pid);
    snprintf(l->far, sizeof l->far, "hone-far-%d", pid);
    snprintf(l->near_wire, sizeof l->near_wire, "hn%d", pid);
    snprintf(l->far_wire, sizeof l->far_wire, "hf%d", pid);
    l->delay_ms = mmap(NULL, sizeof *l->delay_ms, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    PRE(l->delay_ms != MAP_FAILED);
    bool fine = wire_up(l, &said);
    snprintf(why, 200, "no network namespaces here: %s", str_text(&said));
    str_fini(&said);
    if (fine && far_rule(l, "")) {
        snprintf(why, 200, "no nft here (tools/install fault)");
        fine = false;
    }
    if (!fine) {
        links_close(l);
        return false;
    }
    links_heal(l);
    start_relay(l);
    return true;
}

void links_close(struct links *l)
{
    if (l->relay > 0) {
        kill(l->relay, SIGKILL);
        waitpid(l->relay, NULL, 0);
    }
    RUN(NULL, NULL, "ip", "netns", "del", l->near); /* the wire goes with it */
    RUN(NULL, NULL, "ip", "netns", "del", l->far);
    munmap(l->delay_ms, sizeof *l->delay_ms);
    *l = (struct links){0};
}

void links_cut_loudly(const struct links *l)
{
    RUN(NULL, NULL, "ip", "-n", l->far, "link", "set", l->far_wire, "down");
}

void links_cut_silently(const struct links *l)
{
    far_rule(l, "add rule inet hone i drop; add rule inet hone o drop");
}

void links_lose(const struct links *l, int percent)
{
    char rule[200];
    snprintf(rule, sizeof rule, "add rule inet hone i iifname %s numgen random mod 100 < %d drop",
             l->far_wire, percent);
    far_rule(l, rule);
}

void links_delay(const struct links *l, int ms)
{
    __atomic_store_n(l->delay_ms, ms, __ATOMIC_SEQ_CST);
}

void links_heal(const struct links *l)
{
    links_delay(l, 0);
    RUN(NULL, NULL, "ip", "netns", "exec", l->far, "nft", "delete table inet hone");
    RUN(NULL, NULL, "ip", "-n", l->far, "link", "set", l->far_wire, "up");
}
