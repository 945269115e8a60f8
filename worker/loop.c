/* loop: the worker's sockets, pipes, processes, signals and clock around session.c, which decides. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/mem.h"
#include "proto/wire.h"
#include "worker/cgroup.h"
#include "worker/lines.h"
#include "worker/orphans.h"
#include "worker/platform.h"
#include "worker/session.h"
#include "worker/slot_process.h"

enum {
    SLOTS_MAX = 1024,
    SLOT_LINE_MAX = 1 << 20,
    OTHER_DESCRIPTORS = 64, /* the wire's, and a few for a moment */
    LEAVE_MS = 2000,        /* slots whose line was cut have so long to sweep up and go */
};

/* The process behind a slot; started with its first job. */
struct slot_process {
    pid_t pid; /* 0: none */
    int fd;
    struct lines lines;
};

struct loop {
    struct session session;
    struct wire *wire;
    struct slot_process *slots;
    struct pollfd *fds; /* signals, then one per slot */
    int signals;
    const char *program;
    char *dir, *scratch;
    const char *refusal; /* as the log has it */
};

/* ---- slots ---- */

static bool slot_start(struct loop *loop, int index)
{
    struct slot_process *slot = &loop->slots[index];
    char **env = gpu_env(loop->session.options.gpus, index, environ);
    *slot = (struct slot_process){.fd = -1};
    bool started = slot_process_start(loop->program, env, &slot->pid, &slot->fd);
    gpu_env_free(env);
    if (!started) {
        slot->pid = 0;
        return false;
    }
    lines_init(&slot->lines, SLOT_LINE_MAX);
    return true;
}

static void slot_close(struct slot_process *slot)
{
    if (slot->pid)
        close(slot->fd);
    lines_fini(&slot->lines);
    *slot = (struct slot_process){.fd = -1};
}

/* The supervisor is dead, or good as: what it supervised is ours now (orphans_adopt), and ends here. */
static void slot_died(struct loop *loop, int index, struct now now)
{
    struct slot_process *slot = &loop->slots[index];
    pid_t spare[SLOTS_MAX];
    size_t count = 0;
    kill(slot->pid, SIGKILL);
    for (int i = 0; i < loop->session.options.slots; i++)
        if (i != index && loop->slots[i].pid)
            spare[count++] = loop->slots[i].pid;
    log_error("slot %d: its process has died", index);
    cgroup_sweep(); /* its own, and whatever nobody inherited */
    orphans_kill(spare, count, NULL, NULL);
    slot_close(slot);
    session_on_slot_gone(&loop->session, index, now);
}

static void slot_read(struct loop *loop, int index, struct now now)
{
    struct slot_process *slot = &loop->slots[index];
    ssize_t got = lines_fill(&slot->lines, slot->fd);
    bool dead = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    char *line;
    size_t len;
    enum lines_next next;
    while ((next = lines_next(&slot->lines, &line, &len)) == LINES_LINE)
        session_on_slot_line(&loop->session, index, line, len, now);
    if (dead || next == LINES_LONG)
        slot_died(loop, index, now);
}

/* Lines for a slot go as far as its socket takes them; the first one starts its process. */
static void slot_write(struct loop *loop, int index, struct now now)
{
    struct slot_process *slot = &loop->slots[index];
    struct str *out = &loop->session.slots[index].out;
    if (!slot->pid && !slot_start(loop, index)) {
        log_error("slot %d: cannot start a process: %s", index, strerror(errno));
        session_on_slot_gone(&loop->session, index, now);
        return;
    }
    lines_flush(slot->fd, out); /* a closed one is found out by reading */
}

/* ---- the wire ---- */

static void drain_wire(struct loop *loop, struct now now)
{
    for (;;) {
        peer_id from;
        struct msg msg;
        struct err why = ERR_NONE;
        switch (wire_receive(loop->wire, &from, &msg, &why)) {
        case WIRE_CUT: /* not of a client's wire */
        case WIRE_NOTHING: return;
        case WIRE_UP: session_on_up(&loop->session, now); break;
        case WIRE_DOWN: session_on_down(&loop->session, now); break;
        case WIRE_BAD: session_on_noise(&loop->session, &msg, &why, now); break;
        case WIRE_MESSAGE:
            session_on_message(&loop->session, &msg, now);
            msg_fini(&msg);
            break;
        }
    }
}

/* Once, until it is another one: it will be tried again every two seconds. */
static void log_refusal(struct loop *loop)
{
    const char *why = wire_refusal(loop->wire);
    if (why && why != loop->refusal)
        log_error("%s: %s; see hone worker --help, --keys", loop->session.options.address, why);
    loop->refusal = why;
}

/* A report that did not go out must not count as sent: a new connection sends all of them again. */
static void flush_wire(struct loop *loop)
{
    if (wire_flush(loop->wire, &loop->session.outbox) > 0 && loop->session.welcomed)
        loop->session.reconnect = true;
    if (loop->session.reconnect)
        wire_reconnect(loop->wire);
    loop->session.reconnect = false;
}

/* ---- the loop ---- */

static void read_signals(struct loop *loop, struct now now)
{
    struct signalfd_siginfo info;
    while (read(loop->signals, &info, sizeof info) == sizeof info) {
        if (loop->session.leaving < 0)
            log_info("%s: leaving; ^C: at once", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
        session_on_signal(&loop->session, (int)info.ssi_signo, now);
    }
}

static int64_t wait_time(int64_t deadline, struct now now)
{
    if (deadline == INT64_MAX)
        return -1;
    return deadline <= now.mono_ms ? 0 : deadline - now.mono_ms;
}

static void wait_for_something(struct loop *loop, int64_t deadline)
{
    int slots = loop->session.options.slots;
    loop->fds[0] = (struct pollfd){.fd = loop->signals, .events = POLLIN};
    for (int i = 0; i < slots; i++) {
        short want = loop->session.slots[i].out.len ? POLLIN | POLLOUT : POLLIN;
        loop->fds[i + 1] = (struct pollfd){.fd = loop->slots[i].pid ? loop->slots[i].fd : -1, .events = want};
    }
    wire_wait(loop->wire, loop->fds, slots + 1, wait_time(deadline, clock_now()));
}

static void turn(struct loop *loop, int64_t *deadline)
{
    struct session *session = &loop->session;
    wait_for_something(loop, *deadline);
    struct now now = clock_now();
    drain_wire(loop, now);
    log_refusal(loop);
    for (int i = 0; i < session->options.slots; i++)
        if (loop->fds[i + 1].revents & (POLLIN | POLLHUP | POLLERR))
            slot_read(loop, i, now);
    if (loop->fds[0].revents)
        read_signals(loop, now);
    *deadline = session_tick(session, now);
    for (int i = 0; i < session->options.slots; i++)
        if (session->slots[i].out.len)
            slot_write(loop, i, now);
    flush_wire(loop);
}

/* ---- the beginning and the end ---- */

static bool sees(const char *root, const char *probe)
{
    struct str text = {0};
    char *path = path_join(root, "probe");
    bool same = !file_read(path, 256, &text, NULL) && strcspn(text.text, "\r\n") == strlen(probe) &&
                str_starts(text.text, probe) && probe[0];
    str_fini(&text);
    free(path);
    return same;
}

static int sweep_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static void sweep(const char *dir)
{
    char *above = path_dir(dir);
    nftw(dir, sweep_one, 16, FTW_DEPTH | FTW_PHYS);
    rmdir(above); /* unless somebody else's is in it */
    free(above);
}

/* Slurm's name for a node is the one that its users know. */
static void describe_host(const struct slurm *slurm, char *out, size_t room)
{
    if (slurm->node && str_copy(out, room, slurm->node))
        return;
    if (gethostname(out, room))
        str_copy(out, room, "localhost");
    out[room - 1] = '\0';
}

static void describe_self(const struct worker_options *options, struct msg_hello *self)
{
    struct slurm slurm;
    slurm_read(environ, &slurm);
    *self = (struct msg_hello){.pid = (uint64_t)getpid()};
    random_hex(self->uuid);
    describe_host(&slurm, self->host, sizeof self->host);
    if (options->gpus)
        str_copy(self->gpus, sizeof self->gpus, options->gpus->summary);
    if (options->name && options->name[0])
        snprintf(self->name, sizeof self->name, "%s", options->name);
    else if (!slurm_name(&slurm, self->name, sizeof self->name))
        snprintf(self->name, sizeof self->name, "%.50s-%ld", self->host, (long)getpid());
    str_copy(self->version, sizeof self->version, HONE_VERSION);
    platform_text(self->platform);
}

/* Every slot takes a descriptor. Trainers inherit the limit, so it is not raised further than that. */
static int check_descriptors(int slots, struct err *err)
{
    struct rlimit limit;
    rlim_t need = (rlim_t)slots + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need)
        return 0;
    limit.rlim_cur = need;
    if (need <= limit.rlim_max && setrlimit(RLIMIT_NOFILE, &limit) == 0)
        return 0;
    err_set(err, ERR_BAD, "--slots %d needs %llu open files, and the limit is %llu", slots,
            (unsigned long long)need, (unsigned long long)limit.rlim_max);
    return err_hint(err, "raise it with ulimit -n, or start two workers");
}

static int check_options(const struct worker_options *options, struct err *err)
{
    if (options->slots < 1 || options->slots > SLOTS_MAX)
        return err_set(err, ERR_BAD, "--slots must be 1 to %d (got %d)", SLOTS_MAX, options->slots);
    if (options->dir && dir_make(options->dir, err))
        return err_prefix(err, "--dir: ");
    return check_descriptors(options->slots, err);
}

/* Before ZeroMQ starts its threads: they inherit the mask, so that signals reach this loop alone. Standard
 * error may be a pipe whose reader dies before us: not a reason to go. */
static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void loop_init(struct loop *loop, const struct worker_options *options)
{
    struct worker_options own = *options;
    struct msg_hello self;
    *loop = (struct loop){.signals = open_signals()};
    loop->dir = options->dir ? path_absolute(options->dir) : NULL;
    loop->scratch = loop->dir ? xstrdup(loop->dir) : path_absolute("hone-worker.d");
    if (options->own_base && !loop->dir)
        loop->dir = path_absolute(".");
    loop->program = options->program ? options->program : "/proc/self/exe";
    own.dir = loop->dir;
    describe_self(options, &self);
    session_init(&loop->session, &own, &self, loop->scratch, clock_now());
    loop->session.sees = options->apart ? NULL : sees;
    if (options->journal && !(loop->session.reports.journal = fopen(options->journal, "ae")))
        log_error("%s: cannot be opened: no journal is kept", options->journal);
    loop->session.sweep = sweep;
    loop->slots = xcalloc((size_t)options->slots, sizeof *loop->slots);
    loop->fds = xcalloc((size_t)options->slots + 1, sizeof *loop->fds);
    for (int i = 0; i < options->slots; i++)
        loop->slots[i].fd = -1;
    orphans_adopt();
    if (cgroup_sweep())
        log_warn("trainers of a worker that was killed were still running here; they are ended");
}

/* Waits for the process to end, not beyond the deadline. */
static void wait_exit(pid_t pid, int64_t deadline)
{
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    int64_t left = deadline - clock_mono_ms();
    if (end.fd < 0)
        return;
    while (left > 0 && poll(&end, 1, (int)left) < 0 && errno == EINTR)
        left = deadline - clock_mono_ms();
    close(end.fd);
    waitpid(pid, NULL, WNOHANG);
}

/* Cutting the lines is all it takes: each slot then ends its trainer. */
static void close_slots(struct loop *loop, bool wait)
{
    int64_t deadline = clock_mono_ms() + LEAVE_MS;
    int slots = loop->session.options.slots;
    for (int i = 0; i < slots; i++)
        if (loop->slots[i].pid)
            close(loop->slots[i].fd);
    for (int i = 0; wait && i < slots; i++)
        if (loop->slots[i].pid)
            wait_exit(loop->slots[i].pid, deadline);
    for (int i = 0; i < slots; i++)
        lines_fini(&loop->slots[i].lines);
}

static void loop_fini(struct loop *loop)
{
    bool at_once = loop->session.leaving >= 0 && (loop->session.held.count || loop->session.checkup_count);
    close_slots(loop, !at_once);
    wire_free(loop->wire);
    if (loop->session.reports.journal)
        fclose(loop->session.reports.journal);
    session_fini(&loop->session);
    close(loop->signals);
    free(loop->slots);
    free(loop->fds);
    free(loop->dir);
    free(loop->scratch);
}

int worker_run(const struct worker_options *options, struct err *err)
{
    struct loop loop;
    int64_t deadline = 0;
    int rc = check_options(options, err);
    if (rc)
        return err_exit_status(rc);
    loop_init(&loop, options);
    rc = wire_connect_keyed(options->address, options->trust, &loop.wire, err);
    while (!rc && loop.session.exit_status < 0)
        turn(&loop, &deadline);
    int status = rc ? err_exit_status(rc) : loop.session.exit_status;
    if (!rc && status == 3 && err)
        *err = loop.session.failure;
    loop_fini(&loop);
    return status;
}
