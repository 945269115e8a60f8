/* sampler: who proposes the next point. THE registry (sampler.c) has one row per method; to add one: one
 * file, one row, one test.
 *
 * propose() is pure in (space, history up to its newest seq, seed, trial number): same arguments, same bits,
 * on the same platform. What a sampler keeps between calls is a cache and may be thrown away at every call
 * (sampler_forget, which tests do). Random numbers are counter-based: key = study seed, counter = (trial
 * number, hash of the parameter's name, stream, draw), so that the order of workers, restarts and retries is
 * nothing to them. Ask for trial n when all trials below n are in the history: then "no duplicates" holds,
 * and designs by number give the same study with any number of workers.
 *
 * Refuses (search_parse): unknown methods and keys, a grid of more than 10^6 points or without a count for
 * some axis; each with path and hint. Ownership: struct search_def is the caller's storage; a sampler is heap
 * and borrows definition and space.
 */
#ifndef HONE_MASTER_SEARCH_SAMPLER_H
#define HONE_MASTER_SEARCH_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "master/search/history.h"
#include "master/search/space.h"
#include "master/search/walls.h"

struct sampler_row;

/* The study's "search" object. */
struct search_def {
    const struct sampler_row *row;
    const char *method;     /* the row's name: "random", "grid", ... */
    int64_t trials;         /* sampled points; 0: not said */
    int epochs;             /* of a full training; 0: not said */
    int parallel;           /* trials under way at once; 0: as many as there are slots */
    uint64_t seed;          /* < 2^53 */
    bool has_seed;          /* false: draw one, store it, pass it to sampler_new */
    enum boundary boundary; /* the study's policy for walls; DEFAULT: by kind of axis */
    int metrics;    /* that trials are ranked by; 0 is 1. Whoever parses the study's "metric" sets it */
    void *settings; /* what the method's own keys say; NULL: nothing */
};

/* On failure nothing is left to free. */
int search_parse(const struct jcur *cur, const struct space *space, struct search_def *out, struct err *err);
void search_fini(struct search_def *def);
/* The policy for walls that this study runs under (walls.h): what it says; where it says nothing, designs
 * whose points depend on nothing but trial numbers (random, grid, latin, halton, sobol) only warn, lest two
 * runs with another number of workers differ, and all others go by the kind of axis (DEFAULT). With several metrics none is
 * looked at: what is good has no side there. */
enum boundary search_boundary(const struct search_def *def);
struct wall_rule search_walls(const struct search_def *def);
int search_metrics(const struct search_def *def); /* at least 1 */
const char *const *sampler_names(void);           /* NULL-terminated */

enum { FIT_MAX = 65 };

/* What goes into the row of a proposal, beside the point. */
struct proposal {
    char sampler[32]; /* who proposed it in the end: "tpe", "halton" as its start, "random" as its fallback */
    int version;      /* of that sampler: another version may propose other points */
    uint64_t seq_cut; /* newest seq of the history it saw */
    char why[160];    /* for `hone explain`: "startup 3 of 10", "EI 0.021 over trial 17's 0.93" */
    double fit[FIT_MAX]; /* end of the model's fit; the next fit starts from the newest in its cut */
    int fit_count;       /* 0: none */
};

struct sampler;

/* Borrows def and space, which must outlive it. NULL and err on failure. */
struct sampler *sampler_new(const struct search_def *def, const struct space *space, uint64_t seed,
                            struct err *err);
void sampler_free(struct sampler *sampler);
void sampler_forget(struct sampler *sampler); /* throws every cache away */

bool sampler_is_slow(const struct sampler *sampler); /* fits a model: ask it off the loop */
int64_t sampler_size(const struct sampler *sampler); /* points it can propose; -1: without end */

/* 0: `out` (initialised by the caller) and `note` are filled in. ERR_BUSY: nothing now, ask again after the
 * next result. ERR_GONE: nothing left. */
int sampler_propose(struct sampler *sampler, const struct history *history, uint32_t trial, struct point *out,
                    struct proposal *note, struct err *err);

#endif
