/* Much of everything at a master with keys: connections, messages, frames, bytes that nobody reads. The one who sends it
 * loses his connection, the master's memory stays within its bounds, and its own people are served. */
#include "tests/fault/siege.h"

#include <zmq.h>

#include "proto/guard.h"
#include "proto/peers.h"

enum { MANY = 10000 };

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
    struct caller a;
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
    name_the_executable();
    START(&p.master, p.scratch.folder, "sh", "-c",
          "ulimit -n 400; exec \"$HONE\" master study.json --bind tcp://127.0.0.1:* --keys k");
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
static int flood(struct caller *peer, void (*say)(struct caller *))
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

static void hello_again(struct caller *peer)
{
    say_hello(peer, "ffff");
}

static void who_floods_is_cut_off_and_the_others_are_served(void **state)
{
    (void)state;
    struct place p;
    struct caller a, b;
    struct msg msg;
    struct msg_job job;
    place_init(&p);
    join(&b, &p, "k", "bbbb");
    assert_int_equal(
        RUN(p.scratch.folder, NULL, "hone", "keys", "add", "f0", "--role", "worker", "--keys", "k"), 0);
    join(&a, &p, "k/clients/f0", "f0");
    int sent = flood(&a, hello_again);
    print_message("# cut off after %d messages\n", sent);
    assert_true(sent > 0);
    peer_close(&a);
    take_job(&b, &job);
    report(&b, &job, 1, 1, job.token, NULL);
    peer_expect(&b, MSG_ack, &msg);
    expect_serving(&p);
    peer_close(&b);
    place_fini(&p);
}

/* ---- what waits in memory ---- */

/* Without keys ZMTP is simple enough to be spoken by hand: what libzmq would not send. */
static int open_zmtp(const struct place *p)
{
    static const char ready[] = "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
                                "DEALER";
    unsigned char greeting[64];
    int fd = raw_connect(p->port);
    struct timeval patience = {PATIENCE_MS / 1000, 0};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    greet(fd, "NULL");
    assert_int_equal(recv(fd, greeting, sizeof greeting, MSG_WAITALL), sizeof greeting);
    assert_int_equal(write(fd, ready, sizeof ready - 1), sizeof ready - 1);
    return fd;
}

/* Two bytes are a frame, and say that more follow. */
static void a_message_that_does_not_end_costs_its_sender_the_connection(void **state)
{
    (void)state;
    struct place p;
    unsigned char frames[65536];
    place_init(&p);
    proc_fini(&p.master);
    START(&p.master, p.scratch.folder, "hone", "master", "study.json", "--no-check", "--bind",
          "tcp://127.0.0.1:*", "--keys", "none", "--beat", "500ms");
    await_address(&p);
    str_copy(p.keys, sizeof p.keys, "none");
    int64_t before = memory_kib(p.master.pid), sent = 0;
    int fd = open_zmtp(&p);
    for (size_t i = 0; i < sizeof frames; i++)
        frames[i] = i % 2 == 0;
    for (ssize_t put; sent < INT32_MAX && (put = write(fd, frames, sizeof frames)) > 0; sent += put)
        if ((sent & ((4 << 20) - 1)) == 0)
            expect_serving(&p); /* it has had turns to look in: what it keeps depends on no scheduler */
    assert_true(errno == EPIPE || errno == ECONNRESET);
    proc_await_text(&p.master, "sends without end");
    int64_t more = (memory_kib(p.master.pid) - before) / 1024;
    print_message("# cut off after %lld MiB; the master kept %lld MiB\n", (long long)(sent >> 20),
                  (long long)more);
    assert_true(more < 1536);
    expect_serving(&p);
    close(fd);
    place_fini(&p);
}

/* A peer that is libzmq's alone, with a key of ours: it says what our wire would not, and does not read unless told. */
struct stranger {
    void *context, *socket;
};

static struct stranger stranger_open(const struct place *p, const char *address, const char *folder,
                                     enum role role)
{
    struct stranger s = {.context = zmq_ctx_new()};
    struct key_trust trust;
    struct err err = ERR_NONE;
    const enum role roles[] = {role, ROLE_NONE};
    const int none = 0, one = 1, little = 4096;
    char *path = path_join(p->scratch.folder, folder);
    if (keys_trust(path, roles, &trust, &err))
        fail_msg("%s", err.text);
    free(path);
    s.socket = zmq_socket(s.context, ZMQ_DEALER);
    trust_use(s.socket, &trust);
    key_pair_wipe(&trust.own);
    zmq_setsockopt(s.socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(s.socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(s.socket, ZMQ_RCVHWM, &one, sizeof one);
    zmq_setsockopt(s.socket, ZMQ_RCVBUF, &little, sizeof little);
    assert_int_equal(zmq_connect(s.socket, address), 0);
    return s;
}

static void stranger_close(struct stranger *s)
{
    zmq_close(s->socket);
    zmq_ctx_term(s->context);
}

/* Each costs as much as a hundred messages: who sends them faster than five hundred a second, as any machine can, is cut off. */
static void what_cannot_be_read_costs_its_sender_the_connection(void **state)
{
    (void)state;
    enum { MESSAGES = 100000 };
    struct place p;
    place_init(&p);
    struct stranger s = stranger_open(&p, p.address, "k", ROLE_WORKER);
    for (int i = 0; i < MESSAGES; i++) {
        assert_true(zmq_send(s.socket, "HONE1 NONSENSE", 14, ZMQ_SNDMORE) >= 0);
        assert_true(zmq_send(s.socket, "{", 1, 0) >= 0);
    }
    proc_await_text(&p.master, "sends more than anybody should");
    stranger_close(&s);
    expect_serving(&p);
    place_fini(&p);
}

/* libzmq sends nothing of a message before it is whole. */
static void send_millions_of_frames(struct stranger *s)
{
    enum { FRAMES = 4000000 };
    for (int i = 0; i < FRAMES; i++)
        assert_int_equal(zmq_send(s->socket, "x", 1, i + 1 < FRAMES ? ZMQ_SNDMORE : 0), 1);
}

/* What one says goes to the other; false: one of them has ended. */
static bool carry(int from, int to, int64_t *carried)
{
    static char bytes[65536];
    ssize_t got = read(from, bytes, sizeof bytes);
    *carried += got > 0 ? got : 0;
    return got > 0 && write(to, bytes, (size_t)got) == got;
}

/* Between the peer who comes and the master: so many bytes get through to him and no more, until he ends it. Returns how many did. */
static int64_t dam(int door, int port, int64_t most)
{
    struct timeval patience = {PATIENCE_MS / 1000, 0};
    int peer = accept(door, NULL, NULL), master = raw_connect(port);
    int64_t there = 0, back = 0;
    bool goes_on = peer >= 0 && master >= 0;
    assert_true(goes_on);
    setsockopt(master, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    while (goes_on) {
        struct pollfd fds[2] = {{master, POLLIN, 0}, {there < most ? peer : -1, POLLIN, 0}};
        if (poll(fds, 2, PATIENCE_MS) < 1)
            fail_msg("%lld bytes of a message, and the master waits for the rest", (long long)there);
        if (fds[0].revents)
            goes_on = carry(master, peer, &back);
        if (goes_on && fds[1].revents)
            goes_on = carry(peer, master, &there);
    }
    close(peer);
    close(master);
    return there;
}

/* More of it than may wait, but not all: whenever the master has a turn, it finds a message that does not end. A connection that
 * ends before (a machine without a turn for it in the five seconds of a handshake) is made again, as libzmq does by itself. */
static void a_message_of_millions_of_frames_is_not_waited_for(void **state)
{
    (void)state;
    enum { HANDSHAKE_MOST = 4096 };
    struct place p;
    char address[64];
    int port;
    place_init(&p);
    int64_t before = memory_kib(p.master.pid);
    int door = listen_somewhere(&port);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    struct stranger s = stranger_open(&p, address, "k", ROLE_WORKER);
    for (int64_t there = INT64_MAX; !strstr(str_text(&p.master.out), "sends without end");) {
        if (there > HANDSHAKE_MOST) /* what was left of it is lost */
            send_millions_of_frames(&s);
        there = dam(door, p.port, PEER_UNREAD_MAX + (1 << 20));
        proc_drain(&p.master);
    }
    close(door);
    int64_t more = (memory_kib(p.master.pid) - before) / 1024;
    print_message("# the master kept %lld MiB\n", (long long)more);
    assert_true(more < 1024);
    stranger_close(&s);
    expect_serving(&p);
    place_fini(&p);
}

/* Within its rate a viewer may ask for much at once. He takes none of it, and a worker is served meanwhile. */
static void queries_without_end_hold_up_nobody(void **state)
{
    (void)state;
    static const char head[] = "HONE1 CALL";
    static const char body[] =
        "{\"id\":1,\"verb\":\"query\",\"args\":{\"sql\":\"SELECT hex(zeroblob(480000))\"}}";
    struct place p;
    struct caller a;
    struct msg_job job;
    struct msg msg;
    place_init(&p);
    make_folder(&p, "viewer", "k", "k", "viewer");
    join(&a, &p, "k", "aaaa");
    take_job(&a, &job);
    int64_t before = memory_kib(p.master.pid);
    struct stranger s = stranger_open(&p, p.address, "viewer", ROLE_VIEWER);
    for (int i = 0; i < 1000; i++) {
        assert_true(zmq_send(s.socket, head, sizeof head - 1, ZMQ_SNDMORE) >= 0);
        assert_true(zmq_send(s.socket, body, sizeof body - 1, 0) >= 0);
    }
    report(&a, &job, 1, 1, job.token, NULL);
    peer_expect(&a, MSG_ack, &msg);
    proc_await_text(&p.master, "its connection is ended");
    int64_t more = (memory_kib(p.master.pid) - before) / 1024;
    print_message("# the master kept %lld MiB\n", (long long)more);
    /* What may be owed lies here as it was sent and as it was enciphered; a third for the queries of one turn. */
    assert_true(more < 3LL * PEER_OWED_MAX >> 20);
    expect_serving(&p);
    assert_null(strstr(str_text(&p.master.out), "did nothing for"));
    stranger_close(&s);
    peer_close(&a);
    place_fini(&p);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_2_gib_costs_its_sender_the_connection),
        cmocka_unit_test(ten_thousand_connections_do_not_keep_the_others_out),
        cmocka_unit_test(a_crowd_leaves_the_master_its_descriptors),
        cmocka_unit_test(who_floods_is_cut_off_and_the_others_are_served),
        cmocka_unit_test(what_cannot_be_read_costs_its_sender_the_connection),
        cmocka_unit_test(a_message_that_does_not_end_costs_its_sender_the_connection),
        cmocka_unit_test(a_message_of_millions_of_frames_is_not_waited_for),
        cmocka_unit_test(queries_without_end_hold_up_nobody),
    };
    cmocka_set_test_filter(getenv("HONE_TEST_ONLY"));
    return cmocka_run_group_tests_name("floods", tests, NULL, NULL);
}
