#include "tests/tools/storm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/rng.h"
#include "proto/message.h"

enum { PEERS = 8, PATIENCE_MS = 240000, FRAME_MAX = 8192 };

struct weather {
    const char *address, *study;
    struct rng rng;
    void *context;
    void *peers[PEERS];
    int sent;
};

static uint32_t below(struct weather *w, uint32_t count)
{
    return rng_below(&w->rng, count);
}

/* ---- peers ---- */

static void *peer_new(struct weather *w)
{
    void *peer = zmq_socket(w->context, ZMQ_DEALER);
    PRE(peer);
    int patience = PATIENCE_MS, linger = 2000;
    zmq_setsockopt(peer, ZMQ_SNDTIMEO, &patience, sizeof patience);
    zmq_setsockopt(peer, ZMQ_LINGER, &linger, sizeof linger);
    if (below(w, 8) == 0) { /* a routing id of its own, now and then one that looks like the router's */
        unsigned char id[5] = {(unsigned char)below(w, 2), 'n', 'o', 'd', (unsigned char)below(w, 256)};
        zmq_setsockopt(peer, ZMQ_ROUTING_ID, id, sizeof id);
    }
    int rc = zmq_connect(peer, w->address);
    PRE(rc == 0);
    return peer;
}

/* Some are left without a reader for long, so that their answers pile up at the master. */
static void peer_drain(void *peer)
{
    char room[256];
    while (zmq_recv(peer, room, sizeof room, ZMQ_DONTWAIT) >= 0)
        continue;
}

static void *peer_any(struct weather *w)
{
    uint32_t i = below(w, PEERS);
    if (w->peers[i] && below(w, 64) == 0) {
        zmq_close(w->peers[i]);
        w->peers[i] = NULL;
    }
    if (!w->peers[i])
        w->peers[i] = peer_new(w);
    if (below(w, 16) == 0)
        peer_drain(w->peers[i]);
    return w->peers[i];
}

static bool say(void *peer, const void *head, size_t head_len, const void *body, size_t body_len)
{
    return zmq_send(peer, head, head_len, ZMQ_SNDMORE) >= 0 && zmq_send(peer, body, body_len, 0) >= 0;
}

/* ---- messages that nearly make sense ---- */

struct words {
    char head[64], body[FRAME_MAX];
};

/* A number that may be the right one, or the edge of something. */
static unsigned long long number(struct weather *w)
{
    static const unsigned long long edges[] = {
        0, 1, 2, 3, 255, 65536, 4294967295, 4294967296, 9007199254740991};
    return below(w, 2) ? 1 + below(w, 40) : edges[below(w, sizeof edges / sizeof *edges)];
}

static const char *attempt(struct weather *w, char out[256])
{
    snprintf(out, 256, "\"study\":\"%s\",\"trial\":%llu,\"attempt\":%llu,\"token\":\"%08x\"",
             below(w, 4) ? w->study : "nowhere", number(w), number(w), rng_u32(&w->rng));
    return out;
}

static void make_hello(struct weather *w, struct words *out)
{
    char held[256];
    snprintf(out->head, sizeof out->head, "HONE1 HELLO");
    snprintf(
        out->body, sizeof out->body,
        "{\"uuid\":\"storm%u\",\"name\":\"storm\",\"host\":\"h\",\"pid\":%u,\"slots\":%u,\"version\":\"0\","
        "\"platform\":\"p\",\"held\":[{%s,\"epoch\":%llu},{},7,null]}",
        below(w, 4), below(w, 4194304), below(w, 1024), attempt(w, held), number(w));
}

static void make_report(struct weather *w, struct words *out)
{
    char names[256];
    bool done = below(w, 3) == 0;
    snprintf(out->head, sizeof out->head, done ? "HONE1 DONE" : "HONE1 REPORT");
    snprintf(out->body, sizeof out->body,
             done ? "{\"seq\":%llu,%s,\"epoch\":%llu,\"outcome\":\"finished\"}"
                  : "{\"seq\":%llu,%s,\"epoch\":%llu,\"metrics\":{\"val_acc\":1e300,\"x y\":[1]},"
                    "\"checkpoint\":{\"path\":\"../../etc/passwd\",\"bytes\":-1,\"hash\":7}}",
             number(w), attempt(w, names), number(w) % 1000000000);
}

/* What a master says, a client's question, and things without sense. CREDIT is never more than none. */
static void make_other(struct weather *w, struct words *out)
{
    static const char *const others[][2] = {
        {"HONE1 WELCOME",
         "{\"store\":\"x\",\"version\":\"0\",\"worker\":1,\"beat_ms\":1,\"lease_ms\":1,\"root\":\"/"
         "\",\"probe\":\"\"}"},
        {"HONE1 ACK", "{\"seq\":9007199254740991}"},
        {"HONE1 STOP",
         "{\"study\":\"s\",\"trial\":1,\"attempt\":1,\"token\":\"\",\"when\":\"now\",\"reason\":\"\"}"},
        {"HONE1 ERROR", "{\"code\":\"hello\",\"text\":\"say it again\"}"},
        {"HONE1 ANSWER", "{\"id\":1,\"code\":0}"},
        {"HONE1 BEAT", "{}"},
        {"HONE1 BYE", "{\"reason\":\"storm\"}"},
        {"HONE1 CREDIT", "{\"jobs\":0}"},
        {"HONE1 CALL", "{\"id\":1,\"verb\":\"status\",\"args\":{}}"},
        {"HONE1 CALL", "{\"id\":2,\"verb\":\"nonsense\",\"args\":{\"trials\":[1,-1,1e300,null]}}"},
        {"HONE1 CALL", "{\"id\":3,\"verb\":\"cancel\",\"args\":{\"study\":\"nowhere\",\"trials\":[1]}}"},
        {"HONE1 CALL", "{\"id\":4,\"verb\":\"submit\",\"args\":{\"definition\":{},\"base\":\"\"}}"},
        {"HONE2 BEAT", "{}"},
        {"HONE1 NOTHING", "{}"},
        {"HTTP/1.1 200 OK", "<html>"},
        {"HONE1 BEAT", "{\"a\":1,\"a\":2}"},
        {"HONE1 BEAT", "{\"a\":\"\\u0000\"}"},
        {"HONE1 BEAT", "{\"a\":\"\xff\xc0\xaf\"}"},
        {"HONE1 BEAT", "{\"a\":1e999}"},
        {"HONE1 BEAT", "[[[[[[[[[[[[[[[[[[[["},
        {"HONE1 ACK", "{\"seq\":-1}"},
        {"HONE1 ACK", "{\"seq\":1.5}"},
        {"HONE1 ACK", "{}"},
    };
    uint32_t i = below(w, sizeof others / sizeof *others);
    snprintf(out->head, sizeof out->head, "%s", others[i][0]);
    snprintf(out->body, sizeof out->body, "%s", others[i][1]);
}

static void make_words(struct weather *w, struct words *out)
{
    switch (below(w, 4)) {
    case 0: make_hello(w, out); break;
    case 1: make_report(w, out); break;
    default: make_other(w, out); break;
    }
}

/* ---- gusts: each sends one message ---- */

static bool gust_words(struct weather *w)
{
    struct words words;
    make_words(w, &words);
    return say(peer_any(w), words.head, strlen(words.head), words.body, strlen(words.body));
}

static bool gust_cut(struct weather *w)
{
    struct words words;
    make_words(w, &words);
    uint32_t head = (uint32_t)strlen(words.head), body = (uint32_t)strlen(words.body);
    bool in_head = below(w, 8) == 0;
    return say(peer_any(w), words.head, in_head ? below(w, head) : head, words.body, below(w, body));
}

/* A CREDIT is left alone: a changed digit would make it a real one. */
static bool gust_damaged(struct weather *w)
{
    struct words words;
    make_words(w, &words);
    size_t len = strlen(words.body);
    for (uint32_t n = 1 + below(w, 4); n && !strstr(words.head, "CREDIT"); n--)
        words.body[below(w, (uint32_t)len)] = (char)below(w, 256);
    return say(peer_any(w), words.head, strlen(words.head), words.body, len);
}

static bool gust_noise(struct weather *w)
{
    unsigned char noise[600];
    void *peer = peer_any(w);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)below(w, 256);
    uint32_t frames = 1 + below(w, 5);
    for (uint32_t i = 0; i < frames; i++)
        if (zmq_send(peer, noise, below(w, sizeof noise), i + 1 < frames ? ZMQ_SNDMORE : 0) < 0)
            return false;
    return true;
}

static bool gust_large(struct weather *w)
{
    size_t len = MSG_MAX_BYTES + below(w, 2); /* the largest there may be, or one byte more */
    char *large = malloc(len);
    PRE(large);
    memset(large, below(w, 2) ? '[' : ' ', len);
    bool rc = say(peer_any(w), "HONE1 BEAT", strlen("HONE1 BEAT"), large, len);
    free(large);
    return rc;
}

static bool gust_deep(struct weather *w)
{
    char body[FRAME_MAX];
    memset(body, below(w, 2) ? '[' : '{', sizeof body);
    memcpy(body, "{\"a\":", 5);
    return say(peer_any(w), "HONE1 BEAT", strlen("HONE1 BEAT"), body, 6 + below(w, sizeof body - 6));
}

/* A plain connection, with a greeting of ZMTP or without, that ends in the middle. */
static bool gust_plain(struct weather *w)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_un un;
    } to = {0};
    socklen_t len = sizeof to.in;
    if (strncmp(w->address, "ipc://", 6) == 0) {
        to.un.sun_family = AF_UNIX;
        snprintf(to.un.sun_path, sizeof to.un.sun_path, "%s", w->address + 6);
        len = sizeof to.un;
    } else {
        to.in.sin_family = AF_INET;
        to.in.sin_port = htons((uint16_t)strtol(strrchr(w->address, ':') + 1, NULL, 10));
        to.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    }
    int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    PRE(fd >= 0);
    unsigned char noise[128] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    for (size_t i = below(w, 2) ? 64 : 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)below(w, 256);
    if (connect(fd, &to.any, len) == 0)
        send(fd, noise, below(w, sizeof noise), MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    return true;
}

static bool gust(struct weather *w)
{
    uint32_t kind = below(w, 1000);
    if (kind < 5)
        return gust_large(w);
    if (kind < 20)
        return gust_plain(w);
    if (kind < 40)
        return gust_deep(w);
    if (kind < 200)
        return gust_noise(w);
    if (kind < 400)
        return gust_cut(w);
    return kind < 600 ? gust_damaged(w) : gust_words(w);
}

/* ---- ---- */

int storm(const char *address, const char *study, uint64_t seed, int count)
{
    struct weather w = {address, study, rng_at(seed, 0, 0, 0), zmq_ctx_new(), {NULL}, 0};
    while (w.sent < count && gust(&w))
        w.sent++;
    for (int i = 0; i < PEERS; i++)
        if (w.peers[i])
            zmq_close(w.peers[i]);
    zmq_ctx_term(w.context);
    return w.sent;
}

bool storm_ping(const char *address)
{
    void *context = zmq_ctx_new(), *peer = zmq_socket(context, ZMQ_DEALER);
    int patience = PATIENCE_MS, linger = 0;
    zmq_setsockopt(peer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(peer, ZMQ_LINGER, &linger, sizeof linger);
    static const char head[] = "HONE1 CALL", body[] = "{\"id\":42,\"verb\":\"ping\",\"args\":{}}";
    char name[64] = "", answer[512] = "";
    bool answered = zmq_connect(peer, address) == 0 && say(peer, head, strlen(head), body, strlen(body)) &&
                    zmq_recv(peer, name, sizeof name - 1, 0) >= 0 &&
                    zmq_recv(peer, answer, sizeof answer - 1, 0) >= 0;
    zmq_close(peer);
    zmq_ctx_term(context);
    return answered && strcmp(name, "HONE1 ANSWER") == 0 && strstr(answer, "\"id\":42,\"code\":0");
}
