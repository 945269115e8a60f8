/* What those who want to get in have in common: a real master with keys, on loopback, its own people who must be served
 * meanwhile, and peers and sockets of our own making. */
#ifndef HONE_TESTS_FAULT_SIEGE_H
#define HONE_TESTS_FAULT_SIEGE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "proto/wire.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

enum { PATIENCE_MS = 120000 };

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=300\", \"layers\": [\"affine 4\"]},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 1000, \"epochs\": 5, \"seed\": 7} }\n";

/* For scripts: $HONE is the executable under test, wherever they run. */
static inline void name_the_executable(void)
{
    char *built = path_absolute("build/hone");
    setenv("HONE", built, 0);
    free(built);
}

/* ---- a master with keys ---- */

struct place {
    struct scratch scratch;
    char keys[128], db[128], address[64];
    int port;
    struct proc master;
};

static inline void write_study(const struct place *p)
{
    scratch_text(&p->scratch, "study.json", study_text);
}

static inline void await_address(struct place *p)
{
    proc_await_text(&p->master, "hone worker tcp://");
    while (!strchr(strstr(str_text(&p->master.out), "hone worker tcp://"), '\n'))
        proc_await_text(&p->master, "\n");
    sscanf(strstr(str_text(&p->master.out), "hone worker tcp://"), "hone worker %63s", p->address);
    p->port = atoi(strrchr(p->address, ':') + 1);
}

static inline void place_init(struct place *p)
{
    *p = (struct place){0};
    scratch_init(&p->scratch);
    write_study(p);
    snprintf(p->keys, sizeof p->keys, "%s/k", p->scratch.folder);
    snprintf(p->db, sizeof p->db, "%s/hone.db", p->scratch.folder);
    assert_int_equal(RUN(p->scratch.folder, NULL, "hone", "keygen", "k"), 0);
    START(&p->master, p->scratch.folder, "hone", "master", "study.json", "--no-check", "--bind",
          "tcp://127.0.0.1:*", "--keys", "k", "--beat", "500ms", "--lease", "10m");
    await_address(p);
}

static inline void place_fini(struct place *p)
{
    proc_fini(&p->master);
    scratch_fini(&p->scratch);
}

/* A folder for somebody: the server's public key, and the secret of a role out of another folder. */
static inline void make_folder(const struct place *p, const char *name, const char *server_from,
                               const char *key_from, const char *role)
{
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && mkdir -m 700 %s && cp -p %s/server.pub %s/ && cp -p %s/%s.key %s/", p->scratch.folder,
             name, server_from, name, key_from, role, name);
    assert_int_equal(RUN(NULL, NULL, "sh", "-c", command), 0);
}

static inline int ask(const struct place *p, const char *verb, const char *folder, struct str *out)
{
    return RUN(p->scratch.folder, out, "hone", verb, "--master", p->address, "--keys", folder);
}

static inline void expect_running(const struct place *p)
{
    assert_int_equal(db_int(p->db, "SELECT count(*) FROM study WHERE wish = 'run' AND ended_ms IS NULL"), 1);
}

/* ---- a peer of our own making ---- */

struct caller {
    struct wire *wire;
    struct key_trust trust;
};

static inline void peer_open(struct caller *peer, const struct place *p, const char *folder, enum role role)
{
    struct err err = ERR_NONE;
    const enum role roles[] = {role, ROLE_NONE};
    char *path = path_join(p->scratch.folder, folder);
    if (keys_trust(path, roles, &peer->trust, &err) ||
        wire_connect_keyed(p->address, &peer->trust, &peer->wire, &err))
        fail_msg("%s", err.text);
    free(path);
}

static inline enum wire_event peer_next(struct caller *peer, struct msg *msg)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    peer_id from;
    struct err err = ERR_NONE;
    while (clock_mono_ms() < end) {
        enum wire_event event = wire_receive(peer->wire, &from, msg, &err);
        if (event != WIRE_NOTHING)
            return event;
        wire_wait(peer->wire, NULL, 0, end - clock_mono_ms());
    }
    fail_msg("waited too long for the master");
    return WIRE_NOTHING;
}

static inline void peer_expect(struct caller *peer, enum msg_kind kind, struct msg *msg)
{
    for (;;) {
        enum wire_event event = peer_next(peer, msg);
        if (event == WIRE_MESSAGE && msg->kind == kind)
            return;
        if (event == WIRE_MESSAGE && msg->kind == MSG_error)
            fail_msg("ERROR %s: %s", msg->error.code, msg->error.text);
        if (event == WIRE_DOWN)
            fail_msg("the connection ended, waiting for %s", msg_name(kind));
        if (event == WIRE_MESSAGE)
            msg_fini(msg);
    }
}

static inline void peer_up(struct caller *peer)
{
    struct msg msg;
    assert_int_equal(peer_next(peer, &msg), WIRE_UP);
}

/* It says that it answers LOOK. */
static inline void say_hello(struct caller *peer, const char *uuid)
{
    struct msg msg = {.kind = MSG_hello, .hello = {.pid = 1, .slots = 1, .looks = true}};
    str_copy(msg.hello.uuid, sizeof msg.hello.uuid, uuid);
    str_copy(msg.hello.name, sizeof msg.hello.name, uuid);
    str_copy(msg.hello.host, sizeof msg.hello.host, "nowhere");
    str_copy(msg.hello.version, sizeof msg.hello.version, "0");
    str_copy(msg.hello.platform, sizeof msg.hello.platform, "none");
    wire_send(peer->wire, 0, &msg);
}

static inline void join(struct caller *peer, const struct place *p, const char *folder, const char *uuid)
{
    struct msg msg;
    peer_open(peer, p, folder, ROLE_WORKER);
    peer_up(peer);
    say_hello(peer, uuid);
    peer_expect(peer, MSG_welcome, &msg);
}

static inline void take_job(struct caller *peer, struct msg_job *job)
{
    struct msg msg = {.kind = MSG_credit, .credit.jobs = 1};
    wire_send(peer->wire, 0, &msg);
    peer_expect(peer, MSG_job, &msg);
    *job = msg.job;
    msg_fini(&msg);
}

static inline void report(struct caller *peer, const struct msg_job *job, uint64_t seq, uint64_t epoch,
                          const char *token, const char *checkpoint)
{
    struct msg msg = {.kind = MSG_report};
    const char metrics[] = "{\"val_acc\": 0.5}";
    memcpy(msg.report.study, job->study, sizeof job->study);
    str_copy(msg.report.token, sizeof msg.report.token, token);
    msg.report.trial = job->trial;
    msg.report.attempt = job->attempt;
    msg.report.seq = seq;
    msg.report.epoch = epoch;
    msg.report.metrics = json_parse(metrics, strlen(metrics), "metrics", NULL);
    msg.report.checkpoint =
        checkpoint ? json_parse(checkpoint, strlen(checkpoint), "checkpoint", NULL) : NULL;
    wire_send(peer->wire, 0, &msg);
    msg_fini(&msg);
}

static inline void peer_close(struct caller *peer)
{
    wire_free(peer->wire);
    key_pair_wipe(&peer->trust.own);
}

/* Somebody who comes now is let in and gets an answer: with the patience of this test, not of `hone studies`, which takes a
 * master from whom it has no connection after three seconds for none. */
static inline void expect_serving(const struct place *p)
{
    struct caller viewer;
    struct msg msg = {.kind = MSG_call, .call.id = 1};
    if (strcmp(p->keys, "none") == 0) {
        viewer = (struct caller){0};
        assert_int_equal(wire_connect(p->address, &viewer.wire, NULL), 0);
    } else {
        peer_open(&viewer, p, "k", ROLE_OPERATOR);
    }
    peer_up(&viewer);
    msg.call.args = json_new_object();
    strcpy(msg.call.verb, "workers");
    wire_send(viewer.wire, 0, &msg);
    msg_fini(&msg);
    peer_expect(&viewer, MSG_answer, &msg);
    if (msg.answer.code)
        fail_msg("%s\nmaster: %s", msg.answer.text, str_text(&p->master.out));
    msg_fini(&msg);
    peer_close(&viewer);
}

/* ---- raw sockets ---- */

static inline int raw_connect(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* For one who stands between a peer and the master. */
static inline int listen_somewhere(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Until the other side ends it; false: it did not. */
static inline bool await_end(int fd)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    char chunk[4096];
    for (;;) {
        struct pollfd ready = {fd, POLLIN, 0};
        int64_t left = end - clock_mono_ms();
        if (left <= 0 || poll(&ready, 1, (int)left) <= 0)
            return false;
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0 || (got < 0 && errno != EINTR))
            return true;
    }
}

static inline int64_t memory_kib(pid_t pid)
{
    char path[64], line[256];
    long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

#endif
