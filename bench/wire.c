/* bench/wire: what the wire carries, beside what libzmq alone carries in the same run.
 *
 * The load comes from a process of its own, over TCP on the loopback, and is the same for both: DEALERs that send a
 * REPORT ready made. The server is either our wire (decode the REPORT, encode and send an ACK, as a master does) or
 * bare ROUTER calls on the same frames (the limit). Both take turns, so that they see the same machine; the medians
 * are printed, one JSON line per figure. "ratio" is ours/limit: it pays for reading and checking the JSON. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/median.h"
#include "common/check.h"
#include "common/clock.h"
#include "proto/wire.h"

enum { ROUNDS = 5, ROUND_MS = 400, CLIENTS_MAX = 64 };

struct load {
    const char *name;
    int clients;
    int outstanding; /* reports each client has under way; 0: as many as go, without any answer */
};

static const struct load loads[] = {
    {"round_trips", 1, 1},
    {"acked_reports", 8, 8},
    {"acked_reports", 64, 8},
    {"one_way_reports", 8, 0},
};

static struct str report_head, report_body;

/* A REPORT like those of life: a token, three metrics, a checkpoint; 330 bytes. */
static void make_report(struct msg *msg)
{
    static const char metrics[] =
        "{\"val_acc\":0.9312345678901234,\"val_loss\":0.2471029384756102,\"train_loss\":0.1982374650192837}";
    static const char checkpoint[] =
        "{\"path\":\"mnist-mlp/t00042/a1/t00042.e007.v0.9312.ckpt\",\"bytes\":325632,"
        "\"hash\":\"0123456789abcdef0123456789abcdef\"}";
    *msg = (struct msg){.kind = MSG_report};
    strcpy(msg->report.study, "mnist-mlp");
    strcpy(msg->report.token, "fedcba9876543210fedcba9876543210");
    msg->report.seq = 12345;
    msg->report.trial = 42;
    msg->report.attempt = 1;
    msg->report.epoch = 7;
    msg->report.seconds = 1.234;
    msg->report.metrics = json_parse(metrics, strlen(metrics), "bench", NULL);
    msg->report.checkpoint = json_parse(checkpoint, strlen(checkpoint), "bench", NULL);
}

/* ---- the load ---- */

static void say_report(void *client)
{
    zmq_send(client, report_head.text, report_head.len, ZMQ_SNDMORE);
    zmq_send(client, report_body.text, report_body.len, 0);
}

static void hear(void *client)
{
    char room[512];
    zmq_recv(client, room, sizeof room, 0);
    zmq_recv(client, room, sizeof room, 0);
}

static void answer_for_ever(zmq_pollitem_t *items, int count)
{
    for (;;) {
        zmq_poll(items, count, -1);
        for (int i = 0; i < count; i++) {
            if (!(items[i].revents & ZMQ_POLLIN))
                continue;
            hear(items[i].socket);
            say_report(items[i].socket);
        }
    }
}

/* Runs in the child until it is killed. */
static void load_main(const struct load *load, const char *address)
{
    void *context = zmq_ctx_new();
    zmq_pollitem_t items[CLIENTS_MAX] = {0};
    for (int i = 0; i < load->clients; i++) {
        items[i] = (zmq_pollitem_t){.socket = zmq_socket(context, ZMQ_DEALER), .events = ZMQ_POLLIN};
        zmq_connect(items[i].socket, address);
        for (int n = 0; n < load->outstanding; n++)
            say_report(items[i].socket);
    }
    if (load->outstanding)
        answer_for_ever(items, load->clients);
    for (int i = 0;; i = (i + 1) % load->clients)
        say_report(items[i].socket);
}

/* The child reads from the pipe where to connect to. */
static pid_t start_load(const struct load *load, int *tell)
{
    int ends[2];
    PRE(pipe(ends) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char address[64] = "";
        close(ends[1]);
        if (read(ends[0], address, sizeof address) > 0)
            load_main(load, address);
        _exit(0);
    }
    close(ends[0]);
    *tell = ends[1];
    return pid;
}

/* ---- the servers: each counts the messages it takes in ROUND_MS ---- */

static int64_t serve_wire(const struct load *load, struct wire *wire, int64_t for_ms)
{
    struct msg msg, ack = {.kind = MSG_ack};
    struct outbox outbox = {0};
    int64_t count = 0;
    for (int64_t end = clock_mono_ms() + for_ms; clock_mono_ms() < end;) {
        peer_id from;
        for (int n = 0; n < 4096 && wire_receive(wire, &from, &msg, NULL) == WIRE_MESSAGE; n++, count++) {
            ack.ack.seq = msg.report.seq;
            msg_fini(&msg);
            if (load->outstanding)
                outbox_add(&outbox, from, &ack);
        }
        wire_flush(wire, &outbox);
        wire_wait(wire, NULL, 0, 100);
    }
    outbox_fini(&outbox);
    return count;
}

static int64_t serve_raw(const struct load *load, void *router, int64_t for_ms)
{
    int64_t count = 0;
    char id[256], head[64], body[1024];
    for (int64_t end = clock_mono_ms() + for_ms; clock_mono_ms() < end;) {
        int id_len = zmq_recv(router, id, sizeof id, 0);
        if (id_len < 0)
            continue;
        zmq_recv(router, head, sizeof head, 0);
        zmq_recv(router, body, sizeof body, 0);
        count++;
        if (!load->outstanding)
            continue;
        zmq_send(router, id, (size_t)id_len, ZMQ_SNDMORE);
        zmq_send(router, "HONE1 ACK", 9, ZMQ_SNDMORE);
        zmq_send(router, "{\"seq\":12345}", 13, 0);
    }
    return count;
}

static double per_second(int64_t count, int64_t start_us)
{
    return (double)count * 1e6 / (double)(clock_mono_us() - start_us);
}

static void tell_load(int fd, const char *address)
{
    PRE(write(fd, address, strlen(address) + 1) > 0);
    close(fd);
}

/* A tenth of a second to connect and get going is not counted. */
static double round_of_wire(const struct load *load)
{
    int tell;
    struct wire *wire;
    struct err err = ERR_NONE;
    pid_t pid = start_load(load, &tell);
    if (wire_listen("tcp://127.0.0.1:*", &wire, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(3);
    }
    tell_load(tell, wire_address(wire));
    serve_wire(load, wire, ROUND_MS / 4);
    int64_t start = clock_mono_us();
    double rate = per_second(serve_wire(load, wire, ROUND_MS), start);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    wire_free(wire);
    return rate;
}

static double round_of_raw(const struct load *load)
{
    int tell, patience = 100, none = 0;
    char address[64];
    size_t len = sizeof address;
    pid_t pid = start_load(load, &tell);
    void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
    zmq_setsockopt(router, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(router, ZMQ_LINGER, &none, sizeof none);
    PRE(zmq_bind(router, "tcp://127.0.0.1:*") == 0);
    zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, address, &len);
    tell_load(tell, address);
    serve_raw(load, router, ROUND_MS / 4);
    int64_t start = clock_mono_us();
    double rate = per_second(serve_raw(load, router, ROUND_MS), start);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    zmq_close(router);
    zmq_ctx_term(context);
    return rate;
}

/* ---- figures ---- */

static void measure_load(const struct load *load)
{
    double ours[ROUNDS], limit[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        limit[round] = round_of_raw(load);
        ours[round] = round_of_wire(load);
    }
    double a = median(ours, ROUNDS), b = median(limit, ROUNDS);
    printf("{\"bench\":\"wire.%s_per_s\",\"clients\":%d,\"outstanding\":%d,\"hone\":%.0f,\"limit\":%.0f,"
           "\"ratio\":%.3f}\n",
           load->name, load->clients, load->outstanding, a, b, a / b);
    fflush(stdout);
}

static double encode_rate(const struct msg *msg)
{
    struct str head = {0}, body = {0};
    int64_t start = clock_mono_us(), count = 0;
    for (; clock_mono_us() - start < ROUND_MS * 1000; count++) {
        str_clear(&head);
        str_clear(&body);
        msg_encode(msg, &head, &body);
    }
    double rate = per_second(count, start);
    str_fini(&head);
    str_fini(&body);
    return rate;
}

static double decode_rate(void)
{
    struct msg msg;
    int64_t start = clock_mono_us(), count = 0;
    for (; clock_mono_us() - start < ROUND_MS * 1000; count++) {
        PRE(msg_decode(report_head.text, report_head.len, report_body.text, report_body.len, &msg, NULL) ==
            0);
        msg_fini(&msg);
    }
    return per_second(count, start);
}

static void measure_codec(const struct msg *msg)
{
    double encoded[ROUNDS], decoded[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        encoded[round] = encode_rate(msg);
        decoded[round] = decode_rate();
    }
    printf("{\"bench\":\"wire.reports_encoded_per_s\",\"bytes\":%zu,\"hone\":%.0f}\n", report_body.len,
           median(encoded, ROUNDS));
    printf("{\"bench\":\"wire.reports_decoded_per_s\",\"bytes\":%zu,\"hone\":%.0f}\n", report_body.len,
           median(decoded, ROUNDS));
    fflush(stdout);
}

int main(void)
{
    struct msg msg;
    make_report(&msg);
    msg_encode(&msg, &report_head, &report_body);
    measure_codec(&msg);
    msg_fini(&msg);
    for (size_t i = 0; i < COUNT_OF(loads); i++)
        measure_load(&loads[i]);
    str_fini(&report_head);
    str_fini(&report_body);
    return 0;
}
