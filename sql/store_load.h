/* store_load: the store's rows handed back, so that a master that starts can rebuild its memory from them alone; and what a
 * running one asks of checkpoints, whose rows it does not keep in memory.
 *
 * Each function visits every row in the order of its key; a callback that returns non-zero ends the visit with it, and a
 * row with a value that schema.sql does not allow ends it with ERR_BAD. Rows and their texts are borrowed for the call. The
 * other visits (boxes, study events, lineage, warm) stand beside their writers in store.h. Errors: those of the database,
 * and what a callback returned.
 */
#ifndef HONE_SQL_STORE_LOAD_H
#define HONE_SQL_STORE_LOAD_H

#include "sql/store.h"

/* ---- rebuilding memory ---- */

/* Since it was opened, or read again, has the file itself refused such a visit? Then it is damaged, and not the rows of
 * one study. */
bool store_is_damaged(const struct store *store);

int store_load_studies(struct store *store, int (*visit)(void *arg, const struct row_study *row), void *arg,
                       struct err *err);
int store_load_trials(struct store *store, int64_t study,
                      int (*visit)(void *arg, const struct row_trial *row, const struct row_value *values,
                                   int count),
                      void *arg, struct err *err);
/* Of one study, the attempts that have no outcome yet, and the newest of each trial whatever became of it. */
int store_load_attempts(struct store *store, int64_t study,
                        int (*visit)(void *arg, const struct row_attempt *row), void *arg, struct err *err);
/* Epochs that count, of one study: of each (trial, epoch) the row of its newest attempt. With their seq. */
int store_load_epochs(struct store *store, int64_t study,
                      int (*visit)(void *arg, const struct row_epoch *row, uint64_t seq), void *arg,
                      struct err *err);
/* One row of trial_event, of epoch, or of box. */
struct row_log {
    uint64_t seq;
    const char *walls;          /* a box: JSON; NULL: not a box */
    int stage, carried, trials; /* of a box */
    int64_t trial;
    int attempt;
    int epoch;                   /* 0: an event */
    double value;                /* of an epoch */
    double more[2];              /* of an epoch: the study's further metrics; NaN: none */
    enum trial_status to_status; /* of an event */
    const char *cause, *detail;  /* of an event; NULL: none */
};

/* All that happened in a study, in the order of seq: what samplers and pruners learned from. */
int store_load_log(struct store *store, int64_t study, int (*visit)(void *arg, const struct row_log *row),
                   void *arg, struct err *err);
/* A metric of every epoch of a study that told a finite one, in the order of seq; `seconds` is what the epoch took. */
int store_load_metric(struct store *store, int64_t study, const char *name,
                      int (*visit)(void *arg, int64_t trial, int epoch, double value), void *arg,
                      struct err *err);
/* ---- checkpoints ---- */

/* The newest checkpoint row of a trial at or before an epoch; ERR_GONE if none. Texts are valid until the next call. */
int store_last_checkpoint(struct store *store, int64_t trial, int max_epoch, struct row_checkpoint *out,
                          struct err *err);

/* Offered and kept ones of a trial, with the study's metric at their epoch (NaN: none); in spare order, those of trials
 * that have ended, beyond the `top` best: the score instead. */
typedef int (*checkpoint_visit)(void *arg, const struct row_checkpoint *row, double value);
int store_load_checkpoints(struct store *store, int64_t trial, checkpoint_visit visit, void *arg,
                           struct err *err);
int store_load_spare_checkpoints(struct store *store, int64_t study, int top, checkpoint_visit visit,
                                 void *arg, struct err *err);
int64_t store_kept_bytes(struct store *store, int64_t study);

/* A checkpoint with all that names its attempt on the wire. */
struct row_transit {
    struct row_checkpoint checkpoint;
    const char *study;
    uint32_t number;
    const char *token;
    int64_t worker;
};

/* All that are offered, or doomed, at most `limit`. */
int store_load_transit(struct store *store, enum checkpoint_state state, int limit,
                       int (*visit)(void *arg, const struct row_transit *row), void *arg, struct err *err);

#endif
