/* The densities of parzen.h. Most of a proposal's time is here: some thousand kernels for each of two dozen points, so what
 * cannot matter is left out: after a few axes a kernel that is below e^-60 of what the prior kernel alone gives in the end,
 * for no other axis adds to it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/normal.h"
#include "master/search/parzen.h"
#include "master/search/place.h"
#include "master/search/wide.h"

enum { FIRST = 6 };
static const double NOTHING = -60; /* e^-60 of the largest: below every digit */

/* The points that are asked for, and for each the kernels that count and the logarithm of what each gives. */
struct sums {
    const struct parzen *z;
    const struct point *points;
    int count;
    bool zeros_alone;
    double *sum; /* [count][kernels], the first `alive` of each row */
    int **kernel, *alive;
    double *least; /* what is below does not count */
    bool *later;   /* by axis */
};

static const struct param *param_of(const struct parzen *z, int dim)
{
    return &z->space->params[z->params[dim]];
}

static bool has_place(const struct sums *s, int dim)
{
    const struct param *p = param_of(s->z, dim);
    return is_line(p) && !(s->zeros_alone && p->or_zero > 0);
}

static bool is_stepped(const struct sums *s, int dim)
{
    return has_place(s, dim) && s->z->axes[dim].same;
}

static struct value value_at(const struct sums *s, int dim, int c)
{
    return s->points[c].v[s->z->params[dim]];
}

/* ---- every kernel ---- */

static void add_categories(const struct parzen *z, int dim, int category, int count, double mass, double *sum)
{
    const int *seen = z->axes[dim].seen;
    double hit = parzen_log_category(z, category, category, count, mass);
    double miss = parzen_log_category(z, category + 1, category, count, mass);
    int m = z->kernels - 1;
    for (int k = 0; k < m; k++)
        sum[k] += seen[k] == category ? hit : miss;
    sum[m] += log(mass);
}

/* A place on a continuous axis: the hot loop. */
WIDE static void add_place(const double *restrict mu, const double *restrict scale, int n, double t,
                           double *restrict sum)
{
    for (int k = 0; k < n; k++) {
        double d = (t - mu[k]) * scale[k];
        sum[k] -= 0.5 * d * d;
    }
}

static void take_away(const double *restrict what, int n, double *restrict sum)
{
    for (int k = 0; k < n; k++)
        sum[k] -= what[k];
}

/* What a kernel has seen there: an unordered choice, or whether the value is zero. */
static void add_seen(const struct sums *s, int dim)
{
    const struct param *p = param_of(s->z, dim);
    for (int c = 0; c < s->count; c++) {
        struct value v = value_at(s, dim, c);
        double *sum = s->sum + (long)c * s->z->kernels;
        if (!is_line(p))
            add_categories(s->z, dim, v.choice, p->choice_count, p->choices[v.choice].mass, sum);
        else if (p->or_zero > 0)
            add_categories(s->z, dim, is_zero(p, v), 2, is_zero(p, v) ? p->or_zero : 1 - p->or_zero, sum);
    }
}

static void add_places(const struct sums *s, int dim)
{
    const struct axis *axis = &s->z->axes[dim];
    for (int c = 0; c < s->count; c++) {
        struct value v = value_at(s, dim, c);
        double *sum = s->sum + (long)c * s->z->kernels;
        if (is_zero(param_of(s->z, dim), v))
            continue;
        add_place(axis->mu, axis->scale, s->z->kernels, place_of(param_of(s->z, dim), v), sum);
        if (axis->constant)
            take_away(axis->constant, s->z->kernels, sum);
    }
}

/* All but some continuous axes, whose constants are in the base: those are for `later`. */
static void add_first(const struct sums *s)
{
    int plain = 0;
    for (int dim = 0; dim < s->z->dims; dim++) {
        const struct axis *axis = &s->z->axes[dim];
        if (axis->seen)
            add_seen(s, dim);
        if (!has_place(s, dim) || axis->same)
            continue;
        plain += !axis->constant;
        s->later[dim] = !axis->constant && plain > FIRST;
        if (!s->later[dim])
            add_places(s, dim);
    }
}

/* ---- those that count ---- */

/* A kernel's log mass in the cell of a value. */
static double log_cell(const struct parzen *z, int dim, struct value v, int kernel)
{
    const struct axis *axis = &z->axes[dim];
    double mu = axis->mu[kernel], scale = axis->scale[kernel];
    struct span cell = place_cell(param_of(z, dim), v);
    double lo = fmax(cell.lo, axis->range.lo), hi = fmin(cell.hi, axis->range.hi);
    return normal_log_mass((lo - mu) * scale, (hi - mu) * scale) - axis->constant[kernel];
}

static double log_place(const struct axis *axis, double t, int kernel)
{
    double d = (t - axis->mu[kernel]) * axis->scale[kernel];
    return -0.5 * d * d;
}

/* The prior kernel's, in the end. */
static double log_prior(const struct sums *s, int c)
{
    int prior = s->z->kernels - 1;
    double sum = s->sum[(long)c * s->z->kernels + prior];
    for (int dim = 0; dim < s->z->dims; dim++) {
        const struct param *p = param_of(s->z, dim);
        struct value v = value_at(s, dim, c);
        if (is_stepped(s, dim) && !is_zero(p, v))
            sum += log_cell(s->z, dim, v, prior);
        else if (s->later[dim])
            sum += log_place(&s->z->axes[dim], place_of(p, v), prior);
    }
    return sum;
}

/* Leaves out what is too low to count. */
static void drop_low(const struct sums *s, int c)
{
    double *sum = s->sum + (long)c * s->z->kernels;
    int *kernel = s->kernel[c], kept = 0;
    for (int j = 0; j < s->alive[c]; j++) {
        kernel[kept] = kernel[j];
        sum[kept] = sum[j];
        kept += sum[j] > s->least[c];
    }
    s->alive[c] = kept;
}

static void drop_first(const struct sums *s, int c)
{
    double *sum = s->sum + (long)c * s->z->kernels;
    int count = 0;
    s->least[c] = log_prior(s, c) + NOTHING - 1;
    for (int k = 0; k < s->z->kernels; k++)
        count += sum[k] > s->least[c];
    s->kernel[c] = xmalloc(((size_t)count + 1) * sizeof **s->kernel);
    for (int k = 0; s->alive[c] < count; k++) {
        s->kernel[c][s->alive[c]] = k;
        sum[s->alive[c]] = sum[k];
        s->alive[c] += sum[k] > s->least[c];
    }
}

static void add_later(const struct sums *s, int dim)
{
    for (int c = 0; c < s->count; c++) {
        double *sum = s->sum + (long)c * s->z->kernels;
        double t = place_of(param_of(s->z, dim), value_at(s, dim, c));
        for (int j = 0; j < s->alive[c]; j++)
            sum[j] += log_place(&s->z->axes[dim], t, s->kernel[c][j]);
        drop_low(s, c);
    }
}

/* Masses of one value in the kernels that some point needs, worked out once: `mass` holds those whose `from` is `tag`. */
struct masses {
    double *mass;
    int *from;
};

static void add_cell(const struct sums *s, int dim, int c, int tag, struct masses *m)
{
    const struct parzen *z = s->z;
    const int *same = z->axes[dim].same, *kernel = s->kernel[c];
    double *sum = s->sum + (long)c * z->kernels;
    for (int j = 0; j < s->alive[c]; j++) {
        int k = same[kernel[j]];
        if (m->from[k] != tag) {
            m->mass[k] = log_cell(z, dim, value_at(s, dim, c), k);
            m->from[k] = tag;
        }
        sum[j] += m->mass[k];
    }
}

static void add_cells(const struct sums *s, int dim, struct masses *m)
{
    memset(m->from, 0, (size_t)s->z->kernels * sizeof *m->from);
    for (int c = 0; c < s->count; c++) {
        struct value v = value_at(s, dim, c);
        int first = 0;
        while (!value_same(value_at(s, dim, first), v))
            first++;
        for (int other = c; other < s->count && first == c && !is_zero(param_of(s->z, dim), v); other++)
            if (value_same(value_at(s, dim, other), v))
                add_cell(s, dim, other, c + 1, m);
    }
}

static double log_of_sum(const double *sum, int n)
{
    double most = -INFINITY, total = 0;
    for (int k = 0; k < n; k++)
        most = sum[k] > most ? sum[k] : most;
    for (int k = 0; k < n; k++)
        if (sum[k] - most > NOTHING)
            total += exp(sum[k] - most);
    return most > -INFINITY ? most + log(total) : most;
}

static void log_density(struct sums *s, double *out)
{
    size_t kernels = (size_t)s->z->kernels, cells = kernels * (size_t)s->count;
    struct masses m = {xmalloc(kernels * sizeof *m.mass), xmalloc(kernels * sizeof *m.from)};
    s->sum = xmalloc(cells * sizeof *s->sum);
    s->kernel = xcalloc((size_t)s->count, sizeof *s->kernel);
    s->alive = xcalloc((size_t)s->count, sizeof *s->alive);
    s->least = xcalloc((size_t)s->count, sizeof *s->least);
    s->later = xcalloc((size_t)s->z->dims + 1, sizeof *s->later);
    for (int c = 0; c < s->count; c++)
        memcpy(s->sum + (size_t)c * kernels, s->z->base, kernels * sizeof *s->sum);
    add_first(s);
    for (int c = 0; c < s->count; c++)
        drop_first(s, c);
    for (int dim = 0; dim < s->z->dims; dim++)
        if (s->later[dim])
            add_later(s, dim);
    for (int dim = 0; dim < s->z->dims; dim++)
        if (is_stepped(s, dim))
            add_cells(s, dim, &m);
    for (int c = 0; c < s->count; c++)
        out[c] = log_of_sum(s->sum + (size_t)c * kernels, s->alive[c]);
    for (int c = 0; c < s->count; c++)
        free(s->kernel[c]);
    free(m.mass);
    free(m.from);
    free(s->sum);
    free(s->kernel);
    free(s->alive);
    free(s->least);
    free(s->later);
}

void parzen_log(const struct parzen *z, const struct point *points, int count, double *out)
{
    log_density(&(struct sums){.z = z, .points = points, .count = count}, out);
}

bool parzen_log_zeros(const struct parzen *z, const struct point *points, int count, double *out)
{
    int dim = 0;
    while (dim < z->dims && !(param_of(z, dim)->or_zero > 0))
        dim++;
    if (dim < z->dims)
        log_density(&(struct sums){.z = z, .points = points, .count = count, .zeros_alone = true}, out);
    return dim < z->dims;
}
