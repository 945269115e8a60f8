/* sampler_row: what a method puts into the registry; for the method files alone.
 *
 * `parse` checks the method's own keys of "search" and leaves what they say in def->settings (one malloc,
 * freed by search_fini). `open` may prepare sampler->state; `forget` drops what propose() cached there;
 * `close` frees. Each may be NULL where there is nothing to do. propose() must be pure in (space, history,
 * seed, trial).
 */
#ifndef HONE_MASTER_SEARCH_SAMPLER_ROW_H
#define HONE_MASTER_SEARCH_SAMPLER_ROW_H

#include "common/rng.h"
#include "master/search/atlas.h"
#include "master/search/sampler.h"

/* A cache: where in a design's sequence the points that keep the rules are (design.h). */
struct design_place {
    const void *make;
    uint64_t seed, box_seq;
    uint32_t found, next; /* points handed out, and the index after the last of them */
    uint32_t last;        /* index of the last one; UINT32_MAX: its run found none */
};

struct sampler {
    const struct sampler_row *row;
    const struct search_def *def;
    const struct space *space;
    uint64_t seed;
    void *state;
    struct design_place place;
    struct atlas *atlas; /* a cache: where the history's points lie; NULL: nobody asked yet */
};

/* The sampler's own, brought up to date. */
static inline struct atlas *sampler_atlas(struct sampler *sampler, const struct history *history)
{
    if (!sampler->atlas)
        sampler->atlas = atlas_new(sampler->space);
    atlas_follow(sampler->atlas, history);
    return sampler->atlas;
}

struct sampler_row {
    const char *name;
    int version;             /* + 1 whenever it would propose other points from the same history */
    bool slow;               /* fits a model: proposes off the master's loop */
    bool by_number;          /* its points depend on trial numbers alone */
    const char *const *keys; /* of "search", beyond the common ones; NULL: none */
    int (*parse)(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err);
    int (*open)(struct sampler *sampler, struct err *err);
    void (*forget)(struct sampler *sampler);
    void (*close)(struct sampler *sampler);
    int64_t (*size)(const struct sampler *sampler); /* NULL: without end */
    int (*propose)(struct sampler *sampler, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err);
};

/* Third word of the random counter: no two uses share numbers. Never renumber: it is part of every replay. */
enum rng_stream {
    STREAM_POINT = 1,  /* the random point of a trial */
    STREAM_UNSEEN = 2, /* which of the points not seen yet */
    STREAM_HALTON = 3, /* digit permutations; the trial word is the digit level */
    STREAM_SOBOL = 4,  /* matrix and shift */
    STREAM_LATIN = 5,  /* order of the strata; the trial word is the round */
    STREAM_LATIN_WITHIN = 6,
    STREAM_TPE = 9,
    STREAM_CMA = 11,
    STREAM_CMA_START = 12, /* the trial word is the restart */
    STREAM_GP = 10,
    STREAM_STAGE = 8,      /* random points inside a box */
    STREAM_SOBOL_TAIL = 7, /* axes beyond the table */
    STREAM_REQUIRE = 13,   /* does any point keep the rules? the trial word is the draw */
    STREAM_WALK = 14,      /* from a point that keeps them to others */
    STREAM_GIVEN = 15,     /* what a named point leaves open; the trial word is the draw */
    STREAM_NSGA = 16,
    STREAM_RELAY = 17,  /* whose turn it is */
    STREAM_CURVE = 21,  /* extrapolation; the name word is the epoch */
    STREAM_PBT = 22,    /* who gives up and when: whose child takes its place; a child and a parameter */
    STREAM_FOREST = 23, /* importance: bootstrap and splits; the trial word is the tree */
};

extern const struct sampler_row sampler_random, sampler_grid, sampler_latin, sampler_halton, sampler_sobol,
    sampler_coarse, sampler_tpe, sampler_gp, sampler_auto, sampler_cma, sampler_pbt, sampler_nsga;
/* No method of its own: what `auto` is with several metrics (relay.c). */
extern const struct sampler_row sampler_relay;

/* How model-based samplers begin: the trial's point of the scrambled Halton sequence, inside the box of the
 * moment. `note` has its `why` already, which is changed where the sequence has none that keeps the rules. */
void start_point(struct sampler *sampler, const struct history *history, uint32_t trial, struct point *out,
                 struct proposal *note);

/* A uniformly random point for this trial that keeps the rules ("require"); on a discrete space one that no trial has
 * yet. ERR_GONE: they all have been tried. Leaves the note alone, but for a `why` where hardly any point keeps the rules
 * and the point comes from a walk (feasible.h). */
int random_point(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                 struct point *out, struct proposal *note, struct err *err);

#endif
