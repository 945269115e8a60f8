/* study_def: the study file, read and checked. What passes here can be run: every key is known, every number in
 * its range, every parameter used by the trainer, every placeholder backed by a parameter.
 *
 *   { "study": "mnist", "metric": {…}, "trainer": {…}, "space": {…}, "search": {…}, "budget": {…},
 *     "keep": {…}, "checkpoints": "master", "priority": 0, "weight": 1, "max_attempts": 3, "description": "…" }
 *
 * docs/study-file.md is the reference, docs/study.schema.json the schema; a test keeps the three agreed.
 * Refuses with file, path, value and hint; writes nothing anywhere. Ownership: the caller's storage;
 * study_def_fini frees. On failure nothing is left to free.
 */
#ifndef HONE_MASTER_STUDY_DEF_H
#define HONE_MASTER_STUDY_DEF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "master/keep.h"
#include "master/search/prune.h"
#include "master/search/repeat.h"
#include "master/search/sampler.h"
#include "master/search/space.h"

struct budget {
    int64_t wall_ms; /* 0: none; counted only while a master runs the study */
    int64_t slot_ms; /* 0: none; sum over slots of the time they held this study's attempts */
    int64_t epochs;  /* 0: none; epoch reports in all */
    int64_t failed;  /* 0: none; this many failed trials end the study */
    double target;   /* NaN: none; a score at least (minimize: at most) this good ends it */
};

struct further_metric {
    char name[65];
    bool maximize;
};

struct study_def {
    struct json *json; /* the whole file, owned; what the store keeps */
    char name[65];
    char metric[65]; /* the first one, which chooses the epoch that counts */
    bool maximize;
    bool score_last; /* score = the last epoch's value; else the best epoch's */
    struct further_metric more[HISTORY_MORE];
    int more_count; /* 0: trials are ranked by one metric */
    struct space space;
    struct search_def search;
    int epochs; /* length of a full training */
    struct prune_def prune;
    struct budget budget;
    struct repeat_def repeat;
    struct keep keep; /* which checkpoints stay */
    double priority, weight;
    int max_attempts;      /* failures of a trial's own making before it is failed */
    uint64_t trainer_seed; /* every trial's seed comes from it: a paired comparison */
};

/* Parses text and checks all. */
int study_def_parse(const char *text, size_t len, const char *file, struct study_def *out, struct err *err);
/* With `sets` applied before ("search.trials=100"; a value that is not JSON is taken as text); NULL at the end, NULL: none. */
int study_def_parse_set(const char *text, size_t len, const char *file, const char *const *sets,
                        struct study_def *out, struct err *err);
/* The same for a file; "-" is standard input. */
int study_def_load(const char *path, const char *const *sets, struct study_def *out, struct err *err);
void study_def_fini(struct study_def *def);

/* Seeds left out are drawn here, once, and become part of the definition. */
void study_def_fill_seeds(struct study_def *def);

/* The value at a dotted path, as JSON text; NULL: takes the key away. What the path leads through must be there. */
int study_def_put(struct json *root, const char *path, const char *value, struct err *err);
/* NULL: there is nothing at this path. Borrowed. */
const struct json *study_def_at(const struct json *root, const char *path);

/* Is `now` the definition that the store knows as `stored`? Seeds that `now` leaves out agree with any. On a
 * difference: ERR_BAD with the first path that differs. */
int study_def_same(const struct study_def *now, const struct json *stored, const char *file, struct err *err);

#endif
