/* bench/transit: does bulk data delay anybody? Some workers stream large checkpoints through the master while others
 * report epochs: the others' acknowledgements and the master's beats, before and during, in the same run.
 *
 *   bench/transit [WORKERS [SAVERS [MIB [SECONDS]]]]     default 64 4 256 10
 *
 * One JSON line; `ack_ratio_p99` and `rate_ratio` compare during with before, `stream_ratio` is the streams' rate as a
 * share of what the same porter writes, hashes and syncs with nobody in between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "common/hash.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/porter.h"
#include "master/server.h"
#include "master/submission.h"
#include "tests/tools/crowd.h"

enum { PIECE_BYTES = 196608 };

static char folder[] = "/tmp/hone-bench-XXXXXX";

static const char study[] =
    "{\"study\":\"b\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":["
    "\"true\"]},"
    "\"space\":{\"lr\":{\"log\":[1e-6,10]}},\"keep\":{\"best\":1,\"max_bytes\":\"2G\",\"top_trials\":0},"
    "\"search\":{\"method\":\"random\",\"trials\":100000,\"epochs\":1000000,\"seed\":1}}";

static void do_one(struct porter *porter, enum chore_kind kind, int64_t offset, int64_t bytes,
                   const char *hash)
{
    struct chore *chore = chore_new(kind, 1, "limit/file");
    chore->bytes = bytes;
    chore->offset = offset;
    memcpy(chore->hash, hash, sizeof chore->hash);
    if (kind == CHORE_WRITE) {
        chore->len = (size_t)(bytes - offset < PIECE_BYTES ? bytes - offset : PIECE_BYTES);
        chore->data = xcalloc(1, chore->len);
    }
    porter_post(porter, chore);
    porter_take(porter);
    if (chore->rc) {
        fprintf(stderr, "%s\n", chore->err.text);
        exit(1);
    }
    chore_free(chore);
}

/* MiB a second of one file, written, hashed and synced. */
static double measure_limit(int64_t bytes)
{
    char *zeros = xcalloc(1, (size_t)bytes), hash[HASH_HEX];
    struct porter *porter = porter_new(folder, false);
    hash_bytes(zeros, (size_t)bytes, hash);
    free(zeros);
    int64_t begun = clock_mono_us();
    do_one(porter, CHORE_BEGIN, 0, bytes, hash);
    for (int64_t at = 0; at < bytes; at += PIECE_BYTES)
        do_one(porter, CHORE_WRITE, at, bytes, hash);
    do_one(porter, CHORE_FINISH, 0, bytes, hash);
    double took_s = (double)(clock_mono_us() - begun) / 1e6;
    porter_free(porter);
    return (double)bytes / (1 << 20) / took_s;
}

static void turn_for(struct server *server, double seconds)
{
    struct err err = ERR_NONE;
    int64_t until = clock_mono_us() + (int64_t)(seconds * 1e6);
    while (clock_mono_us() < until)
        if (server_turn(server, 20, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
}

struct round {
    int workers, savers;
    int64_t bytes; /* of a checkpoint */
    double seconds, limit_mib_s, stream_mib_s;
    struct crowd_seen calm, before, start, now; /* of the others: before each stretch, and at the end */
    int64_t streamers_gap_ms;
};

static void report(const struct round *r)
{
    int64_t p99_before = crowd_quantile(&r->before.ack, &r->calm.ack, 0.99),
            p99 = crowd_quantile(&r->now.ack, &r->start.ack, 0.99);
    double acked_before = (double)(r->before.acked - r->calm.acked),
           acked = (double)(r->now.acked - r->start.acked);
    printf("{\"bench\":\"transit.bulk_beside_reports\",\"workers\":%d,\"savers\":%d,\"checkpoint_mib\":%lld,"
           "\"stream_mib_per_s\":%.1f,\"limit_mib_per_s\":%.1f,\"stream_ratio\":%.3f,",
           r->workers, r->savers, (long long)(r->bytes >> 20), r->stream_mib_s, r->limit_mib_s,
           r->stream_mib_s / r->limit_mib_s);
    printf("\"reports_per_s_before\":%.0f,\"reports_per_s\":%.0f,\"rate_ratio\":%.3f,",
           acked_before / r->seconds, acked / r->seconds, acked / acked_before);
    printf("\"ack_p50_ms_before\":%lld,\"ack_p50_ms\":%lld,\"ack_p99_ms_before\":%lld,\"ack_p99_ms\":%lld,"
           "\"ack_ratio_p99\":%.2f,",
           (long long)crowd_quantile(&r->before.ack, &r->calm.ack, 0.5),
           (long long)crowd_quantile(&r->now.ack, &r->start.ack, 0.5), (long long)p99_before, (long long)p99,
           (double)p99 / (double)(p99_before ? p99_before : 1));
    printf("\"beat_gap_max_ms_before\":%lld,\"beat_gap_max_ms\":%lld,\"streamers_beat_gap_max_ms\":%lld}\n",
           (long long)crowd_quantile(&r->before.gap, &r->calm.gap, 1),
           (long long)crowd_quantile(&r->now.gap, &r->start.gap, 1), (long long)r->streamers_gap_ms);
}

/* A crowd that reports, for a while alone and then beside one that sends checkpoints. */
static void play(struct server *server, const char *address, struct round *r)
{
    struct crowd others, streams;
    struct crowd_plan plan = {.address = address,
                              .workers = r->workers,
                              .tick_ms = 1,
                              .epoch_ms = 20,
                              .beat_ms = 1000,
                              .attempt_epochs = 1000,
                              .finish_every = 1};
    struct crowd_plan bulk = plan;
    bulk.workers = bulk.savers = r->savers;
    bulk.checkpoint_bytes = r->bytes;
    bulk.epoch_ms = 200;
    bulk.first = 1000000;
    crowd_start(&others, &plan);
    turn_for(server, 2);
    r->calm = *others.seen;
    turn_for(server, r->seconds);
    r->before = *others.seen;
    crowd_start(&streams, &bulk);
    turn_for(server, 1);
    r->start = *others.seen;
    int64_t moved = streams.seen->chunk_bytes;
    turn_for(server, r->seconds);
    r->now = *others.seen;
    r->stream_mib_s = (double)(streams.seen->chunk_bytes - moved) / (1 << 20) / r->seconds;
    r->streamers_gap_ms = crowd_quantile(&streams.seen->gap, NULL, 1);
    crowd_end(&others);
    crowd_end(&streams);
}

int main(int argc, char **argv)
{
    struct round r = {.workers = argc > 1 ? atoi(argv[1]) : 64,
                      .savers = argc > 2 ? atoi(argv[2]) : 4,
                      .bytes = (int64_t)(argc > 3 ? atoi(argv[3]) : 256) << 20,
                      .seconds = argc > 4 ? atof(argv[4]) : 10};
    char path[256], address[256], name[65], command[300];
    struct err err = ERR_NONE;
    struct server *server;
    bool finished;
    log_init(LOG_WARN);
    if (!mkdtemp(folder))
        return 2;
    snprintf(path, sizeof path, "%s/hone.db", folder);
    snprintf(address, sizeof address, "ipc://%s/master.sock", folder);
    r.limit_mib_s = measure_limit(r.bytes);
    struct server_options options = {.db = path, .bind = address, .beat_ms = 200, .lease_ms = 15000};
    struct submission how = {.file = "bench", .base = "/", .checks = CHECKS_SKIP};
    if (server_open(&options, &server, &err) || server_submit(server, study, &how, name, &finished, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    play(server, address, &r);
    report(&r);
    server_close(server);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}
