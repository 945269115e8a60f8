/* The wire over real sockets: both ways, and through connections that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "tests/unit/wire_ends.h"

/* ---- both ways ---- */

static void test_tcp_both_ways(void **state)
{
    (void)state;
    talk("tcp://127.0.0.1:*");
}

static void test_ipc_both_ways(void **state)
{
    (void)state;
    char address[64];
    temp_address(address, "s");
    talk(address);
    assert_false(file_exists(address + strlen("ipc://")));
    temp_remove(address);
}

static void test_star_listens_for_both_families(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://*:*");
    const char *port = strrchr(wire_address(server), ':');
    assert_true(str_starts(wire_address(server), "tcp://*:"));
    assert_true(atoi(port + 1) > 0);
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1%s", port);
    struct wire *client = connect_to(address);
    expect_event(client, WIRE_UP);
    wire_free(client);
    wire_free(server);
}

static void test_outbox_goes_out_in_order(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    struct outbox outbox = {0};
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 1; i <= 1000; i++)
            outbox_add(&outbox, 0, &(struct msg){.kind = MSG_ack, .ack.seq = i});
        assert_int_equal(wire_flush(client, &outbox), 0);
        assert_int_equal(outbox.count, 0);
        for (uint64_t i = 1; i <= 1000; i++)
            expect_ack(server, i);
    }
    outbox_fini(&outbox);
    wire_free(client);
    wire_free(server);
}

static void test_two_hundred_clients(void **state)
{
    (void)state;
    enum { CLIENTS = 200 };
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct wire *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_to(wire_address(server));
    for (int i = 0; i < CLIENTS; i++) {
        expect_event(clients[i], WIRE_UP);
        assert_int_equal(send_ack(clients[i], 0, (uint64_t)i), 0);
    }
    peer_id peers[CLIENTS] = {0};
    for (int i = 0; i < CLIENTS; i++) {
        peer_id from;
        struct msg msg;
        assert_int_equal(next_event(server, &from, &msg, NULL), WIRE_MESSAGE);
        assert_int_equal(peers[msg.ack.seq], 0);
        peers[msg.ack.seq] = from;
    }
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(send_ack(server, peers[i], 1000 + (uint64_t)i), 0);
    for (int i = 0; i < CLIENTS; i++) {
        expect_ack(clients[i], 1000 + (uint64_t)i);
        wire_free(clients[i]);
    }
    wire_free(server);
}

/* ---- connections that come and go ---- */

static void test_client_hears_of_a_lost_server(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    char *address = xstrdup(wire_address(server));
    struct wire *client = connect_to(address);
    expect_event(client, WIRE_UP);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(send_ack(client, 0, 1), 0);
        expect_ack(server, 1);
        wire_free(server);
        expect_event(client, WIRE_DOWN);
        assert_int_equal(send_ack(client, 0, 99), ERR_GONE); /* nothing is kept for the next connection */
        server = listen_on(address);
        expect_event(client, WIRE_UP);
    }
    assert_int_equal(send_ack(client, 0, 2), 0);
    expect_ack(server, 2);
    wire_free(client);
    wire_free(server);
    free(address);
}

static void test_client_gives_up_a_silent_connection(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    send_ack(client, 0, 1);
    peer_id before = expect_ack(server, 1);
    wire_reconnect(client);
    expect_event(client, WIRE_DOWN);
    expect_event(client, WIRE_UP);
    send_ack(client, 0, 2);
    assert_int_not_equal(expect_ack(server, 2), before);
    wire_free(client);
    wire_free(server);
}

/* A connection to a free port of this host may end up connected to itself: both ends open at once, it is in the
 * book of TCP. Then the client hears its own HELLO, which no master says. */
static void test_client_leaves_who_is_no_master(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    send_ack(client, 0, 1);
    peer_id peer = expect_ack(server, 1);
    struct msg call = {.kind = MSG_call, .call = {.id = 1, .verb = "ping"}};
    assert_int_equal(wire_send(server, peer, &call), 0);
    expect_event(client, WIRE_DOWN);
    expect_event(client, WIRE_UP);
    wire_free(client);
    wire_free(server);
}

/* What had arrived before the cut is delivered before WIRE_DOWN: it may be an acknowledgement. */
static void test_last_words_are_heard(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    send_ack(client, 0, 1);
    peer_id peer = expect_ack(server, 1);
    for (uint64_t i = 0; i < 500; i++)
        assert_int_equal(send_ack(server, peer, i), 0);
    wire_free(server);
    for (uint64_t i = 0; i < 500; i++)
        expect_ack(client, i);
    expect_event(client, WIRE_DOWN);
    wire_free(client);
}

/* A name is tried over IPv4 and IPv6 in turn: localhost is often both, the server listens on one. */
static void test_client_by_name(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    char address[64];
    snprintf(address, sizeof address, "tcp://localhost%s", strrchr(wire_address(server), ':'));
    struct wire *client = connect_to(address);
    expect_event(client, WIRE_UP);
    wire_free(client);
    wire_free(server);
}

/* A port at which nobody listens, nor can anybody else while the socket is open. */
static int hold_port(char address[64])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
    snprintf(address, 64, "tcp://127.0.0.1:%d", ntohs(name.sin_port));
    return fd;
}

/* Nobody listens yet: several attempts fail, then one does not. */
static void wait_for_server(const char *address, int held_fd)
{
    struct wire *client = connect_to(address);
    assert_int_equal(send_ack(client, 0, 1), ERR_GONE);
    for (int64_t end = clock_mono_ms() + 500; clock_mono_ms() < end;) {
        assert_int_equal(wire_receive(client, &(peer_id){0}, &(struct msg){0}, NULL), WIRE_NOTHING);
        wire_wait(client, NULL, 0, end - clock_mono_ms());
    }
    if (held_fd >= 0)
        close(held_fd);
    struct wire *server = listen_on(address);
    expect_event(client, WIRE_UP);
    wire_free(client);
    wire_free(server);
}

static void test_client_waits_for_a_server(void **state)
{
    (void)state;
    char address[64];
    temp_address(address, "late");
    wait_for_server(address, -1);
    temp_remove(address);
    int fd = hold_port(address);
    wait_for_server(address, fd);
}

/* Large messages for a peer that takes none: it is cut off long before their number would end it. */
static void test_who_never_reads_is_owed_a_bounded_lot(void **state)
{
    (void)state;
    enum { BYTES = 1000000, MOST = 1000 };
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct raw raw = {zmq_ctx_new(), NULL};
    const int one = 1;
    raw.socket = zmq_socket(raw.context, ZMQ_DEALER);
    zmq_setsockopt(raw.socket, ZMQ_RCVHWM, &one, sizeof one);
    zmq_setsockopt(raw.socket, ZMQ_LINGER, &(int){0}, sizeof(int));
    assert_int_equal(zmq_connect(raw.socket, wire_address(server)), 0);
    raw_send(&raw, 2, "HONE1 ACK", "{\"seq\":1}");
    peer_id peer = expect_ack(server, 1);
    char *text = xcalloc(BYTES + 1, 1);
    memset(text, 'A', BYTES);
    struct msg msg = {.kind = MSG_chunk, .chunk.data = json_new_text(text)};
    log_init(LOG_NONE);
    int sent = 0, rc = 0;
    while (sent < MOST && (rc = wire_send(server, peer, &msg)) == 0)
        sent++; /* as fast as it goes: libzmq's own thread need not have found the connection ended */
    print_message("# %d MB sent\n", sent);
    assert_int_equal(rc, ERR_GONE);
    assert_true(sent <= 300); /* 256 MiB, and what the kernel's buffers took */
    msg_fini(&msg);
    free(text);
    raw_close(&raw);
    wire_free(server);
}

static void test_a_new_connection_is_a_new_peer(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    peer_id seen[3];
    for (int i = 0; i < 3; i++) {
        struct wire *client = connect_to(wire_address(server));
        expect_event(client, WIRE_UP);
        send_ack(client, 0, 1);
        seen[i] = expect_ack(server, 1);
        wire_free(client);
    }
    assert_true(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
    wire_free(server);
}

static void test_sending_to_one_who_left(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    send_ack(client, 0, 1);
    peer_id peer = expect_ack(server, 1);
    assert_int_equal(send_ack(server, 0, 1), ERR_GONE);
    assert_int_equal(send_ack(server, peer + 1, 1), ERR_GONE);
    wire_free(client);
    /* The server hears of the closed connection in its own time; until then sending is still allowed. */
    int rc = 0;
    for (int64_t end = clock_mono_ms() + PATIENCE_MS; rc == 0 && clock_mono_ms() < end;) {
        rc = send_ack(server, peer, 2);
        wire_wait(server, NULL, 0, 10);
    }
    assert_int_equal(rc, ERR_GONE);
    struct outbox outbox = {0};
    outbox_add(&outbox, peer, &(struct msg){.kind = MSG_ack});
    assert_int_equal(wire_flush(server, &outbox), 1);
    outbox_fini(&outbox);
    wire_free(server);
}

/* A peer that does not read fills its own queue and nobody else's. */
static void test_a_peer_that_does_not_read(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct raw deaf = raw_connect(wire_address(server), NULL, 0);
    raw_send(&deaf, 2, "HONE1 ACK", "{\"seq\":1}");
    peer_id peer = expect_ack(server, 1);
    struct msg msg = {.kind = MSG_error, .error.code = "full"};
    memset(msg.error.text, 'x', sizeof msg.error.text - 1);
    int rc = 0, sent = 0;
    for (; rc == 0 && sent < 200000; sent++)
        rc = wire_send(server, peer, &msg);
    assert_true(rc == ERR_BUSY || rc == ERR_GONE); /* its silence ends it, where sending so much takes long */
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    send_ack(client, 0, 5);
    assert_int_equal(send_ack(server, expect_ack(server, 5), 6), 0);
    expect_ack(client, 6);
    wire_free(client);
    raw_close(&deaf);
    wire_free(server);
}

/* ---- waiting ---- */

static void test_wait_tells_of_descriptors(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct pollfd fds[] = {{.fd = ends[0], .events = POLLIN}};
    assert_int_equal(wire_wait(server, fds, 1, 0), 0);
    assert_int_equal(fds[0].revents, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_true(wire_wait(server, fds, 1, PATIENCE_MS) > 0);
    assert_int_equal(fds[0].revents, POLLIN);
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[1]);
    assert_true(wire_wait(NULL, fds, 1, PATIENCE_MS) > 0);
    assert_int_equal(fds[0].revents, POLLHUP); /* how a slot learns that its trainer closed the pipe */
    close(ends[0]);
    wire_free(server);
}

static void nothing(int signal)
{
    (void)signal;
}

static void *wake_main(void *arg)
{
    /* Again and again: the first may come before the wait has begun. */
    for (atomic_int *done = arg; !atomic_load(done);) {
        kill(getpid(), SIGUSR1);
        poll(NULL, 0, 20);
    }
    return NULL;
}

static void test_signal_wakes(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = nothing};
    sigaction(SIGUSR1, &action, NULL);
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    atomic_int done = 0;
    pthread_t thread;
    sigset_t usr1, old;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1,
                    &old); /* the helper is born deaf to it, so that it reaches this thread */
    assert_int_equal(pthread_create(&thread, NULL, wake_main, &done), 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    int64_t start = clock_mono_ms();
    assert_int_equal(wire_wait(server, NULL, 0, PATIENCE_MS), 0);
    assert_true(clock_mono_ms() - start < PATIENCE_MS / 2);
    atomic_store(&done, 1);
    pthread_join(thread, NULL);
    wire_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* These fork, so they come before this process has a context with threads of its own. */
        cmocka_unit_test(test_tcp_both_ways),
        cmocka_unit_test(test_ipc_both_ways),
        cmocka_unit_test(test_star_listens_for_both_families),
        cmocka_unit_test(test_outbox_goes_out_in_order),
        cmocka_unit_test(test_two_hundred_clients),
        cmocka_unit_test(test_client_hears_of_a_lost_server),
        cmocka_unit_test(test_client_gives_up_a_silent_connection),
        cmocka_unit_test(test_client_leaves_who_is_no_master),
        cmocka_unit_test(test_last_words_are_heard),
        cmocka_unit_test(test_client_waits_for_a_server),
        cmocka_unit_test(test_client_by_name),
        cmocka_unit_test(test_who_never_reads_is_owed_a_bounded_lot),
        cmocka_unit_test(test_a_new_connection_is_a_new_peer),
        cmocka_unit_test(test_sending_to_one_who_left),
        cmocka_unit_test(test_a_peer_that_does_not_read),
        cmocka_unit_test(test_wait_tells_of_descriptors),
        cmocka_unit_test(test_signal_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
