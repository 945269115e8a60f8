/* nsga-ii: a genetic algorithm over several metrics (Deb, Pratap, Agarwal, Meyarivan, IEEE Trans. Evol. Comput. 6, 2002),
 * one trial at a time.
 *
 *   fewer results than the population: points of the scrambled Halton sequence
 *   population: of all finished trials the best `population` by rank, then by crowding distance
 *   parents: two, each the better of two drawn from the population (lower rank, then less crowded)
 *   child, in unit coordinates (each parameter's own scale, cut into cells): with probability 0.9 the parents are crossed,
 *   by simulated binary crossover (Deb, Agrawal, Complex Systems 9, 1995; index 20), choices and zeros by taking either's;
 *   then each parameter is mutated with probability 1 / d: polynomial mutation (index 20), choices drawn anew
 *
 * Not in generations: a child's parents come from whatever has ended, so that slots never wait for each other and the point
 * is a function of (space, history, seed, trial) like any other. With one metric it is a plain genetic algorithm.
 *
 *   "method": "nsga-ii", "population": 24       default: a fifth of the trials, 8 .. 50
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/str.h"
#include "master/search/design.h"
#include "master/search/evidence.h"
#include "master/search/nsga.h"
#include "master/search/pareto.h"
#include "master/search/require.h"
#include "master/search/sampler_row.h"

enum { POPULATION_MIN = 8, POPULATION_MAX = 50, REDRAWS = 50 };
static const double CROSS = 0.9, INDEX = 20;
static const char *const keys[] = {"population", NULL};

struct settings {
    int population;
};

static int parse(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err)
{
    (void)space;
    struct jcur at = jcur_get(search, "population");
    struct settings *settings = xcalloc(1, sizeof *settings);
    int64_t population = def->trials / 5;
    def->settings = settings;
    population = population < POPULATION_MIN   ? POPULATION_MIN
                 : population > POPULATION_MAX ? POPULATION_MAX
                                               : population;
    if (jcur_has(&at) && jcur_int(&at, 4, 10000, &population, err))
        return ERR_BAD;
    settings->population = (int)population;
    return 0;
}

static int population_of(const struct sampler *s)
{
    return ((const struct settings *)s->def->settings)->population;
}

/* ---- the population ---- */

struct member {
    const struct point *point;
    uint32_t trial;
    int rank;
    double crowding;
};

struct population {
    struct evidence ev;
    struct member *list; /* best first */
    int count;
};

static int by_fitness(const void *a, const void *b)
{
    const struct member *p = a, *q = b;
    if (p->rank != q->rank)
        return p->rank - q->rank;
    if (p->crowding != q->crowding)
        return p->crowding > q->crowding ? -1 : 1;
    return (p->trial > q->trial) - (p->trial < q->trial);
}

/* Crowding of each front among itself; the ranked ones come to the front of the list. Returns how many they are. */
static int take_ranked(const double *y, int m, const int *rank, struct member *list, int n)
{
    struct member *ranked = xcalloc((size_t)n + 1, sizeof *ranked);
    int *members = xcalloc((size_t)n + 1, sizeof *members), taken = 0;
    double *distance = xcalloc((size_t)n + 1, sizeof *distance);
    for (int front = 0, count = 1; count; front++, taken += count) {
        count = 0;
        for (int i = 0; i < n; i++)
            if (rank[i] == front)
                members[count++] = i;
        pareto_crowding(y, m, members, count, distance);
        for (int i = 0; i < count; i++) {
            ranked[taken + i] = list[members[i]];
            ranked[taken + i].rank = front;
            ranked[taken + i].crowding = distance[i];
        }
    }
    memcpy(list, ranked, (size_t)taken * sizeof *list);
    free(ranked);
    free(members);
    free(distance);
    return taken;
}

static void population_init(struct population *p, const struct history *history, int metrics, int most)
{
    evidence_init(&p->ev, history);
    size_t room = (size_t)p->ev.finished + 1;
    double *y = xcalloc(room * (size_t)metrics, sizeof *y);
    int *rank = xcalloc(room, sizeof *rank), n = 0;
    p->list = xcalloc(room, sizeof *p->list);
    for (int i = 0; i < p->ev.count; i++) {
        const struct observed *o = &p->ev.list[i];
        if (o->state == HISTORY_PENDING)
            continue;
        observed_scores(o, metrics, y + (long)n * metrics);
        p->list[n++] = (struct member){.point = o->point, .trial = o->trial};
    }
    pareto_first_ranks(y, n, metrics, most, rank);
    n = take_ranked(y, metrics, rank, p->list, n);
    qsort(p->list, (size_t)n, sizeof *p->list, by_fitness);
    p->count = n < most ? n : most;
    free(rank);
    free(y);
}

static void population_fini(struct population *p)
{
    free(p->list);
    evidence_fini(&p->ev);
}

/* Best first: the better of two is the one with the lower index. */
static int tournament(int count, struct rng *rng)
{
    uint32_t a = rng_below(rng, (uint32_t)count), b = rng_below(rng, (uint32_t)count);
    return (int)(a < b ? a : b);
}

/* ---- one coordinate ---- */

/* The child's place between and around its parents', so spread as a bit-wise crossover would spread it. */
static double crossed(struct rng *rng, double a, double b)
{
    double u = rng_unit(rng), power = 1 / (INDEX + 1);
    double beta = u <= 0.5 ? pow(2 * u, power) : pow(1 / (2 * (1 - u)), power);
    double sign = rng_below(rng, 2) ? 1 : -1;
    return 0.5 * (a + b + sign * beta * (b - a));
}

static double mutated(struct rng *rng, double x)
{
    double u = rng_unit(rng), power = 1 / (INDEX + 1);
    if (u < 0.5)
        return x + pow(2 * u + (1 - 2 * u) * pow(1 - x, INDEX + 1), power) - 1;
    return x + 1 - pow(2 * (1 - u) + (2 * u - 1) * pow(x, INDEX + 1), power);
}

static bool has_place(const struct param *p, struct value v)
{
    return v.kind == VALUE_NUM ? !(p->or_zero > 0 && v.num == 0) : v.kind == VALUE_CHOICE && p->ordered;
}

static struct span walls_of(const struct param *p, const struct box *box, int i)
{
    return p->dist == DIST_CHOICE ? p->box : box->walls[i];
}

static double unit_of(const struct param *p, struct span wall, struct value v)
{
    return fmin(fmax(param_to_unit_in(p, wall, v), 0), 1);
}

/* The unit interval of an axis with or_zero begins with its zero: numbers stay above it. */
static struct value value_at(const struct param *p, struct span wall, double u)
{
    return param_from_unit_in(p, wall, fmin(fmax(u, p->or_zero), 0x1.fffffffffffffp-1));
}

static struct value child_value(const struct param *p, struct span wall, struct value a, struct value b,
                                bool crosses, bool mutates, struct rng *rng)
{
    bool swaps = rng_below(rng, 2);
    struct value v = crosses && (swaps || a.kind == VALUE_OFF) && b.kind != VALUE_OFF ? b : a;
    if (v.kind == VALUE_OFF)
        return param_from_unit_in(p, wall, rng_unit(rng)); /* neither parent had it */
    if (crosses && has_place(p, a) && has_place(p, b))
        v = value_at(p, wall, crossed(rng, unit_of(p, wall, a), unit_of(p, wall, b)));
    if (!mutates)
        return v;
    if (!has_place(p, v) || (p->or_zero > 0 && rng_unit(rng) < 0.5))
        return param_from_unit_in(p, wall, rng_unit(rng));
    return value_at(p, wall, mutated(rng, unit_of(p, wall, v)));
}

/* ---- the child ---- */

static void make_child(const struct space *space, const struct box *box, const struct point *a,
                       const struct point *b, struct rng *rng, struct point *out)
{
    bool crosses = rng_unit(rng) < CROSS;
    int active = 0;
    for (int i = 0; i < space->count; i++)
        active += a->v[i].kind != VALUE_OFF;
    for (int k = 0; k < space->count; k++) {
        int i = space->order[k];
        const struct param *p = &space->params[i];
        bool mutates = rng_unit(rng) * active < 1;
        out->v[i] = space_is_active(space, out, i)
                        ? child_value(p, walls_of(p, box, i), a->v[i], b->v[i], crosses, mutates, rng)
                        : (struct value){0};
    }
}

/* A copy of a parent brings nothing new. */
static bool is_fresh(const struct space *space, const struct history *history, const struct point *point)
{
    return require_holds(space, point) && !history_has_point(history, point);
}

bool nsga_child(const struct space *space, const struct history *history, uint64_t seed, uint32_t trial,
                const struct point *const *parents, int count, struct point *out, int of[2])
{
    struct box box;
    struct rng rng = rng_at(seed, trial, 0, STREAM_NSGA);
    bool found = false;
    history_box_clone(history, space, &box);
    for (int draw = 0; draw < REDRAWS && !found; draw++) {
        of[0] = tournament(count, &rng);
        of[1] = tournament(count, &rng);
        make_child(space, &box, parents[of[0]], parents[of[1]], &rng, out);
        found = is_fresh(space, history, out);
    }
    box_fini(&box);
    return found;
}

static bool breed(const struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                  struct proposal *note)
{
    struct population p;
    int front = 0, of[2];
    population_init(&p, history, search_metrics(s->def), population_of(s));
    const struct point **parents = xcalloc((size_t)p.count + 1, sizeof *parents);
    for (int i = 0; i < p.count; i++)
        parents[i] = p.list[i].point;
    bool found = nsga_child(s->space, history, s->seed, trial, parents, p.count, out, of);
    const struct member *a = &p.list[of[0]], *b = &p.list[of[1]];
    while (front < p.count && p.list[front].rank == 0)
        front++;
    snprintf(note->why, sizeof note->why,
             "child of trials %u (rank %d) and %u (rank %d); %d of %d are on the front",
             a->trial & ~HISTORY_WARM, a->rank, b->trial & ~HISTORY_WARM, b->rank, front, p.count);
    free(parents);
    population_fini(&p);
    return found;
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    size_t finished = history_finished(history);
    int population = population_of(s);
    if (finished < (size_t)population) {
        str_copy(note->sampler, sizeof note->sampler, sampler_halton.name);
        note->version = sampler_halton.version;
        snprintf(note->why, sizeof note->why, "startup: %zu of %d results are there", finished, population);
        start_point(s, history, trial, out, note);
    } else if (!breed(s, history, trial, out, note)) {
        return design_instead(s, history, trial, "50 children in a row were nothing new", out, note, err);
    }
    return design_settle(s->space, history, s->seed, trial, out, note, err);
}

const struct sampler_row sampler_nsga = {
    .name = "nsga-ii", .version = 1, .slow = true, .keys = keys, .parse = parse, .propose = propose};
