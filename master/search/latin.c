/* latin: a Latin hypercube over "trials" points: on every axis each of the n strata is hit exactly once. No
 * better than random below a hundred trials (algorithms of this kind were measured), but it is what people
 * ask for, and a study that knows its size may have it. After n trials a new hypercube begins. */
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/design.h"
#include "master/search/sampler_row.h"

static const int64_t TRIALS_MAX = 100000; /* a permutation of n is made for every axis of every point */

double latin_unit(uint64_t seed, uint32_t key, uint32_t n, uint32_t index)
{
    PRE(n > 0);
    struct rng strata = rng_at(seed, index / n, key, STREAM_LATIN);
    struct rng within = rng_at(seed, index, key, STREAM_LATIN_WITHIN);
    uint32_t *order = xcalloc(n, sizeof *order);
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    rng_shuffle(&strata, order, n);
    double u = (order[index % n] + rng_unit(&within)) / n;
    free(order);
    return u < 1 ? u : 0x1.fffffffffffffp-1;
}

static int parse(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err)
{
    (void)space;
    struct jcur at = jcur_get(search, "trials");
    if (def->trials < 1) {
        jcur_fail(&at, err, "is missing: a Latin hypercube must know its size");
        return err_hint(err, "\"trials\": 60, or \"method\": \"halton\", which can go on for ever");
    }
    if (def->trials > TRIALS_MAX) {
        jcur_fail(&at, err, "must be at most %lld for a Latin hypercube", (long long)TRIALS_MAX);
        return err_hint(err, "\"method\": \"halton\" has no such bound");
    }
    return 0;
}

static void make(const struct sampler *s, const struct history *history, uint64_t seed, uint32_t index,
                 struct point *out)
{
    double *u = xcalloc((size_t)s->space->count + 1, sizeof *u);
    struct box box;
    for (int i = 0; i < s->space->count; i++)
        u[i] = latin_unit(seed, s->space->params[i].hash, (uint32_t)s->def->trials, index);
    history_box_clone(history, s->space, &box);
    box_point(&box, s->space, u, out);
    box_fini(&box);
    free(u);
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    uint32_t n = (uint32_t)s->def->trials;
    snprintf(note->why, sizeof note->why, "point %u of a Latin hypercube of %u", (trial - 1) % n + 1, n);
    struct sequence sequence = {make, s->seed, .first = 0};
    return design_propose(s, history, &sequence, trial, out, note, err);
}

const struct sampler_row sampler_latin = {
    .name = "latin", .version = 1, .by_number = true, .parse = parse, .propose = propose};
