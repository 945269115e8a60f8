/* cma-es: evolution in the unit cube of T-space, for cheap trials by the hundreds on numeric axes.
 *
 * A generation is any lambda results in the order in which they ended, whoever proposed them, so nothing
 * waits; the state is worked out from the history alone and kept as a cache. A sample outside the box is
 * drawn again up to 100 times, then cut. On a stepped axis the deviation never falls so low that leaving the
 * value becomes less likely than 1 / (d lambda) (a margin after Hamano et al., "CMA-ES with margin", GECCO
 * 2022). It starts again with twice the generation (Auger, Hansen, "A restart CMA evolution strategy with
 * increasing population size", CEC 2005) when its step has become smaller than 1e-11 of the box, C is
 * degenerate, or ten generations and more have brought nothing.
 *
 * Refuses: conditions, choices without an order, or_zero (tpe and gp know what to do with them), more than 50
 * axes.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"
#include "master/search/cma.h"
#include "master/search/design.h"
#include "master/search/evidence.h"
#include "master/search/normal.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

enum { REDRAWS = 100, LAMBDA_MAX = 2048 };
static const double SIGMA_START = 1.0 / 6, SIGMA_MIN = 1e-11, CONDITION_MAX = 1e14;

static int parse(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err)
{
    (void)def;
    struct jcur at = jcur_get(search, "method");
    const char *why = space_has_conditions(space) ? "has conditions" : NULL;
    for (int i = 0; i < space->count && !why; i++) {
        const struct param *p = &space->params[i];
        if (p->dist == DIST_CHOICE && !p->ordered)
            why = "has choices without an order";
        else if (p->or_zero > 0)
            why = "has \"or_zero\"";
    }
    if (!why && space->count > CMA_DIMS)
        why = "has more than 50 parameters";
    if (!why)
        return 0;
    jcur_fail(&at, err, "cma-es cannot search this space: it %s", why);
    return err_hint(err, "\"method\": \"auto\" takes a sampler that can");
}

/* ---- coordinates: T-space over the study's own box; walls that moved lie beyond 0 .. 1 ---- */

static struct span own_cells(const struct param *p)
{
    return param_cells(p, p->box);
}

static double coordinate(const struct param *p, struct value v)
{
    struct span c = own_cells(p);
    double t = v.kind == VALUE_CHOICE ? v.choice : param_scale(p, v.num);
    return (t - c.lo) / (c.hi - c.lo);
}

static struct value value_at(const struct param *p, struct span wall, double x)
{
    struct span c = own_cells(p);
    double t = c.lo + x * (c.hi - c.lo);
    if (p->dist == DIST_CHOICE)
        return value_choice((int)fmin(fmax(floor(t + 0.5), 0), p->choice_count - 1));
    return value_num(param_nearest(p, wall, param_unscale(p, t)));
}

/* ---- state from history ---- */

struct state { /* a cache */
    struct cma cma;
    size_t used;    /* results consumed, in the order of their ends */
    uint64_t chain; /* of those */
    int restarts;
    int idle; /* generations without a better score */
    double best;
};

static void restart(const struct sampler *s, struct state *st, int lambda)
{
    double mean[CMA_DIMS];
    for (int i = 0; i < s->space->count; i++) {
        struct rng rng = rng_at(s->seed, (uint32_t)st->restarts, s->space->params[i].hash, STREAM_CMA_START);
        mean[i] = st->restarts ? rng_unit(&rng) : 0.5;
    }
    cma_fini(&st->cma);
    cma_init(&st->cma, s->space->count, lambda, mean, SIGMA_START);
    st->idle = 0;
    st->best = -INFINITY;
}

static int by_end(const void *a, const void *b)
{
    const struct entry *p = *(const struct entry *const *)a, *q = *(const struct entry *const *)b;
    if (p->seq != q->seq)
        return p->seq < q->seq ? -1 : 1;
    return (p->trial > q->trial) - (p->trial < q->trial);
}

/* Finished trials in the order in which they ended. */
static const struct entry **ended(const struct history *history, size_t *count)
{
    const struct entry **list = xcalloc(history->count + 1, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < history->count; i++)
        if (history->entries[i].state == HISTORY_SCORED || history->entries[i].state == HISTORY_BAD)
            list[(*count)++] = &history->entries[i];
    qsort(list, *count, sizeof *list, by_end);
    return list;
}

static uint64_t link_of(uint64_t chain, const struct entry *e)
{
    uint64_t bits;
    memcpy(&bits, &e->score, sizeof bits);
    return hash_mix(hash_mix(chain ^ bits, e->hash), e->trial);
}

static int by_score(const void *a, const void *b)
{
    const struct entry *p = *(const struct entry *const *)a, *q = *(const struct entry *const *)b;
    if (p->score != q->score)
        return p->score > q->score ? -1 : 1;
    return (p->trial > q->trial) - (p->trial < q->trial);
}

static bool is_spent(const struct state *st)
{
    double widest = 0;
    for (int i = 0; i < st->cma.d; i++)
        widest = fmax(widest, cma_deviation(&st->cma, i));
    int patience = 10 + (int)ceil(30.0 * st->cma.d / st->cma.lambda);
    return widest < SIGMA_MIN || st->cma.condition > CONDITION_MAX || st->idle > patience;
}

/* How much wider than C says a stepped axis is sampled, so that leaving its value has at least the
 * probability 1 / (d lambda): 1 while it is wide enough. */
static double margin(const struct param *p, const struct cma *cma, int i)
{
    if (!param_is_discrete(p))
        return 1;
    double cell = 1.0 / (double)param_count(p), rare = 1.0 / (cma->d * cma->lambda);
    return fmax(1, 0.5 * cell / normal_quantile(1 - rare / 2) / cma_deviation(cma, i));
}

/* One generation, in the measure it was sampled in; `list` is its own order and is sorted. */
static void generation(const struct sampler *s, struct state *st, const struct entry **list)
{
    int d = st->cma.d, lambda = st->cma.lambda;
    qsort(list, (size_t)lambda, sizeof *list, by_score);
    if (!(list[0]->score > -INFINITY))
        return; /* all of them failed: nothing is known about where to go */
    double *x = xcalloc((size_t)lambda * (size_t)d, sizeof *x), wider[CMA_DIMS], mean[CMA_DIMS];
    memcpy(mean, st->cma.mean, (size_t)d * sizeof *mean);
    for (int i = 0; i < d; i++) {
        wider[i] = margin(&s->space->params[i], &st->cma, i);
        for (int k = 0; k < lambda; k++)
            x[k * d + i] =
                mean[i] + (coordinate(&s->space->params[i], list[k]->point.v[i]) - mean[i]) / wider[i];
    }
    cma_update(&st->cma, x);
    for (int i = 0; i < d; i++)
        st->cma.mean[i] = mean[i] + wider[i] * (st->cma.mean[i] - mean[i]);
    st->idle = list[0]->score > st->best ? 0 : st->idle + 1;
    st->best = fmax(st->best, list[0]->score);
    free(x);
    if (is_spent(st)) {
        st->restarts++;
        restart(s, st, 2 * lambda < LAMBDA_MAX ? 2 * lambda : LAMBDA_MAX);
    }
}

/* Is the cache a beginning of this history? */
static bool still_holds(const struct state *st, const struct entry *const *list, size_t count)
{
    uint64_t chain = 0;
    for (size_t i = 0; i < st->used && i < count; i++)
        chain = link_of(chain, list[i]);
    return st->cma.d && st->used <= count && chain == st->chain;
}

static void start_over(struct sampler *s)
{
    struct state *st = s->state;
    cma_fini(&st->cma);
    *st = (struct state){0};
    restart(s, st, cma_lambda(s->space->count));
}

static void catch_up(struct sampler *s, const struct history *history)
{
    struct state *st = s->state;
    size_t count;
    const struct entry **list = ended(history, &count);
    if (!still_holds(st, list, count))
        start_over(s);
    while (st->used + (size_t)st->cma.lambda <= count) {
        size_t end = st->used + (size_t)st->cma.lambda, begin = st->used;
        for (; st->used < end; st->used++)
            st->chain = link_of(st->chain, list[st->used]);
        generation(s, st, list + begin);
    }
    free(list);
}

/* ---- the sampler ---- */

static int open_cma(struct sampler *s, struct err *err)
{
    (void)err;
    s->state = xcalloc(1, sizeof(struct state));
    start_over(s);
    return 0;
}

static void close_cma(struct sampler *s)
{
    struct state *st = s->state;
    cma_fini(&st->cma);
    free(st);
}

static bool draw(const struct sampler *s, const struct box *box, struct rng *rng, double *x)
{
    const struct state *st = s->state;
    double z[CMA_DIMS];
    bool is_inside = true;
    for (int i = 0; i < s->space->count; i++)
        z[i] = rng_normal(rng);
    cma_point(&st->cma, z, x);
    for (int i = 0; i < s->space->count; i++) {
        const struct param *p = &s->space->params[i];
        x[i] = st->cma.mean[i] + (x[i] - st->cma.mean[i]) * margin(p, &st->cma, i);
        struct span own = own_cells(p),
                    wall = param_cells(p, p->dist == DIST_CHOICE ? p->box : box->walls[i]);
        double lo = (wall.lo - own.lo) / (own.hi - own.lo), hi = (wall.hi - own.lo) / (own.hi - own.lo);
        is_inside &= x[i] >= lo && x[i] <= hi;
        x[i] = fmin(fmax(x[i], lo), hi);
    }
    return is_inside;
}

/* Inside the box and keeping the rules, if 100 draws bring that; else the last one, cut at the walls. */
static void draw_point(const struct sampler *s, const struct box *box, struct rng *rng, struct point *out)
{
    double x[CMA_DIMS];
    for (int k = 0; k < REDRAWS; k++) {
        bool is_inside = draw(s, box, rng, x);
        for (int i = 0; i < s->space->count; i++)
            out->v[i] = value_at(&s->space->params[i], box->walls[i], x[i]);
        if (is_inside && require_holds(s->space, out))
            return;
    }
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    struct state *st = s->state;
    struct box box;
    struct rng rng = rng_at(s->seed, trial, 0, STREAM_CMA);
    catch_up(s, history);
    history_box_clone(history, s->space, &box);
    draw_point(s, &box, &rng, out);
    box_fini(&box);
    snprintf(note->why, sizeof note->why, "generation %d of %d, step %.2g, restart %d",
             st->cma.generation + 1, st->cma.lambda, st->cma.sigma, st->restarts);
    if (!require_holds(s->space, out))
        return design_instead(s, history, trial, "100 draws broke a rule", out, note, err);
    return design_settle(s->space, history, s->seed, trial, out, note, err);
}

const struct sampler_row sampler_cma = {
    .name = "cma-es",
    .version = 1,
    .parse = parse,
    .open = open_cma,
    .forget = start_over,
    .close = close_cma,
    .propose = propose,
};
