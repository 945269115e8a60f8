#include "master/search/bayes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/acquire.h"
#include "master/search/design.h"
#include "master/search/rank.h"
#include "master/search/sampler_row.h"
#include "master/search/walls.h"
#include "master/search/warp.h"

enum {
    STARTUP_MIN = 8,
    FIT_STEPS_FIRST = 40,
    FIT_STEPS = 8,
    FIT_FRESH_UNTIL = 100,
    PENDING_MAX = 250,
    DOUBT_FROM = 20
};
static const double TRUSTED = 0.8;

int bayes_startup(const struct space *space)
{
    return space->count + 2 > STARTUP_MIN ? space->count + 2 : STARTUP_MIN;
}

int bayes_columns(const struct space *space)
{
    int columns = space->count;
    for (int i = 0; i < space->count; i++)
        columns += space->params[i].or_zero > 0;
    return columns;
}

/* ---- what the model sees ---- */

/* Marks the finished observations to be used: all, or the best and the newest halves. Returns how many. */
static int choose(const struct evidence *ev, bool *used)
{
    int *order = xcalloc((size_t)ev->count + 1, sizeof *order), n = evidence_rank(ev, order), newest = 0,
        count = 0;
    for (int i = 0; i < n && (n <= BAYES_TRIALS || i < BAYES_TRIALS / 2); i++)
        used[order[i]] = true;
    for (int i = ev->count - 1; i >= 0; i--)
        if (ev->list[i].state != HISTORY_PENDING && newest++ < BAYES_TRIALS / 2)
            used[i] = true;
    for (int i = 0; i < ev->count; i++)
        count += used[i];
    free(order);
    return count;
}

struct model {
    struct evidence ev;
    struct encode encode;
    struct gp gp;
    int n;                         /* observations; after them come believed ones */
    const struct point *incumbent; /* of the least posterior mean */
    double best;
};

/* False: the scores do not differ. */
static bool model_init(struct model *m, const struct space *space, const struct history *history,
                       const struct box *box)
{
    evidence_init(&m->ev, history);
    encode_init(&m->encode, space, box);
    bool *used = xcalloc((size_t)m->ev.count + 1, sizeof *used);
    m->n = choose(&m->ev, used);
    double *score = xcalloc((size_t)m->n + 1, sizeof *score), *y = xcalloc((size_t)m->n + 1, sizeof *y);
    double *x = xcalloc((size_t)m->encode.count + 1, sizeof *x);
    int pending = m->ev.pending < PENDING_MAX ? m->ev.pending : PENDING_MAX, k = 0;
    int lines = 0;
    while (lines < m->encode.count && m->encode.columns[lines].kind == COLUMN_LINE)
        lines++;
    gp_init(&m->gp, lines, m->encode.count, space_bound(space) >= 0, m->n + pending);
    for (int i = 0; i < m->ev.count; i++) {
        encode_widen(&m->encode, m->ev.list[i].point);
        if (used[i])
            score[k++] = m->ev.list[i].score;
    }
    bool differs = warp_scores(score, m->n, y);
    k = 0;
    for (int i = 0; i < m->ev.count; i++) {
        encode_point(&m->encode, m->ev.list[i].point, x);
        if (used[i])
            gp_add(&m->gp, x, y[k++]);
    }
    free(used);
    free(score);
    free(y);
    free(x);
    return differs;
}

static void model_fini(struct model *m)
{
    evidence_fini(&m->ev);
    encode_fini(&m->encode);
    gp_fini(&m->gp);
}

/* ---- the fit ---- */

/* The newest stored fit of this shape, NULL: none. */
static const double *stored_fit(const struct history *history, int count)
{
    for (size_t i = history->count; i-- > 0;)
        if (history->entries[i].fit_count == count)
            return history->entries[i].fit;
    return NULL;
}

/* From the stored fit, and while it is cheap from the default too: the better of both, for the posterior has
 * more than one peak and a fit that only ever goes on stays where it once fell. False: not positive definite.
 */
static bool fit_theta(struct gp *gp, const double *stored, int n)
{
    int count = gp_theta_count(gp);
    double warm_loss = INFINITY, warm[FIT_MAX];
    if (stored) {
        memcpy(gp->theta, stored, (size_t)count * sizeof *stored);
        bool is_sound = gp_fit(gp, FIT_STEPS);
        if (n > FIT_FRESH_UNTIL)
            return is_sound;
        memcpy(warm, gp->theta, (size_t)count * sizeof *warm);
        warm_loss = is_sound ? gp_loss(gp, warm, NULL) : INFINITY;
    }
    gp_default_theta(gp);
    bool is_sound = gp_fit(gp, FIT_STEPS_FIRST);
    double fresh_loss = is_sound ? gp_loss(gp, gp->theta, NULL) : INFINITY;
    if (warm_loss < fresh_loss)
        memcpy(gp->theta, warm, (size_t)count * sizeof *warm);
    return gp_factor(gp);
}

static bool model_fit(struct model *m, const struct history *history, struct proposal *note)
{
    int count = gp_theta_count(&m->gp);
    const double *stored = stored_fit(history, count);
    bool is_due = !stored || m->n <= FIT_FRESH_UNTIL || m->n % 2 == 0;
    if (stored)
        memcpy(m->gp.theta, stored, (size_t)count * sizeof *stored);
    bool is_sound = is_due ? fit_theta(&m->gp, stored, m->n) : gp_factor(&m->gp);
    memcpy(note->fit, m->gp.theta, (size_t)count * sizeof *note->fit);
    note->fit_count = is_sound ? count : 0;
    return is_sound;
}

/* ---- incumbent and pending ---- */

static void find_incumbent(struct model *m)
{
    double variance, mean;
    int k = 0, at = 0;
    m->best = INFINITY;
    for (; k < m->n; k++) {
        gp_posterior(&m->gp, m->gp.x + (long)k * m->gp.dims, &mean, &variance);
        if (mean < m->best) {
            m->best = mean;
            at = k;
        }
    }
    const double *x = m->gp.x + (long)at * m->gp.dims;
    double *other = xcalloc((size_t)m->gp.dims + 1, sizeof *other);
    for (int i = 0; i < m->ev.count; i++) {
        encode_point(&m->encode, m->ev.list[i].point, other);
        if (m->ev.list[i].state != HISTORY_PENDING && memcmp(other, x, (size_t)m->gp.dims * sizeof *x) == 0)
            m->incumbent = m->ev.list[i].point;
    }
    free(other);
}

static void believe_pending(struct model *m)
{
    double *x = xcalloc((size_t)m->gp.dims + 1, sizeof *x);
    for (int i = m->ev.count - 1; i >= 0 && m->gp.n < m->gp.room; i--) {
        if (m->ev.list[i].state != HISTORY_PENDING)
            continue;
        encode_point(&m->encode, m->ev.list[i].point, x);
        if (!gp_believe(&m->gp, x))
            break;
    }
    free(x);
}

/* ---- the point ---- */

/* Beyond a wall that may move a probe can be the best there is before the wall has moved: where the best was at any time,
 * the model searches on. */
static void reach_records(const struct model *m, const struct space *space, enum boundary study,
                          struct box *box)
{
    double best = -INFINITY, z;
    for (int k = 0; k < m->ev.count; k++) {
        const struct observed *o = &m->ev.list[k];
        if (o->state != HISTORY_SCORED || o->score <= best)
            continue;
        best = o->score;
        for (int i = 0; i < space->count; i++) {
            const struct param *p = &space->params[i];
            if (wall_policy(p, study) != BOUNDARY_EXPAND || !box_position(box, space, i, o->point->v[i], &z))
                continue;
            struct span reach = param_reach(p); /* narrower than where it was, perhaps: limits are edited */
            double t = param_scale(p, fmin(fmax(o->point->v[i].num, reach.lo), reach.hi));
            box->walls[i].lo = fmin(box->walls[i].lo, t);
            box->walls[i].hi = fmax(box->walls[i].hi, t);
        }
    }
}

/* How well the process orders results that it is not shown, one at a time: the rank correlation. */
static double foresight(struct model *m)
{
    double *means = xcalloc((size_t)m->n + 1, sizeof *means);
    gp_left_out(&m->gp, means);
    double correlation = rank_correlation(means, m->gp.y, m->n);
    free(means);
    return correlation;
}

static void grow_trees(const struct model *m, uint64_t seed, uint32_t trial, struct extra_trees *trees,
                       struct acquire *acquire)
{
    struct rng rng = rng_at(seed, trial, 1, STREAM_GP);
    *trees = (struct extra_trees){.dims = m->gp.dims, .lines = m->gp.lines};
    extra_trees_grow(trees, m->gp.x, m->gp.y, m->gp.n, &rng);
    acquire->trees = trees;
    acquire->best = INFINITY;
    for (int i = 0; i < m->gp.n; i++)
        acquire->best = fmin(acquire->best, m->gp.y[i]);
}

static bool acquire_from(struct model *m, const struct space *space, const struct history *history,
                         const struct box *box, uint64_t seed, uint32_t trial, struct point *out,
                         struct proposal *note)
{
    bool may_doubt = space_bound(space) >= 0 && m->n >= DOUBT_FROM;
    double trust = may_doubt ? foresight(m) : 1;
    find_incumbent(m);
    believe_pending(m);
    struct acquire acquire = {.space = space,
                              .box = box,
                              .encode = &m->encode,
                              .gp = &m->gp,
                              .history = history,
                              .incumbent = m->incumbent,
                              .best = m->best,
                              .rng = rng_at(seed, trial, 0, STREAM_GP)};
    struct extra_trees trees = {0};
    bool asks_trees = trust < TRUSTED && trial % 2 == 0;
    if (asks_trees)
        grow_trees(m, seed, trial, &trees, &acquire);
    double value = acquire_point(&acquire, out);
    extra_trees_fini(&trees);
    int length = snprintf(note->why, sizeof note->why,
                          "log EI %.2f; %d results, %d pending believed, noise %.2g, rough %.2g", value, m->n,
                          m->gp.n - m->n, m->gp.noise, m->gp.kernel.rough);
    if (asks_trees)
        snprintf(note->why + length, sizeof note->why - (size_t)length,
                 "; trees asked, for its foresight is %.2f", trust);
    return value > -INFINITY;
}

bool bayes_point(const struct space *space, enum boundary study, const struct history *history, uint64_t seed,
                 uint32_t trial, struct point *out, struct proposal *note)
{
    struct model m = {0};
    struct box box;
    history_box_clone(history, space, &box);
    bool is_sound = model_init(&m, space, history, &box);
    if (!is_sound) {
        snprintf(note->why, sizeof note->why, "no model: the scores of %d results do not differ", m.n);
    } else if (!model_fit(&m, history, note)) {
        snprintf(note->why, sizeof note->why, "no model: the covariance of %d results is not definite", m.n);
        is_sound = false;
    } else {
        reach_records(&m, space, study, &box);
        is_sound = acquire_from(&m, space, history, &box, seed, trial, out, note);
    }
    model_fini(&m);
    box_fini(&box);
    return is_sound;
}

static void name_halton(struct proposal *note)
{
    str_copy(note->sampler, sizeof note->sampler, sampler_halton.name);
    note->version = sampler_halton.version;
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    int finished = (int)history_results(history), startup = bayes_startup(s->space);
    if (finished < startup) {
        name_halton(note);
        snprintf(note->why, sizeof note->why, "startup: %d of %d results are there", finished, startup);
        start_point(s, history, trial, out, note);
    } else if (!bayes_point(s->space, search_boundary(s->def), history, s->seed, trial, out, note)) {
        name_halton(note);
        start_point(s, history, trial, out, note);
    }
    return design_settle(s->space, history, s->seed, trial, out, note, err);
}

static int parse(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err)
{
    (void)def;
    struct jcur at = jcur_get(search, "method");
    if (bayes_columns(space) <= FIT_MAX - 3)
        return 0;
    jcur_fail(&at, err, "a Gaussian process over %d parameters is not sensible", space->count);
    return err_hint(err, "\"method\": \"tpe\", or fewer than %d parameters", FIT_MAX - 2);
}

const struct sampler_row sampler_gp = {
    .name = "gp", .version = 5, .slow = true, .parse = parse, .propose = propose};
