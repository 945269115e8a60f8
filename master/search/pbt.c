#include "master/search/pbt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/str.h"
#include "master/search/rank.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

enum { POPULATION = 16, INTERVALS = 10 };
static const double QUANTILE = 0.25, RESAMPLE = 0.25, LESS = 0.8, MORE = 1.2;

static const char *const keys[] = {"population", "interval", "quantile", "resample", "explore", NULL};

/* ---- settings ---- */

static int parse_explore(const struct jcur *search, const struct space *space, struct pbt *pbt,
                         struct err *err)
{
    struct jcur list = jcur_get(search, "explore");
    for (int i = 0; i < space->count; i++)
        pbt->explores[i] = !jcur_has(&list);
    if (!jcur_has(&list))
        return 0;
    if (jcur_array(&list, 1, SPACE_MAX_PARAMS, err))
        return err_hint(err, "\"explore\": [\"lr\", \"l2\"] lists the parameters that children change");
    for (const struct json *n = json_first(list.node); n; n = json_next(n)) {
        struct jcur item = jcur_of(&list, n);
        const char *name;
        if (jcur_text(&item, PARAM_NAME - 1, &name, err))
            return ERR_BAD;
        int i = space_find(space, name);
        if (i < 0)
            return jcur_fail(&item, err, "\"%s\" is not a parameter of the space", name);
        pbt->explores[i] = true;
    }
    return 0;
}

static int parse_sizes(const struct jcur *search, const struct search_def *def, struct pbt *pbt,
                       struct err *err)
{
    struct jcur population = jcur_get(search, "population"), interval = jcur_get(search, "interval");
    struct jcur trials = jcur_get(search, "trials"), epochs = jcur_get(search, "epochs");
    int64_t size = POPULATION, every = def->epochs > INTERVALS ? def->epochs / INTERVALS : 1;
    if (jcur_has(&trials)) {
        jcur_fail(&trials, err, "has no place beside pbt, whose children are trials too");
        return err_hint(err, "\"population\": 16 says how many train side by side");
    }
    if (!def->epochs) {
        jcur_fail(&epochs, err, "is missing");
        return err_hint(err, "pbt compares its population every \"interval\" of these epochs");
    }
    if (jcur_has(&population) && jcur_int(&population, 2, PBT_MOST, &size, err))
        return ERR_BAD;
    if (jcur_has(&interval) && jcur_int(&interval, 1, def->epochs, &every, err))
        return ERR_BAD;
    pbt->population = (int)size;
    pbt->interval = (int)every;
    return 0;
}

static int parse(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err)
{
    struct pbt *pbt = xcalloc(1, sizeof *pbt + (size_t)space->count * sizeof *pbt->explores);
    struct jcur quantile = jcur_get(search, "quantile"), resample = jcur_get(search, "resample");
    def->settings = pbt;
    pbt->quantile = QUANTILE;
    pbt->resample = RESAMPLE;
    if (parse_sizes(search, def, pbt, err))
        return ERR_BAD;
    if (jcur_has(&quantile) && jcur_num(&quantile, 0.01, 0.5, &pbt->quantile, err))
        return ERR_BAD;
    if (jcur_has(&resample) && jcur_num(&resample, 0, 1, &pbt->resample, err))
        return ERR_BAD;
    return parse_explore(search, space, pbt, err);
}

const struct pbt *pbt_of(const struct search_def *def)
{
    return def->row == &sampler_pbt ? def->settings : NULL;
}

int pbt_first_until(const struct pbt *pbt, int epochs)
{
    return pbt->interval < epochs ? pbt->interval : epochs;
}

/* ---- generations ---- */

/* The trials that run, or ran, to the newest generation's end. */
struct generation {
    const struct entry **entry;
    double *score;
    int count;
    int ends;     /* at this epoch */
    bool is_over; /* each has a score there, or has ended */
    int going_on; /* paused there */
};

static bool is_paused_at(const struct entry *e, int epochs)
{
    return e->state == HISTORY_PENDING && e->epochs >= epochs && e->until <= epochs;
}

static void generation_init(struct generation *g, const struct history *history)
{
    *g = (struct generation){.entry = xcalloc(history->count + 1, sizeof *g->entry),
                             .score = xcalloc(history->count + 1, sizeof *g->score),
                             .is_over = true};
    for (size_t i = 0; i < history->count; i++)
        if (!entry_is_warm(&history->entries[i]) && history->entries[i].until > g->ends)
            g->ends = history->entries[i].until;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if (entry_is_warm(e) || e->until != g->ends || e->state == HISTORY_GONE)
            continue;
        bool has_score = entry_score_at(e, g->ends, &g->score[g->count]);
        if (!has_score && e->state == HISTORY_SCORED)
            g->score[g->count] = e->score; /* it stopped early of its own accord */
        g->is_over = g->is_over && (has_score || e->state != HISTORY_PENDING);
        g->going_on += is_paused_at(e, g->ends);
        g->entry[g->count++] = e;
    }
}

static void generation_fini(struct generation *g)
{
    free(g->entry);
    free(g->score);
}

int pbt_fates(const struct pbt *pbt, const struct history *history, uint64_t seed, int epochs, bool more,
              struct pbt_fate *fates, int *at, int *until)
{
    struct generation g;
    generation_init(&g, history);
    int count = g.count, first = pbt_first_until(pbt, epochs), parents = 0;
    bool is_whole = g.ends > first || count >= pbt->population || !more;
    bool decides = g.is_over && is_whole && g.going_on && g.ends < epochs;
    int *order = xcalloc((size_t)count + 1, sizeof *order);
    uint32_t *parent = xcalloc((size_t)count + 1, sizeof *parent);
    int quarter = (int)(pbt->quantile * count);
    quarter = quarter < 1 && count > 1 ? 1 : quarter;
    rank_best_first(g.score, count, order);
    for (int i = 0; i < count && parents < quarter; i++)
        if (is_paused_at(g.entry[order[i]], g.ends))
            parent[parents++] = g.entry[order[i]]->trial;
    for (int i = 0; decides && i < count; i++) {
        const struct entry *e = g.entry[order[i]];
        fates[i] = (struct pbt_fate){.trial = e->trial, .rank = i + 1};
        if (i < count - quarter && is_paused_at(e, g.ends))
            continue;
        struct rng rng = rng_at(seed, e->trial, (uint32_t)g.ends, STREAM_PBT);
        fates[i].parent = parents ? parent[rng_below(&rng, (uint32_t)parents)] : 0;
    }
    *at = g.ends;
    *until = g.ends + pbt->interval < epochs ? g.ends + pbt->interval : epochs;
    free(order);
    free(parent);
    generation_fini(&g);
    return decides ? count : 0;
}

bool pbt_is_through(const struct pbt *pbt, const struct history *history, int epochs)
{
    struct generation g;
    generation_init(&g, history);
    bool is_first = g.ends <= pbt_first_until(pbt, epochs) && g.count < pbt->population;
    bool through = g.is_over && !is_first && (!g.going_on || g.ends >= epochs);
    generation_fini(&g);
    return through;
}

/* ---- explore ---- */

static int clipped(int i, int count)
{
    return i < 0 ? 0 : i >= count ? count - 1 : i;
}

static double scaled(const struct param *p, double x, double factor)
{
    if (p->dist != DIST_LOGIT)
        return x * factor;
    double odds = x / (1 - x) * factor;
    return odds / (1 + odds);
}

/* One step to the side that the factor points to, along a list. */
static struct value stepped(const struct param *p, const struct box *box, int i, struct value v, bool up)
{
    if (p->dist == DIST_VALUES) {
        int at = clipped((int)param_scale(p, v.num) + (up ? 1 : -1), p->value_count);
        return value_num(param_nearest(p, box->walls[i], p->values[at]));
    }
    int at = clipped(v.choice + (up ? 1 : -1), p->choice_count);
    return p->ordered && !box->dropped[i][at] ? value_choice(at) : v;
}

static struct value perturbed(const struct space *space, const struct box *box, int i, struct value v,
                              bool up)
{
    const struct param *p = &space->params[i];
    if (p->dist == DIST_VALUES || p->dist == DIST_CHOICE)
        return stepped(p, box, i, v, up);
    if (v.num == 0 && p->or_zero > 0)
        return v;
    double x = param_nearest(p, box->walls[i], scaled(p, v.num, up ? MORE : LESS));
    if (x == v.num && p->step > 0)
        x = param_nearest(p, box->walls[i], v.num + (up ? p->step : -p->step));
    return value_num(x);
}

static void explore_once(const struct pbt *pbt, const struct space *space, const struct box *box,
                         uint64_t seed, uint32_t child, uint32_t again, const struct point *parent,
                         struct point *out)
{
    memset(out->v, 0, (size_t)out->count * sizeof *out->v);
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        struct rng rng = rng_at(seed, child, space->params[i].hash + again, STREAM_PBT);
        struct value had = parent->v[i];
        double u = rng_unit(&rng), fresh = rng_unit(&rng);
        bool up = rng_below(&rng, 2) == 1;
        if (!space_is_active(space, out, i))
            continue;
        if (had.kind == VALUE_OFF || (pbt->explores[i] && u < pbt->resample))
            out->v[i] = box_value(box, space, i, fresh);
        else
            out->v[i] = pbt->explores[i] ? perturbed(space, box, i, had, up) : had;
    }
}

void pbt_explore(const struct pbt *pbt, const struct space *space, const struct history *history,
                 uint64_t seed, uint32_t child, const struct point *parent, struct point *out)
{
    enum { TRIES = 24 };
    struct box box;
    history_box_clone(history, space, &box);
    uint32_t again = 0;
    do
        explore_once(pbt, space, &box, seed, child, again, parent, out);
    while (!require_holds(space, out) && ++again < TRIES);
    if (again == TRIES)
        point_copy(out, parent);
    box_fini(&box);
}

/* ---- the first generation, as a sampler ---- */

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    const struct pbt *pbt = s->def->settings;
    struct generation g;
    generation_init(&g, history);
    int count = g.count, ends = g.ends;
    generation_fini(&g);
    if (ends <= pbt_first_until(pbt, s->def->epochs) && count < pbt->population) {
        snprintf(note->why, sizeof note->why, "member %d of %d, by scrambled Halton", count + 1,
                 pbt->population);
        start_point(s, history, trial, out, note);
        return 0;
    }
    if (pbt_is_through(pbt, history, s->def->epochs))
        return err_set(err, ERR_GONE, "the population is through");
    return err_set(err, ERR_BUSY, "the generation that ends at epoch %d is not over", ends);
}

const struct sampler_row sampler_pbt = {.name = "pbt",
                                        .version = PBT_VERSION,
                                        .by_number = true,
                                        .keys = keys,
                                        .parse = parse,
                                        .propose = propose};
