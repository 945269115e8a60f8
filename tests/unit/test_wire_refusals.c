/* What the wire refuses: frames, addresses, sockets that are another's, and what it does when nothing is left to open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/unit/wire_ends.h"

/* ---- what is refused ---- */

static void expect_bad(struct wire *server, const char *code, const char *part)
{
    peer_id from;
    struct msg msg;
    struct err err = ERR_NONE;
    assert_int_equal(next_event(server, &from, &msg, &err), WIRE_BAD);
    assert_int_not_equal(from, 0);
    assert_int_equal(msg.kind, MSG_error);
    assert_string_equal(msg.error.code, code);
    if (!strstr(err.text, part))
        fail_msg("\"%s\" does not hold \"%s\"", err.text, part);
    assert_int_equal(wire_send(server, from, &msg), 0);
}

static void test_bad_frames(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct raw raw = raw_connect(wire_address(server), NULL, 0);
    raw_send(&raw, 1, "HONE1 ACK");
    expect_bad(server, "malformed", "1 frames");
    raw_send(&raw, 3, "HONE1 ACK", "{\"seq\":1}", "");
    expect_bad(server, "malformed", "3 frames");
    raw_send(&raw, 9, "", "", "", "", "", "", "", "", "");
    expect_bad(server, "malformed", "9 frames");
    raw_send(&raw, 2, "", "");
    expect_bad(server, "malformed", "first frame");
    raw_send(&raw, 2, "HONE2 ACK", "{\"seq\":1}");
    expect_bad(server, "version", "HONE2 ACK");
    raw_send(&raw, 2, "HONE1 NACK", "{\"seq\":1}");
    expect_bad(server, "unknown", "NACK");
    raw_send(&raw, 2, "HONE1 ACK", "{\"seq\":-1}");
    expect_bad(server, "malformed", "ACK: seq");
    raw_send(&raw, 2, "HONE1 ACK", "{\"seq\":1}");
    expect_ack(server, 1);
    char answer[256];
    int len = zmq_recv(raw.socket, answer, sizeof answer, 0);
    assert_true(len == 11 && memcmp(answer, "HONE1 ERROR", 11) == 0);
    raw_close(&raw);
    wire_free(server);
}

static void test_oversized_frame_costs_the_connection(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct raw raw = raw_connect(wire_address(server), NULL, 0);
    char *large = xcalloc(1, MSG_MAX_BYTES + 2);
    memset(large, ' ', MSG_MAX_BYTES + 1);
    raw_send(&raw, 2, "HONE1 ACK", large);
    raw_send(&raw, 2, "HONE1 ACK", "{\"seq\":7}"); /* comes over the next connection, if at all */
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    send_ack(client, 0, 8);
    peer_id from;
    struct msg msg;
    do
        assert_int_equal(next_event(server, &from, &msg, NULL), WIRE_MESSAGE);
    while (msg.ack.seq == 7);
    assert_int_equal(msg.ack.seq, 8);
    free(large);
    wire_free(client);
    raw_close(&raw);
    wire_free(server);
}

static void test_largest_frame_arrives(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct raw raw = raw_connect(wire_address(server), NULL, 0);
    char *large = xcalloc(1, MSG_MAX_BYTES + 1);
    memset(large, ' ', MSG_MAX_BYTES);
    memcpy(large, "{\"seq\":3}", 9);
    raw_send(&raw, 2, "HONE1 ACK", large);
    expect_ack(server, 3);
    free(large);
    raw_close(&raw);
    wire_free(server);
}

static void test_own_message_over_the_limit_is_not_sent(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct wire *client = connect_to(wire_address(server));
    expect_event(client, WIRE_UP);
    struct msg msg = {.kind = MSG_call, .call = {.id = 1, .verb = "submit", .args = json_new_object()}};
    char *text = xcalloc(1, MSG_MAX_BYTES + 1);
    memset(text, 'x', MSG_MAX_BYTES);
    json_put_text(msg.call.args, "definition", text);
    assert_int_equal(wire_send(client, 0, &msg), ERR_BAD);
    assert_int_equal(send_ack(client, 0, 1), 0);
    expect_ack(server, 1);
    free(text);
    msg_fini(&msg);
    wire_free(client);
    wire_free(server);
}

static void test_own_routing_id_is_not_served(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    struct raw raw = raw_connect(wire_address(server), "node1", 5);
    for (int i = 0; i < 2; i++) {
        raw_send(&raw, 2, "HONE1 ACK", i ? "{}" : "{\"seq\":1}");
        peer_id from;
        struct msg msg;
        struct err err = ERR_NONE;
        assert_int_equal(next_event(server, &from, &msg, &err), WIRE_BAD);
        assert_int_equal(from, 0);
        assert_non_null(strstr(err.text, "routing id"));
    }
    raw_close(&raw);
    wire_free(server);
}

static void expect_refused(int (*open)(const char *, struct wire **, struct err *), const char *address,
                           const char *part)
{
    struct wire *wire = NULL;
    struct err err = ERR_NONE;
    int rc = open(address, &wire, &err);
    if (rc == 0)
        fail_msg("%s was taken", address);
    assert_null(wire);
    assert_int_equal(rc, err.code);
    if (!strstr(err.text, part))
        fail_msg("%s: \"%s\" does not hold \"%s\"", address, err.text, part);
    assert_string_not_equal(err.hint, "");
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *address, *part;
    } both[] = {
        {"", "must begin"},
        {"node1:7077", "must begin"},
        {"http://node1:7077", "must begin"},
        {"inproc://x", "must begin"},
        {"tcp://", "HOST:PORT"},
        {"tcp://node1", "HOST:PORT"},
        {"tcp://:7077", "HOST:PORT"},
        {"tcp://node1:", "port"},
        {"tcp://node1:0", "port"},
        {"tcp://node1:65536", "port"},
        {"tcp://node1:-1", "port"},
        {"tcp://node1:7077x", "port"},
        {"tcp://node1:99999999999999999999", "port"},
        {"tcp://::1:7077", "brackets"},
        {"tcp://no de:7077", "not a host"},
        {"tcp://a;b:7077", "not a host"},
        {"tcp://*.com:7077", "* "},
        {"ipc://", "PATH"},
    };
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        expect_refused(wire_listen, both[i].address, both[i].part);
        expect_refused(wire_connect, both[i].address, both[i].part);
    }
    char longest[128] = "ipc:///"; /* the system takes paths of 107 bytes */
    memset(longest + 7, 'x', 107);
    expect_refused(wire_listen, longest, "the system allows 107");
    expect_refused(wire_connect, longest, "the system allows 107");
    expect_refused(wire_connect, "tcp://*:7077", "client");
    expect_refused(wire_connect, "tcp://node1:*", "port");
    expect_refused(wire_listen, "tcp://192.0.2.1:*", "192.0.2.1"); /* an address of nobody (RFC 5737) */
    expect_refused(wire_listen, "ipc:///nowhere/at/all/s", "/nowhere");
}

static void test_port_in_use(void **state)
{
    (void)state;
    struct wire *server = listen_on("tcp://127.0.0.1:*");
    expect_refused(wire_listen, wire_address(server), "in use");
    wire_free(server);
}

/* ---- files of ipc sockets ---- */

static void test_ipc_path_of_a_live_server(void **state)
{
    (void)state;
    char address[64];
    temp_address(address, "live");
    struct wire *server = listen_on(address);
    expect_refused(wire_listen, address, "listens there");
    struct wire *client = connect_to(address); /* it still does */
    expect_event(client, WIRE_UP);
    wire_free(client);
    wire_free(server);
    temp_remove(address);
}

static void test_ipc_path_of_a_dead_server(void **state)
{
    (void)state;
    char address[64];
    temp_address(address, "dead");
    pid_t child = fork();
    if (child == 0) {
        struct wire *wire;
        _exit(wire_listen(address, &wire, NULL) ? 1 : 0); /* without wire_free: the file stays */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(file_exists(address + strlen("ipc://")));
    talk(address);
    temp_remove(address);
}

static void test_ipc_path_of_a_file(void **state)
{
    (void)state;
    char address[64];
    temp_address(address, "results.db");
    const char *path = address + strlen("ipc://");
    assert_int_equal(file_write_whole(path, "data", 4, NULL), 0);
    expect_refused(wire_listen, address, "no socket");
    assert_int_equal(file_size(path), 4);
    temp_remove(address);
}

/* ---- no descriptors left ---- */

/* The server's process: fails unless it hears of a connection that could not be accepted. TCP: over ipc libzmq
 * 4.3.4 ends the process instead. */
static int starve(int tell_fd)
{
    struct rlimit few = {40, 40};
    struct wire *wire;
    peer_id from;
    struct msg msg;
    struct err err = ERR_NONE;
    if (setrlimit(RLIMIT_NOFILE, &few) || wire_listen("tcp://127.0.0.1:*", &wire, &err) ||
        write(tell_fd, wire_address(wire), strlen(wire_address(wire)) + 1) < 1)
        return 1;
    enum wire_event event = next_event(wire, &from, &msg, &err);
    return event == WIRE_BAD && from == 0 && strstr(err.hint, "ulimit") ? 0 : 2;
}

static void test_no_descriptors_left(void **state)
{
    (void)state;
    enum { CLIENTS = 60 };
    char address[64];
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(starve(ends[1]));
    assert_true(read(ends[0], address, sizeof address) > 0);
    struct wire *clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_to(address);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (int i = 0; i < CLIENTS; i++)
        wire_free(clients[i]);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* These fork, so they come before this process has a context with threads of its own. */
        cmocka_unit_test(test_ipc_path_of_a_dead_server),
        cmocka_unit_test(test_no_descriptors_left),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_oversized_frame_costs_the_connection),
        cmocka_unit_test(test_largest_frame_arrives),
        cmocka_unit_test(test_own_message_over_the_limit_is_not_sent),
        cmocka_unit_test(test_own_routing_id_is_not_served),
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_ipc_path_of_a_live_server),
        cmocka_unit_test(test_ipc_path_of_a_file),
    };
    cmocka_set_skip_filter(getenv("HONE_TEST_SKIP"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
