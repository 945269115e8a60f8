#include "master/search/extrapolate.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

enum { ALPHAS = 16, RATES = 32, SHAPES = 5, MEMBERS = ALPHAS + 1 + RATES * SHAPES, DRAWS = 400 };

/* One curve of the grid and the line that fits it best. */
struct member {
    int family;
    double first, second; /* alpha, or k and delta */
    double c, a;
    double log_weight;
};

static double shape_at(const struct member *m, double t)
{
    if (m->family == 0)
        return pow(t, -m->first);
    return m->family == 1 ? 1 / log(t + 1) : exp(-m->first * pow(t, m->second));
}

/* From low to high, evenly in the logarithm. */
static double rung_of(double low, double high, int i, int count)
{
    return low * pow(high / low, (double)i / (count - 1));
}

static void make_members(struct member *members)
{
    static const double shapes[SHAPES] = {0.5, 0.75, 1, 1.5, 2};
    int n = 0;
    for (int i = 0; i < ALPHAS; i++)
        members[n++] = (struct member){.family = 0, .first = rung_of(0.1, 3, i, ALPHAS)};
    members[n++] = (struct member){.family = 1};
    for (int i = 0; i < RATES; i++)
        for (int k = 0; k < SHAPES; k++)
            members[n++] =
                (struct member){.family = 2, .first = rung_of(0.02, 2, i, RATES), .second = shapes[k]};
}

struct fit {
    const double *y;
    int n;
    double *g;    /* each member's shape at epochs 1 .. n */
    double floor; /* variance below which a residual is no evidence */
    double *residual, *again;
};

/* y ~ c - a g with a >= 0. */
static void line(const double *g, const double *y, int n, double *c, double *a)
{
    double mg = 0, my = 0, gg = 0, gy = 0;
    for (int i = 0; i < n; i++) {
        mg += g[i] / n;
        my += y[i] / n;
    }
    for (int i = 0; i < n; i++) {
        gg += (g[i] - mg) * (g[i] - mg);
        gy += (g[i] - mg) * (y[i] - my);
    }
    *a = gg > 1e-30 && gy < 0 ? -gy / gg : 0;
    *c = my + *a * mg;
}

static void fit_member(const struct fit *f, struct member *m, double *g)
{
    static const int numbers[] = {3, 2, 4}, sizes[] = {ALPHAS, 1, RATES * SHAPES};
    double rss = 0;
    for (int i = 0; i < f->n; i++)
        g[i] = shape_at(m, i + 1);
    line(g, f->y, f->n, &m->c, &m->a);
    for (int i = 0; i < f->n; i++) {
        double e = f->y[i] - (m->c - m->a * g[i]);
        rss += e * e;
    }
    m->log_weight =
        -0.5 * (f->n * log(rss / f->n + f->floor) + 2 * numbers[m->family]) - log(sizes[m->family]);
}

/* Weights as running sums that end in 1. */
static void sum_weights(const struct member *members, double *sums)
{
    double most = -INFINITY, sum = 0;
    for (int i = 0; i < MEMBERS; i++)
        most = fmax(most, members[i].log_weight);
    for (int i = 0; i < MEMBERS; i++)
        sums[i] = sum += exp(members[i].log_weight - most);
    for (int i = 0; i < MEMBERS; i++)
        sums[i] /= sum;
}

/* The last value of one curve drawn from what the residuals allow. */
static double draw_end(const struct fit *f, const struct member *m, const double *g, int epochs,
                       struct rng *rng)
{
    double c, a, widen = sqrt(f->n / (f->n - 2.0));
    uint32_t n = (uint32_t)f->n;
    for (int i = 0; i < f->n; i++)
        f->residual[i] = widen * (f->y[i] - (m->c - m->a * g[i]));
    for (int i = 0; i < f->n; i++)
        f->again[i] = m->c - m->a * g[i] + f->residual[rng_below(rng, n)];
    line(g, f->again, f->n, &c, &a);
    return c - a * shape_at(m, epochs) + f->residual[rng_below(rng, n)];
}

static double chance_of(const struct fit *f, int epochs, double bar, struct rng *rng)
{
    struct member members[MEMBERS];
    double sums[MEMBERS];
    int above = 0;
    make_members(members);
    for (int i = 0; i < MEMBERS; i++)
        fit_member(f, &members[i], f->g + (size_t)i * (size_t)f->n);
    sum_weights(members, sums);
    for (int draw = 0; draw < DRAWS; draw++) {
        double u = rng_unit(rng);
        int which = 0;
        while (which + 1 < MEMBERS && sums[which] <= u)
            which++;
        const double *g = f->g + (size_t)which * (size_t)f->n;
        above += draw_end(f, &members[which], g, epochs, rng) > bar;
    }
    return (double)above / DRAWS;
}

double curve_chance(struct curve curve, int epochs, double bar, bool score_last, struct rng *rng)
{
    int n = curve.count;
    if (n < EXTRAPOLATE_LEAST)
        return 1;
    double *y = xcalloc((MEMBERS + 3) * (size_t)n, sizeof *y), low = INFINITY, high = -INFINITY;
    bool is_finite = isfinite(bar);
    for (int i = 0; i < n; i++) {
        is_finite = is_finite && isfinite(curve.value[i]);
        y[i] = i && !score_last ? fmax(y[i - 1], curve.value[i]) : curve.value[i];
        low = fmin(low, y[i]);
        high = fmax(high, y[i]);
    }
    double scale = 1e-3 * fmax(high - low, fabs(bar - high)), chance = 1;
    struct fit f = {.y = y,
                    .n = n,
                    .residual = y + n,
                    .again = y + 2 * (size_t)n,
                    .g = y + 3 * (size_t)n,
                    .floor = scale * scale};
    bool is_there = high > bar && !score_last; /* already */
    if (is_finite && !is_there)
        chance = chance_of(&f, epochs, bar, rng);
    free(y);
    return chance;
}

bool curve_stops(const struct prune_def *def, const struct finished *finished, struct curve mine, int epochs,
                 bool score_last, struct rng *rng)
{
    if (finished->count < def->grace_trials || mine.count < def->grace_epochs)
        return false;
    double best = score_last ? finished->best_last : finished->best, bar = finished->count ? best : -INFINITY;
    return curve_chance(mine, epochs, bar, score_last, rng) < def->chance;
}
