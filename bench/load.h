/* load: simulated workers for the benchmarks, in one process and one thread, over real sockets. They speak just enough
 * of the protocol to be given a trial each and to report epochs until the time is up. */
#ifndef HONE_BENCH_LOAD_H
#define HONE_BENCH_LOAD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/mem.h"

enum { MOST_WORKERS = 4096, MOST_SAMPLES = 1 << 20 };

struct load {
    void *socket;
    char token[33];
    unsigned trial;
    uint64_t seq, acked, epoch;
    int64_t sent_us;
};

static void send_frames(void *socket, const char *head, const char *body)
{
    zmq_send(socket, head, strlen(head), ZMQ_SNDMORE);
    zmq_send(socket, body, strlen(body), 0);
}

static void send_report(struct load *l)
{
    char body[512];
    l->seq++;
    l->epoch++;
    snprintf(body, sizeof body,
             "{\"seq\":%llu,\"study\":\"b\",\"trial\":%u,\"attempt\":1,\"token\":\"%s\",\"epoch\":%llu,"
             "\"metrics\":{\"val_acc\":0.%06u,\"train_loss\":0.25,\"lr\":0.001},\"seconds\":1.5}",
             (unsigned long long)l->seq, l->trial, l->token, (unsigned long long)l->epoch,
             (unsigned)(l->epoch % 1000000));
    l->sent_us = clock_mono_us();
    send_frames(l->socket, "HONE1 REPORT", body);
}

/* True: a frame pair was there. */
static bool receive(void *socket, char head[64], char *body, size_t room)
{
    int got = zmq_recv(socket, head, 63, ZMQ_DONTWAIT);
    if (got < 0)
        return false;
    head[got < 63 ? got : 63] = '\0';
    got = zmq_recv(socket, body, room - 1, 0);
    body[got < (int)room - 1 ? got : (int)room - 1] = '\0';
    return true;
}

static void take_job(struct load *l, const char *body)
{
    const char *token = strstr(body, "\"token\":\""), *trial = strstr(body, "\"trial\":");
    if (!token || !trial)
        return;
    memcpy(l->token, token + 9, 32);
    l->trial = (unsigned)strtoul(trial + 8, NULL, 10);
}

static void hello(struct load *l, int i)
{
    char body[600];
    snprintf(
        body, sizeof body,
        "{\"uuid\":\"%032x\",\"name\":\"w%d\",\"host\":\"bench\",\"pid\":%d,\"slots\":1,\"version\":\"1\","
        "\"platform\":\"bench\"}",
        i + 1, i, (int)getpid());
    send_frames(l->socket, "HONE1 HELLO", body);
    send_frames(l->socket, "HONE1 CREDIT", "{\"jobs\":1}");
}

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Writes {acked per second, p50 ms, p99 ms} to `out` and ends the process. pace_us: one report per worker so often; 0:
 * as fast as `outstanding` allows. */
static inline void run_load(const char *address, int workers, int outstanding, double seconds,
                            int64_t pace_us, int out)
{
    void *context = zmq_ctx_new();
    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, MOST_WORKERS + 16);
    struct load *loads = xcalloc((size_t)workers, sizeof *loads);
    zmq_pollitem_t *items = xcalloc((size_t)workers, sizeof *items);
    int64_t *samples = xcalloc(MOST_SAMPLES, sizeof *samples);
    size_t sample_count = 0;
    for (int i = 0; i < workers; i++) {
        loads[i].socket = zmq_socket(context, ZMQ_DEALER);
        zmq_connect(loads[i].socket, address);
        items[i] = (zmq_pollitem_t){loads[i].socket, 0, ZMQ_POLLIN, 0};
        hello(&loads[i], i);
    }
    char head[64], *body = xmalloc(65536);
    int64_t begin = 0, acked = 0;
    int ready = 0;
    while (!begin || clock_mono_us() - begin < (int64_t)(seconds * 1e6)) {
        zmq_poll(items, workers, pace_us ? 1 : 1000);
        for (int i = 0; i < workers; i++) {
            struct load *l = &loads[i];
            while ((items[i].revents & ZMQ_POLLIN) && receive(l->socket, head, body, 65536)) {
                if (strcmp(head, "HONE1 JOB") == 0 && !l->token[0]) {
                    take_job(l, body);
                    ready++;
                } else if (strcmp(head, "HONE1 ACK") == 0) {
                    uint64_t seq = strtoull(strchr(body, ':') + 1, NULL, 10);
                    acked += (int64_t)(seq - l->acked);
                    l->acked = seq;
                    if (sample_count < MOST_SAMPLES)
                        samples[sample_count++] = clock_mono_us() - l->sent_us;
                }
            }
            while (begin && l->seq - l->acked < (uint64_t)outstanding &&
                   clock_mono_us() - l->sent_us >= pace_us)
                send_report(l);
        }
        if (!begin && ready == workers) {
            begin = clock_mono_us();
            for (int i = 0; i < workers; i++)
                send_report(&loads[i]);
        }
    }
    double took = (double)(clock_mono_us() - begin) / 1e6;
    qsort(samples, sample_count, sizeof *samples, compare_int64);
    double result[3] = {(double)acked / took, (double)samples[sample_count / 2] / 1000,
                        (double)samples[sample_count * 99 / 100] / 1000};
    if (write(out, result, sizeof result) < 0)
        _exit(1);
    _exit(0); /* sockets and all */
}

#endif
