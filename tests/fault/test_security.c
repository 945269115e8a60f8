/* Nobody gets in: a real master with keys, on loopback, and the attacker's side of every sentence about it. What the
 * attacker has is said in the test's name; what he must not get is asserted, and that the master still serves its
 * own people afterwards. */
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

enum { PATIENCE_MS = 20000, MANY = 10000 };

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=300\", \"layers\": [\"affine 4\"]},\n"
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}},\n"
    "  \"search\": {\"method\": \"random\", \"trials\": 1000, \"epochs\": 5, \"seed\": 7} }\n";

/* ---- a master with keys ---- */

struct place {
    struct scratch scratch;
    char keys[128], db[128], address[64];
    int port;
    struct proc master;
};

static void write_study(const struct place *p)
{
    scratch_text(&p->scratch, "study.json", study_text);
}

static void await_address(struct place *p)
{
    proc_await_text(&p->master, "hone worker tcp://");
    while (!strchr(strstr(str_text(&p->master.out), "hone worker tcp://"), '\n'))
        proc_await_text(&p->master, "\n");
    sscanf(strstr(str_text(&p->master.out), "hone worker tcp://"), "hone worker %63s", p->address);
    p->port = atoi(strrchr(p->address, ':') + 1);
}

static void place_init(struct place *p)
{
    *p = (struct place){0};
    scratch_init(&p->scratch);
    write_study(p);
    snprintf(p->keys, sizeof p->keys, "%s/k", p->scratch.folder);
    snprintf(p->db, sizeof p->db, "%s/hone.db", p->scratch.folder);
    assert_int_equal(RUN(p->scratch.folder, NULL, "hone", "keygen", "k"), 0);
    START(&p->master, p->scratch.folder, "hone", "master", "study.json", "--no-check", "--bind",
          "tcp://127.0.0.1:*", "--keys", "k", "--beat", "500ms", "--lease", "30s");
    await_address(p);
}

static void place_fini(struct place *p)
{
    proc_fini(&p->master);
    scratch_fini(&p->scratch);
}

/* A folder for somebody: the server's public key, and the secret of a role out of another folder. */
static void make_folder(const struct place *p, const char *name, const char *server_from,
                        const char *key_from, const char *role)
{
    char command[1024];
    snprintf(command, sizeof command,
             "cd %s && mkdir -m 700 %s && cp -p %s/server.pub %s/ && cp -p %s/%s.key %s/", p->scratch.folder,
             name, server_from, name, key_from, role, name);
    assert_int_equal(RUN(NULL, NULL, "sh", "-c", command), 0);
}

static int ask(const struct place *p, const char *verb, const char *folder, struct str *out)
{
    return RUN(p->scratch.folder, out, "hone", verb, "--master", p->address, "--keys", folder);
}

static void expect_serving(const struct place *p)
{
    struct str out = {0};
    if (ask(p, "studies", p->keys, &out))
        fail_msg("%s\nmaster: %s", str_text(&out), str_text(&p->master.out));
    assert_non_null(strstr(str_text(&out), "s "));
    str_fini(&out);
}

static void expect_running(const struct place *p)
{
    assert_int_equal(db_int(p->db, "SELECT count(*) FROM study WHERE wish = 'run' AND ended_ms IS NULL"), 1);
}

/* ---- a peer of our own making ---- */

struct peer {
    struct wire *wire;
    struct key_trust trust;
};

static void peer_open(struct peer *peer, const struct place *p, const char *folder, enum role role)
{
    struct err err = ERR_NONE;
    const enum role roles[] = {role, ROLE_NONE};
    char *path = path_join(p->scratch.folder, folder);
    if (keys_trust(path, roles, &peer->trust, &err) ||
        wire_connect_keyed(p->address, &peer->trust, &peer->wire, &err))
        fail_msg("%s", err.text);
    free(path);
}

static enum wire_event peer_next(struct peer *peer, struct msg *msg)
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

static void peer_expect(struct peer *peer, enum msg_kind kind, struct msg *msg)
{
    for (;;) {
        enum wire_event event = peer_next(peer, msg);
        if (event == WIRE_MESSAGE && msg->kind == kind)
            return;
        if (event == WIRE_MESSAGE && msg->kind == MSG_error)
            fail_msg("ERROR %s: %s", msg->error.code, msg->error.text);
        if (event == WIRE_DOWN)
            fail_msg("the connection ended");
        if (event == WIRE_MESSAGE)
            msg_fini(msg);
    }
}

static void peer_up(struct peer *peer)
{
    struct msg msg;
    assert_int_equal(peer_next(peer, &msg), WIRE_UP);
}

static void say_hello(struct peer *peer, const char *uuid)
{
    struct msg msg = {.kind = MSG_hello, .hello = {.pid = 1, .slots = 1}};
    str_copy(msg.hello.uuid, sizeof msg.hello.uuid, uuid);
    str_copy(msg.hello.name, sizeof msg.hello.name, uuid);
    str_copy(msg.hello.host, sizeof msg.hello.host, "nowhere");
    str_copy(msg.hello.version, sizeof msg.hello.version, "0");
    str_copy(msg.hello.platform, sizeof msg.hello.platform, "none");
    wire_send(peer->wire, 0, &msg);
}

static void join(struct peer *peer, const struct place *p, const char *folder, const char *uuid)
{
    struct msg msg;
    peer_open(peer, p, folder, ROLE_WORKER);
    peer_up(peer);
    say_hello(peer, uuid);
    peer_expect(peer, MSG_welcome, &msg);
}

static void take_job(struct peer *peer, struct msg_job *job)
{
    struct msg msg = {.kind = MSG_credit, .credit.jobs = 1};
    wire_send(peer->wire, 0, &msg);
    peer_expect(peer, MSG_job, &msg);
    *job = msg.job;
    msg_fini(&msg);
}

static void report(struct peer *peer, const struct msg_job *job, uint64_t seq, uint64_t epoch,
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

static void peer_close(struct peer *peer)
{
    wire_free(peer->wire);
    key_pair_wipe(&peer->trust.own);
}

/* ---- who comes in ---- */

static void without_a_key_nobody_comes_in(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(ask(&p, "workers", "none", &out), 3);
    assert_non_null(strstr(str_text(&out), "wants keys"));
    expect_serving(&p);
    str_fini(&out);
    place_fini(&p);
}

static void a_key_that_is_not_on_the_list_does_not_come_in(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "keygen", "theirs"), 0);
    make_folder(&p, "stranger", "k", "theirs", "operator");
    assert_int_equal(ask(&p, "workers", "stranger", &out), 3);
    assert_non_null(strstr(str_text(&out), "does not let this key in"));
    expect_serving(&p);
    str_fini(&out);
    place_fini(&p);
}

/* An impostor in the master's place: his key is not the one we pinned, so he hears nothing from us. */
static void who_pins_the_servers_key_does_not_talk_to_another(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "keygen", "theirs"), 0);
    make_folder(&p, "deceived", "theirs", "k", "operator");
    assert_int_equal(ask(&p, "workers", "deceived", &out), 3);
    assert_non_null(strstr(str_text(&out), "server.pub"));
    str_fini(&out);
    place_fini(&p);
}

static void a_revoked_key_is_cut_off_on_the_running_master(void **state)
{
    (void)state;
    struct place p;
    struct peer peer;
    struct msg msg;
    struct msg_job job;
    place_init(&p);
    assert_int_equal(
        RUN(p.scratch.folder, NULL, "hone", "keys", "add", "node7", "--role", "worker", "--keys", "k"), 0);
    join(&peer, &p, "k/clients/node7", "7777");
    take_job(&peer, &job);
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "keys", "revoke", "node7", "--keys", "k"), 0);
    for (enum wire_event event = WIRE_UP; event != WIRE_DOWN;) {
        event = peer_next(&peer, &msg);
        if (event == WIRE_MESSAGE)
            msg_fini(&msg);
    }
    db_await(p.db, "SELECT count(*) FROM worker WHERE left_why = 'revoked'");
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'running'"),
                     0);               /* it goes on elsewhere */
    while (!wire_refusal(peer.wire)) { /* and it does not come back */
        peer_id from;
        assert_int_not_equal(wire_receive(peer.wire, &from, &msg, NULL), WIRE_UP);
        wire_wait(peer.wire, NULL, 0, 1000);
    }
    assert_non_null(strstr(wire_refusal(peer.wire), "not on its list"));
    expect_serving(&p);
    peer_close(&peer);
    place_fini(&p);
}

/* ---- roles ---- */

static void a_viewer_looks_and_cannot_stop_a_study(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    make_folder(&p, "viewer", "k", "k", "viewer");
    assert_int_equal(ask(&p, "studies", "viewer", &out), 0);
    const char *const verbs[] = {"stop", "pause", "resume"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        assert_int_equal(ask(&p, verbs[i], "viewer", &out), 1);
        assert_non_null(strstr(str_text(&out), "the key of a viewer"));
        assert_non_null(strstr(str_text(&out), "run commands on every worker"));
    }
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "study.json", "--fresh", "--master",
                         p.address, "--keys", "viewer"),
                     1);
    expect_running(&p);
    assert_int_equal(ask(&p, "pause", p.keys, &out), 0); /* the operator may */
    str_fini(&out);
    place_fini(&p);
}

static void a_worker_cannot_stop_a_study_and_an_operator_cannot_train(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    struct peer peer;
    struct msg msg;
    place_init(&p);
    make_folder(&p, "worker", "k", "k", "worker");
    assert_int_equal(ask(&p, "stop", "worker", &out), 1);
    assert_non_null(strstr(str_text(&out), "the key of a worker"));
    assert_int_equal(ask(&p, "studies", "worker", &out), 1);
    expect_running(&p);
    peer_open(&peer, &p, "k", ROLE_OPERATOR);
    peer_up(&peer);
    say_hello(&peer, "0001");
    assert_int_equal(peer_next(&peer, &msg), WIRE_MESSAGE);
    assert_int_equal(msg.kind, MSG_error);
    assert_string_equal(msg.error.code, "role");
    peer_close(&peer);
    str_fini(&out);
    place_fini(&p);
}

/* ---- whose trial it is ---- */

static void expect_fenced(struct peer *peer)
{
    struct msg msg;
    peer_expect(peer, MSG_stop, &msg);
    assert_string_equal(msg.stop.reason, "fenced");
}

static void nobody_reports_anothers_trial_by_a_guessed_or_a_recorded_token(void **state)
{
    (void)state;
    struct place p;
    struct peer a, b;
    struct msg_job job;
    struct msg msg;
    char guess[HASH_HEX];
    place_init(&p);
    assert_int_equal(
        RUN(p.scratch.folder, NULL, "hone", "keys", "add", "other", "--role", "worker", "--keys", "k"), 0);
    join(&a, &p, "k", "aaaa");
    take_job(&a, &job);
    join(&b, &p, "k/clients/other", "bbbb");
    random_hex(guess);
    report(&b, &job, 1, 1, guess, NULL);
    expect_fenced(&b);
    report(&b, &job, 2, 1, job.token, NULL); /* a's own words, from b */
    expect_fenced(&b);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), 0);
    say_hello(&b, "aaaa"); /* nor does b become a, whose uuid is no secret */
    do
        assert_int_equal(peer_next(&b, &msg), WIRE_MESSAGE);
    while (msg.kind != MSG_error);
    assert_string_equal(msg.error.code, "role");
    report(&a, &job, 1, 1, job.token, NULL);
    peer_expect(&a, MSG_ack, &msg);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), 1);
    peer_close(&a);
    peer_close(&b);
    place_fini(&p);
}

static void paths_never_leave_their_folder(void **state)
{
    (void)state;
    struct place p;
    struct peer a;
    struct msg_job job;
    struct msg msg;
    struct str out = {0};
    place_init(&p);
    join(&a, &p, "k", "aaaa");
    take_job(&a, &job);
    report(&a, &job, 1, 1, job.token,
           "{\"path\": \"s/../../../../etc/passwd\", \"bytes\": 9, \"hash\": "
           "\"0123456789abcdef0123456789abcdef\"}");
    peer_expect(&a, MSG_ack, &msg);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"),
                     1); /* the report counts, the checkpoint does not */
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM checkpoint"), 0);
    report(&a, &job, 2, 2, job.token, /* two dots in a name climb nowhere */
           "{\"path\": \"s/t00001/a1/v1..2.ckpt\", \"bytes\": 9, \"hash\": "
           "\"0123456789abcdef0123456789abcdef\"}");
    peer_expect(&a, MSG_ack, &msg);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM checkpoint"), 1);
    const char *const names[] = {"../s", "/etc/s", "s/t", ".", "..", "a b"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char set[64];
        snprintf(set, sizeof set, "study=\"%s\"", names[i]);
        assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "study.json", "--set", set, "--master",
                             p.address, "--keys", "k"),
                         2);
        assert_int_equal(
            RUN(p.scratch.folder, &out, "hone", "keys", "add", names[i], "--role", "worker", "--keys", "k"),
            2);
        assert_int_equal(RUN(p.scratch.folder, &out, "hone", "keys", "revoke", names[i], "--keys", "k"), 2);
    }
    peer_close(&a);
    str_fini(&out);
    place_fini(&p);
}

static void a_study_that_carries_hooks_is_refused(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "study.json", "--fresh", "--set",
                         "hooks={\"end\": [\"sh\", \"-c\", \"id\"]}", "--master", p.address, "--keys", "k"),
                     2);
    assert_non_null(strstr(str_text(&out), "hooks"));
    str_fini(&out);
    place_fini(&p);
}

/* ---- raw sockets ---- */

static int raw_connect(int port)
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

/* Until the other side ends it; false: it did not. */
static bool await_end(int fd)
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

static int64_t memory_kib(pid_t pid)
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

static void greet(int fd, const char *mechanism)
{
    unsigned char greeting[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0};
    memcpy(greeting + 12, mechanism, strlen(mechanism));
    assert_int_equal(write(fd, greeting, sizeof greeting), sizeof greeting);
}

/* A frame whose header says 2 GiB: as a command before the handshake is through, and as a message. */
static void a_frame_of_2_gib_costs_its_sender_the_connection(void **state)
{
    (void)state;
    struct place p;
    const unsigned char header[9] = {0x06, 0, 0, 0, 0, 0x80, 0, 0, 0};
    const unsigned char message[9] = {0x02, 0, 0, 0, 0, 0x80, 0, 0, 0};
    const char *const mechanisms[] = {"CURVE", "NULL"};
    place_init(&p);
    int64_t before = memory_kib(p.master.pid);
    for (int i = 0; i < 4; i++) {
        int fd = raw_connect(p.port);
        assert_true(fd >= 0);
        greet(fd, mechanisms[i & 1]);
        ssize_t put = write(fd, i & 2 ? header : message, sizeof header);
        assert_true(put == sizeof header || errno == EPIPE || errno == ECONNRESET);
        assert_true(await_end(fd));
        close(fd);
    }
    assert_true(memory_kib(p.master.pid) - before < 64 * 1024);
    expect_serving(&p);
    place_fini(&p);
}

/* Descriptors of ours that can be had: each connection takes one here and one there. */
static int connections_possible(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_max - 300; /* the master keeps some back */
    return most < MANY ? (int)most : MANY;
}

static void ten_thousand_connections_do_not_keep_the_others_out(void **state)
{
    (void)state;
    struct place p;
    struct peer a;
    struct msg msg;
    struct msg_job job;
    place_init(&p);
    join(&a, &p, "k", "aaaa");
    int wanted = connections_possible(), count = 0;
    int *fds = xcalloc((size_t)wanted, sizeof *fds);
    for (int fd; count < wanted && (fd = raw_connect(p.port)) >= 0;)
        fds[count++] = fd;
    print_message("# %d of %d connections made, which is what the limit of descriptors allows\n", count,
                  MANY);
    assert_true(count >= wanted / 2);
    take_job(&a, &job);
    report(&a, &job, 1, 1, job.token, NULL);
    peer_expect(&a, MSG_ack, &msg);
    expect_serving(&p);
    for (int i = 0; i < count; i++) { /* they say nothing, so the handshake's time ends them */
        assert_true(await_end(fds[i]));
        close(fds[i]);
    }
    expect_serving(&p);
    free(fds);
    peer_close(&a);
    place_fini(&p);
}

/* A crowd that wants all descriptors of the master gets none of those that the database needs. */
static void a_crowd_leaves_the_master_its_descriptors(void **state)
{
    (void)state;
    struct place p;
    enum { CROWD = 700 };
    int fds[CROWD];
    place_init(&p);
    proc_fini(&p.master);
    START(&p.master, p.scratch.folder, "sh", "-c",
          "ulimit -n 400; exec \"$0\" master study.json --bind tcp://127.0.0.1:* --keys k",
          getenv("HONE") ? getenv("HONE") : "hone");
    await_address(&p);
    for (int i = 0; i < CROWD; i++)
        fds[i] = raw_connect(p.port);
    proc_await_text(&p.master, "those that come now are closed");
    for (int i = 0; i < CROWD; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    expect_serving(&p);
    assert_null(strstr(str_text(&p.master.out), "unable to open"));
    place_fini(&p);
}

/* ---- floods ---- */

/* Until the master ends the connection; how many it took. */
static int flood(struct peer *peer, void (*say)(struct peer *))
{
    for (int sent = 0; sent < 5000000; sent++) {
        struct msg msg;
        peer_id from;
        enum wire_event event = WIRE_NOTHING;
        say(peer);
        while (sent % 100 == 0 && (event = wire_receive(peer->wire, &from, &msg, NULL)) == WIRE_MESSAGE)
            msg_fini(&msg);
        if (event == WIRE_DOWN)
            return sent;
    }
    return -1;
}

static void hello_again(struct peer *peer)
{
    say_hello(peer, "ffff");
}

static void beat(struct peer *peer)
{
    const struct msg msg = {.kind = MSG_beat};
    if (wire_send(peer->wire, 0, &msg) == ERR_BUSY) /* it is being slowed down: its own queue is full */
        wire_wait(peer->wire, NULL, 0, 5);
}

static void who_floods_is_cut_off_and_the_others_are_served(void **state)
{
    (void)state;
    struct place p;
    struct peer a, b;
    struct msg msg;
    struct msg_job job;
    void (*const ways[])(struct peer *) = {hello_again, beat};
    place_init(&p);
    join(&b, &p, "k", "bbbb");
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        char name[16], folder[40];
        snprintf(name, sizeof name, "f%zu", i);
        snprintf(folder, sizeof folder, "k/clients/%s", name);
        assert_int_equal(
            RUN(p.scratch.folder, NULL, "hone", "keys", "add", name, "--role", "worker", "--keys", "k"), 0);
        join(&a, &p, folder, name);
        int sent = flood(&a, ways[i]);
        print_message("# cut off after %d messages\n", sent);
        assert_true(sent > 0);
        peer_close(&a);
    }
    take_job(&b, &job);
    report(&b, &job, 1, 1, job.token, NULL);
    peer_expect(&b, MSG_ack, &msg);
    expect_serving(&p);
    peer_close(&b);
    place_fini(&p);
}

/* ---- what is recorded cannot be played again ---- */

static int listen_somewhere(int *port)
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

static bool carry(int from, int to, struct str *record)
{
    char chunk[4096];
    ssize_t got = read(from, chunk, sizeof chunk);
    if (got <= 0)
        return false;
    if (record)
        str_addn(record, chunk, (size_t)got);
    return write(to, chunk, (size_t)got) == got;
}

/* One connection, in the middle of which somebody listens. */
static void relay_one(int listener, int port, struct str *record)
{
    int client = accept(listener, NULL, NULL), master = raw_connect(port);
    bool open = true;
    while (open) {
        struct pollfd fds[2] = {{client, POLLIN, 0}, {master, POLLIN, 0}};
        assert_true(poll(fds, 2, PATIENCE_MS) > 0);
        if (fds[0].revents)
            open = carry(client, master, record);
        if (fds[1].revents && open)
            open = carry(master, client, NULL);
    }
    close(client);
    close(master);
}

/* As often as they connect; the last conversation is kept. */
static void relay(int listener, int port, const struct proc *talker, struct str *record)
{
    for (;;) {
        struct pollfd fds[2] = {{listener, POLLIN, 0}, {talker->out_fd, 0, 0}};
        assert_true(poll(fds, 2, PATIENCE_MS) > 0);
        if (!fds[0].revents)
            return;
        str_clear(record);
        relay_one(listener, port, record);
    }
}

static void a_recorded_conversation_says_nothing_and_does_nothing_again(void **state)
{
    (void)state;
    struct place p;
    struct proc hone;
    struct str record = {0}, out = {0};
    char address[64];
    int port;
    place_init(&p);
    int listener = listen_somewhere(&port);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    START(&hone, p.scratch.folder, "hone", "pause", "--master", address, "--keys", "k");
    relay(listener, p.port, &hone, &record);
    if (proc_wait(&hone))
        fail_msg("%s", str_text(&hone.out));
    assert_null(memmem(record.text, record.len, "pause", 5)); /* encrypted */
    assert_int_equal(ask(&p, "resume", p.keys, &out), 0);
    expect_running(&p);
    int fd = raw_connect(p.port);
    ssize_t put = write(fd, record.text, record.len);
    assert_true(put == (ssize_t)record.len || errno == ECONNRESET);
    assert_true(await_end(fd));
    close(fd);
    close(listener);
    expect_serving(&p);
    expect_running(&p);
    proc_fini(&hone);
    str_fini(&record);
    str_fini(&out);
    place_fini(&p);
}

/* ---- secrets ---- */

static void file_text(const char *path, struct str *out)
{
    char chunk[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; fd >= 0 && (got = read(fd, chunk, sizeof chunk)) > 0;)
        str_addn(out, chunk, (size_t)got);
    if (fd >= 0)
        close(fd);
}

static void add_files(const char *folder, struct str *out)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = path_join(folder, entry->d_name);
        if (entry->d_type == DT_REG)
            file_text(path, out);
        else if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && strcmp(entry->d_name, "k") != 0)
            add_files(path, out);
        free(path);
    }
    if (dir)
        closedir(dir);
}

static void add_process(pid_t pid, struct str *out)
{
    static const char *const files[] = {"cmdline", "environ"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
        file_text(path, out);
    }
}

static void expect_no_secret(const struct place *p, const struct str *seen)
{
    static const char *const roles[] = {"server", "worker", "operator", "viewer"};
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        struct str text = {0};
        char *path = xasprintf("%s/%s.key", p->keys, roles[i]);
        file_text(path, &text);
        assert_true(text.len > 41);
        char *secret = xstrndup(text.text + text.len - 41, 40);
        if (memmem(seen->text, seen->len, secret, 40))
            fail_msg("the secret of %s is to be seen", path);
        free(secret);
        free(path);
        str_fini(&text);
    }
}

/* ps, logs, the store with all its folders, the trainer's environment and what is said about a broken key. */
static void secrets_are_nowhere_to_be_seen(void **state)
{
    (void)state;
    struct place p;
    struct proc worker;
    struct str seen = {0}, out = {0};
    place_init(&p);
    scratch_text(&p.scratch, "env.json",
                 "{ \"study\": \"e\", \"metric\": {\"name\": \"m\", \"goal\": \"maximize\"}, \"trainer\": "
                 "{\"command\": "
                 "[\"sh\", \"-c\", \"env; exit 1\"]}, \"space\": {\"x\": {\"uniform\": [0, 1]}},"
                 " \"search\": {\"method\": \"random\", \"trials\": 1, \"epochs\": 1} }");
    setenv("DATABASE_PASSWORD", "correct horse", 1);
    setenv("HONE_LOG", "debug", 1);
    START(&worker, p.scratch.folder, "hone", "worker", p.address, "--keys", "k");
    unsetenv("DATABASE_PASSWORD");
    unsetenv("HONE_LOG");
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "env.json", "--no-check", "--master",
                         p.address, "--keys", "k"),
                     0);
    db_await(p.db, "SELECT count(*) FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 'e' AND "
                   "t.status = 'failed'");
    add_process(p.master.pid, &seen);
    add_process(worker.pid, &seen);
    proc_signal(&worker, SIGTERM);
    proc_wait(&worker);
    proc_signal(&p.master, SIGTERM);
    proc_wait(&p.master);
    str_addn(&seen, str_text(&worker.out), worker.out.len);
    str_addn(&seen, str_text(&p.master.out), p.master.out.len);
    str_clear(&out);
    add_files(p.scratch.folder, &out);
    assert_non_null(memmem(out.text, out.len, "HONE_TRIAL=1", 12)); /* the trainer's log is among it */
    assert_null(memmem(out.text, out.len, "correct horse", 13));
    assert_null(memmem(out.text, out.len, "HONE_KEYS", 9));
    str_addn(&seen, out.text, out.len);
    expect_no_secret(&p, &seen);
    str_fini(&seen);
    str_fini(&out);
    proc_fini(&worker);
    place_fini(&p);
}

/* ---- without keys ---- */

static void a_master_beyond_this_machine_wants_keys(void **state)
{
    (void)state;
    struct scratch scratch;
    struct str out = {0};
    scratch_init(&scratch);
    scratch_text(&scratch, "study.json", study_text);
    const char *const addresses[] = {"tcp://*:7077", "tcp://0.0.0.0:7077", "tcp://[::]:7077",
                                     "tcp://10.0.0.1:7077"};
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        assert_int_equal(RUN(scratch.folder, &out, "env", "XDG_CONFIG_HOME=/nowhere", getenv("HONE"),
                             "master", "study.json", "--bind", addresses[i]),
                         2);
        assert_non_null(strstr(str_text(&out), "there are no keys"));
        assert_non_null(strstr(str_text(&out), "hone keygen"));
        assert_non_null(strstr(str_text(&out), "WHOEVER REACHES THE PORT CAN RUN COMMANDS ON EVERY WORKER"));
    }
    str_fini(&out);
    scratch_fini(&scratch);
}

static void a_socket_file_is_its_owners_alone(void **state)
{
    (void)state;
    struct place p = {0};
    char path[128], address[160];
    struct stat st;
    mode_t before = umask(0);
    scratch_init(&p.scratch);
    write_study(&p);
    snprintf(path, sizeof path, "%s/m.sock", p.scratch.folder);
    snprintf(address, sizeof address, "ipc://%s", path);
    START(&p.master, p.scratch.folder, "hone", "master", "study.json", "--bind", address);
    proc_await_text(&p.master, "hone worker");
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    place_fini(&p);
}

/* ---- what a worker runs ---- */

static void a_worker_runs_what_it_was_told_and_within_its_limits(void **state)
{
    (void)state;
    struct place p;
    struct proc worker;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(ask(&p, "stop", p.keys, &out), 0);
    scratch_text(
        &p.scratch, "two.json",
        "{ \"study\": \"two\", \"metric\": {\"name\": \"m\", \"goal\": \"maximize\"}, \"trainer\": "
        "{\"command\": "
        "[\"sh\", \"./{x}.sh\", \"; touch pwned\"]}, \"space\": {\"x\": {\"choice\": [\"good\", \"evil\"]}},"
        " \"search\": {\"method\": \"grid\", \"epochs\": 1}, \"max_attempts\": 1 }");
    scratch_text(&p.scratch, "good.sh", "ulimit -n; ulimit -d; exec sleep 100\n");
    scratch_text(&p.scratch, "evil.sh", "touch pwned\n");
    START(&worker, p.scratch.folder, "hone", "worker", p.address, "--keys", "k", "--allow", "sh ./good.sh",
          "--limit-time", "300ms", "--limit-files", "50", "--limit-memory", "100M");
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "two.json", "--no-check", "--master",
                         p.address, "--keys", "k"),
                     0);
    db_await(p.db, "SELECT count(*) = 2 FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 'two' AND "
                   "t.status = 'failed'");
    assert_int_equal(
        db_int(p.db, "SELECT count(*) FROM attempt WHERE detail LIKE '%this worker does not run \"sh\"%'"),
        1);
    assert_int_equal(
        db_int(p.db, "SELECT count(*) FROM attempt WHERE cause = 'timeout' AND detail LIKE '%50%102400%'"),
        1);
    char *pwned = path_join(p.scratch.folder, "pwned");
    assert_false(file_exists(pwned));
    free(pwned);
    proc_fini(&worker);
    str_fini(&out);
    place_fini(&p);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_key_nobody_comes_in),
        cmocka_unit_test(a_key_that_is_not_on_the_list_does_not_come_in),
        cmocka_unit_test(who_pins_the_servers_key_does_not_talk_to_another),
        cmocka_unit_test(a_revoked_key_is_cut_off_on_the_running_master),
        cmocka_unit_test(a_viewer_looks_and_cannot_stop_a_study),
        cmocka_unit_test(a_worker_cannot_stop_a_study_and_an_operator_cannot_train),
        cmocka_unit_test(nobody_reports_anothers_trial_by_a_guessed_or_a_recorded_token),
        cmocka_unit_test(paths_never_leave_their_folder),
        cmocka_unit_test(a_study_that_carries_hooks_is_refused),
        cmocka_unit_test(a_frame_of_2_gib_costs_its_sender_the_connection),
        cmocka_unit_test(ten_thousand_connections_do_not_keep_the_others_out),
        cmocka_unit_test(a_crowd_leaves_the_master_its_descriptors),
        cmocka_unit_test(who_floods_is_cut_off_and_the_others_are_served),
        cmocka_unit_test(a_recorded_conversation_says_nothing_and_does_nothing_again),
        cmocka_unit_test(secrets_are_nowhere_to_be_seen),
        cmocka_unit_test(a_master_beyond_this_machine_wants_keys),
        cmocka_unit_test(a_socket_file_is_its_owners_alone),
        cmocka_unit_test(a_worker_runs_what_it_was_told_and_within_its_limits),
    };
    cmocka_set_test_filter(getenv("HONE_TEST_ONLY"));
    return cmocka_run_group_tests_name("security", tests, NULL, NULL);
}
