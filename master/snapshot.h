/* snapshot: how a study stands at this moment, for the progress line, `hone wait` and the STATUS verb. Plain
 * values, copied; nothing in it points anywhere that may move. */
#ifndef HONE_MASTER_SNAPSHOT_H
#define HONE_MASTER_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/json.h"
#include "common/trial_status.h"

struct reactor;
struct study;

struct server_snapshot {
    char study[65];
    char metric[65];
    bool maximize;
    int64_t counts[TRIAL_STATUS_COUNT]; /* of the search */
    int64_t extra_open;                 /* trials for an ensemble that have not ended */
    int64_t planned;                    /* trials to be sampled in all; -1: unknown */
    bool has_best;
    double best;
    uint32_t best_trial;
    int64_t epochs_done;
    int64_t epochs_planned; /* -1: unknown */
    double epochs_per_s;    /* over the last 30 s */
    int64_t eta_ms;         /* -1: unknown */
    int workers, slots;     /* connected now */
    const char *state; /* running, checking, paused, stopping, ended; "store: ..." while it takes no writes */
    char end_reason[33]; /* "" until it has ended */
};

void snapshot_take(const struct reactor *reactor, const struct study *study, int64_t mono_ms,
                   struct server_snapshot *out);
void snapshot_write(const struct server_snapshot *snapshot, struct jw *w, const char *key);

#endif
