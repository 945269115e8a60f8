#include "master/search/parzen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/normal.h"

enum { NEWEST = 25, WIDTH_PARTS = 100 };

/* ---- an axis as a kernel sees it ---- */

/* Choices without an order are told apart only; everything else has a place on a line. */
static bool is_line(const struct param *p)
{
    return p->dist != DIST_CHOICE || p->ordered;
}

static bool is_stepped(const struct param *p)
{
    return param_is_discrete(p);
}

static bool is_zero(const struct param *p, struct value v)
{
    return p->or_zero > 0 && v.num == 0;
}

static double place(const struct param *p, struct value v)
{
    return p->dist == DIST_CHOICE ? v.choice : param_scale(p, v.num);
}

static struct span cell(const struct param *p, struct value v)
{
    return param_cell(p, p->dist == DIST_CHOICE ? v.choice : v.num);
}

static struct span range_of(const struct parzen *z, int dim)
{
    int i = z->params[dim];
    const struct param *p = &z->space->params[i];
    return param_cells(p, p->dist == DIST_CHOICE ? p->box : z->box->walls[i]);
}

/* ---- kernels ---- */

void parzen_weights(int m, double *weights)
{
    int old = m - NEWEST;
    for (int i = 0; i < m; i++) {
        double first = 1.0 / m;
        weights[i] = i >= old ? 1 : old == 1 ? first : first + (1 - first) * i / (old - 1);
    }
}

static void weigh(struct parzen *z)
{
    int m = z->kernels - 1;
    double sum = 1;
    parzen_weights(m, z->log_weight);
    z->log_weight[m] = 1;
    for (int k = 0; k < m; k++)
        sum += z->log_weight[k];
    for (int k = 0; k <= m; k++)
        z->log_weight[k] = log(z->log_weight[k] / sum);
}

struct placed {
    double t;
    int kernel;
};

/* Merges two sorted runs; of equals the left goes first. No branch depends on the data but the ends. */
static void merge(const struct placed *a, const struct placed *a_end, const struct placed *b,
                  const struct placed *b_end, struct placed *out)
{
    while (a < a_end && b < b_end) {
        bool left = a->t <= b->t;
        *out++ = *(left ? a : b);
        a += left;
        b += !left;
    }
    memcpy(out, a, (size_t)(a_end - a) * sizeof *out);
    memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof *out);
}

/* Stable merge sort by place; equal ones keep the order of their kernels, which decides their widths. */
static void sort_placed(struct placed *s, struct placed *spare, int n)
{
    struct placed *from = s, *to = spare;
    for (int width = 1; width < n; width *= 2) {
        for (int at = 0; at < n; at += 2 * width) {
            int middle = at + width < n ? at + width : n, end = at + 2 * width < n ? at + 2 * width : n;
            merge(from + at, from + middle, from + middle, from + end, to + at);
        }
        struct placed *last = from;
        from = to;
        to = last;
    }
    if (from != s)
        memcpy(s, from, (size_t)n * sizeof *s);
}

/* Width of each kernel from the gaps between neighbours; `s` is sorted. */
static void set_widths(const struct placed *s, int m, struct span range, double least, double most,
                       double *sigma)
{
    for (int k = 0; k < m; k++) {
        double left = s[k].t - (k ? s[k - 1].t : range.lo);
        double right = (k + 1 < m ? s[k + 1].t : range.hi) - s[k].t;
        double gap = m >= 2 && k == 0 ? right : m >= 2 && k == m - 1 ? left : fmax(left, right);
        sigma[s[k].kernel] = fmin(fmax(gap, least), most);
    }
}

/* Mass of the kernel inside the range; nearly all of them are far from both ends. */
static double log_inside(double lo, double hi)
{
    return lo < -9 && hi > 9 ? 0 : normal_log_mass(lo, hi);
}

/* On a stepped axis many points share a value: their masses are worked out once. */
static void find_same(const struct placed *s, int m, const double *sigma, int *same)
{
    for (int k = 1; k < m; k++)
        if (s[k].t == s[k - 1].t && sigma[s[k].kernel] == sigma[s[k - 1].kernel])
            same[s[k].kernel] = same[s[k - 1].kernel];
}

static void finish_kernels(struct parzen *z, int dim, struct span range, const double *sigma)
{
    const double log_sqrt_2pi = 0.91893853320467274178;
    size_t row = (size_t)dim * (size_t)z->kernels;
    bool stepped = is_stepped(&z->space->params[z->params[dim]]);
    for (int k = 0; k < z->kernels; k++) {
        double mu = z->mu[row + (size_t)k], s = sigma[k];
        z->scale[row + (size_t)k] = 1 / s;
        z->constant[row + (size_t)k] =
            log_inside((range.lo - mu) / s, (range.hi - mu) / s) + (stepped ? 0 : log(s) + log_sqrt_2pi);
    }
}

static void line_kernels(struct parzen *z, int dim, const struct point *const *points)
{
    int i = z->params[dim], m = z->kernels - 1, used = 0;
    const struct param *p = &z->space->params[i];
    struct span range = range_of(z, dim);
    double width = range.hi - range.lo, *mu = z->mu + (size_t)dim * (size_t)z->kernels;
    int *seen = z->seen + (size_t)dim * (size_t)z->kernels;
    double *sigma = xcalloc((size_t)m + 1, sizeof *sigma);
    int *same = z->same + (size_t)dim * (size_t)z->kernels;
    struct placed *sorted = xcalloc(2 * (size_t)m + 2, sizeof *sorted);
    for (int k = 0; k <= m; k++) {
        bool has_place = k < m && !is_zero(p, points[k]->v[i]);
        mu[k] = has_place ? place(p, points[k]->v[i]) : range.lo + 0.5 * width;
        sigma[k] = width;
        same[k] = k;
        seen[k] = k < m ? !has_place : -1;
        if (has_place)
            sorted[used++] = (struct placed){mu[k], k};
    }
    sort_placed(sorted, sorted + m + 1, used);
    set_widths(sorted, used, range, width / (m + 2 < WIDTH_PARTS ? m + 2 : WIDTH_PARTS), width, sigma);
    find_same(sorted, used, sigma, same);
    finish_kernels(z, dim, range, sigma);
    free(sorted);
    free(sigma);
}

static void choice_kernels(struct parzen *z, int dim, const struct point *const *points)
{
    int i = z->params[dim], m = z->kernels - 1;
    int *seen = z->seen + (size_t)dim * (size_t)z->kernels;
    for (int k = 0; k <= m; k++)
        seen[k] = k < m ? points[k]->v[i].choice : -1;
}

void parzen_init(struct parzen *z, const struct space *space, const struct box *box, const int *params,
                 int dims, const struct point *const *points, int m)
{
    size_t kernels = (size_t)m + 1, cells = kernels * (size_t)dims;
    *z = (struct parzen){.space = space, .box = box, .params = params, .dims = dims, .kernels = m + 1};
    z->log_weight = xcalloc(kernels, sizeof *z->log_weight);
    z->mu = xcalloc(cells + 1, sizeof *z->mu);
    z->scale = xcalloc(cells + 1, sizeof *z->scale);
    z->constant = xcalloc(cells + 1, sizeof *z->constant);
    z->seen = xcalloc(cells + 1, sizeof *z->seen);
    z->same = xcalloc(cells + 1, sizeof *z->same);
    weigh(z);
    for (int dim = 0; dim < dims; dim++) {
        if (is_line(&space->params[params[dim]]))
            line_kernels(z, dim, points);
        else
            choice_kernels(z, dim, points);
    }
}

void parzen_fini(struct parzen *z)
{
    free(z->log_weight);
    free(z->same);
    free(z->mu);
    free(z->scale);
    free(z->constant);
    free(z->seen);
    *z = (struct parzen){0};
}

/* ---- density ---- */

/* Probability that a kernel gives to one of `count` categories it has seen `hit` or not; the prior its mass.
 */
static double log_category(const struct parzen *z, int seen, int category, int count, double mass)
{
    double m1 = z->kernels;
    return seen < 0 ? log(mass) : log(((seen == category) + 1 / m1) / (1 + count / m1));
}

static void add_categories(const struct parzen *z, const int *seen, int category, int count, double mass,
                           double *sum)
{
    double hit = log_category(z, category, category, count, mass);
    double miss = log_category(z, category + 1, category, count, mass);
    int m = z->kernels - 1;
    for (int k = 0; k < m; k++)
        sum[k] += seen[k] == category ? hit : miss;
    sum[m] += log(mass);
}

/* A place on a continuous axis: the hot loop. */
static void add_place(const struct parzen *z, int dim, double t, double *sum)
{
    size_t row = (size_t)dim * (size_t)z->kernels;
    const double *mu = z->mu + row, *scale = z->scale + row, *constant = z->constant + row;
    for (int k = 0; k < z->kernels; k++) {
        double d = (t - mu[k]) * scale[k];
        sum[k] -= 0.5 * d * d + constant[k];
    }
}

/* Every kernel's log mass in the cell of a value. */
static void find_masses(const struct parzen *z, int dim, struct value v, double *mass)
{
    const struct param *p = &z->space->params[z->params[dim]];
    size_t row = (size_t)dim * (size_t)z->kernels;
    const double *mu = z->mu + row, *scale = z->scale + row, *constant = z->constant + row;
    struct span c = cell(p, v), range = range_of(z, dim);
    c.lo = fmax(c.lo, range.lo);
    c.hi = fmin(c.hi, range.hi);
    for (int k = 0; k < z->kernels; k++)
        if (z->same[row + (size_t)k] == k)
            mass[k] = normal_log_mass((c.lo - mu[k]) * scale[k], (c.hi - mu[k]) * scale[k]) - constant[k];
    for (int k = 0; k < z->kernels; k++)
        mass[k] = mass[z->same[row + (size_t)k]];
}

/* A stepped axis: once for each value among the points. `mass` is room for one number per kernel. */
static void add_cells(const struct parzen *z, int dim, const struct point *points, int count, double *mass,
                      double *sums)
{
    int i = z->params[dim];
    const struct param *p = &z->space->params[i];
    for (int c = 0; c < count; c++) {
        struct value v = points[c].v[i];
        int first = 0;
        while (!value_same(points[first].v[i], v))
            first++;
        if (first < c || is_zero(p, v))
            continue;
        find_masses(z, dim, v, mass);
        for (int other = c; other < count; other++)
            for (int k = 0; k < z->kernels && value_same(points[other].v[i], v); k++)
                sums[(long)other * z->kernels + k] += mass[k];
    }
}

static void add_dim(const struct parzen *z, int dim, const struct point *points, int count, bool zeros_alone,
                    double *mass, double *sums)
{
    const struct param *p = &z->space->params[z->params[dim]];
    bool has_place = is_line(p) && !(zeros_alone && p->or_zero > 0);
    const int *seen = z->seen + (size_t)dim * (size_t)z->kernels;
    for (int c = 0; c < count; c++) {
        struct value v = points[c].v[z->params[dim]];
        double *sum = sums + (long)c * z->kernels;
        if (!is_line(p))
            add_categories(z, seen, v.choice, p->choice_count, p->choices[v.choice].mass, sum);
        else if (p->or_zero > 0)
            add_categories(z, seen, is_zero(p, v), 2, is_zero(p, v) ? p->or_zero : 1 - p->or_zero, sum);
        if (has_place && !is_stepped(p) && !is_zero(p, v))
            add_place(z, dim, place(p, v), sum);
    }
    if (has_place && is_stepped(p))
        add_cells(z, dim, points, count, mass, sums);
}

static double log_of_sum(const double *sum, int n)
{
    const double nothing = -60; /* e^-60 of the largest: below every digit */
    double most = -INFINITY, total = 0;
    for (int k = 0; k < n; k++)
        most = sum[k] > most ? sum[k] : most;
    for (int k = 0; k < n; k++)
        if (sum[k] - most > nothing)
            total += exp(sum[k] - most);
    return most > -INFINITY ? most + log(total) : most;
}

static void log_density(const struct parzen *z, const struct point *points, int count, bool zeros_alone,
                        double *out)
{
    size_t kernels = (size_t)z->kernels;
    double *mass = xmalloc(kernels * sizeof *mass), *sums = xmalloc(kernels * (size_t)count * sizeof *sums);
    for (int c = 0; c < count; c++)
        memcpy(sums + (size_t)c * kernels, z->log_weight, kernels * sizeof *sums);
    for (int dim = 0; dim < z->dims; dim++)
        add_dim(z, dim, points, count, zeros_alone, mass, sums);
    for (int c = 0; c < count; c++)
        out[c] = log_of_sum(sums + (size_t)c * kernels, z->kernels);
    free(mass);
    free(sums);
}

void parzen_log(const struct parzen *z, const struct point *points, int count, double *out)
{
    log_density(z, points, count, false, out);
}

bool parzen_log_zeros(const struct parzen *z, const struct point *points, int count, double *out)
{
    int dim = 0;
    while (dim < z->dims && !(z->space->params[z->params[dim]].or_zero > 0))
        dim++;
    if (dim < z->dims)
        log_density(z, points, count, true, out);
    return dim < z->dims;
}

/* ---- drawing ---- */

/* Where in (a, b) a standard normal truncated to it has its quantile u. */
static double truncated(double a, double b, double u)
{
    if (a > 0)
        return -truncated(-b, -a, 1 - u);
    if (b > 0 || a > -6) {
        double low = normal_cdf(a), high = normal_cdf(b), p = low + u * (high - low);
        return p > 0 && p < 1 ? fmin(fmax(normal_quantile(p), a), b) : p > 0 ? b : a;
    }
    double want = log(u) + normal_log_mass(a, b), lo = a, hi = b; /* far in the tail: bisect the logarithm */
    for (int i = 0; i < 80; i++) {
        double middle = 0.5 * (lo + hi);
        if (middle > a && normal_log_mass(a, middle) < want)
            lo = middle;
        else
            hi = middle;
    }
    return 0.5 * (lo + hi);
}

static int pick(const double *log_weight, int n, double u)
{
    double sum = 0;
    for (int k = 0; k + 1 < n; k++) {
        sum += exp(log_weight[k]);
        if (u < sum)
            return k;
    }
    return n - 1;
}

static int draw_choice(const struct parzen *z, const struct param *p, int seen, double u)
{
    double sum = 0;
    for (int c = 0; c + 1 < p->choice_count; c++) {
        sum += exp(log_category(z, seen, c, p->choice_count, p->choices[c].mass));
        if (u < sum)
            return c;
    }
    return p->choice_count - 1;
}

static struct value draw_line(const struct parzen *z, int dim, int k, double u)
{
    int i = z->params[dim];
    const struct param *p = &z->space->params[i];
    size_t at = (size_t)dim * (size_t)z->kernels + (size_t)k;
    struct span range = range_of(z, dim);
    double mu = z->mu[at], scale = z->scale[at];
    double t = mu + truncated((range.lo - mu) * scale, (range.hi - mu) * scale, u) / scale;
    if (p->dist == DIST_CHOICE)
        return value_choice((int)fmin(fmax(floor(t + 0.5), 0), p->choice_count - 1));
    if (p->dist == DIST_VALUES)
        return value_num(p->values[(int)fmin(fmax(floor(t + 0.5), 0), p->value_count - 1)]);
    return value_num(param_nearest(p, z->box->walls[i], param_unscale(p, t)));
}

void parzen_draw(const struct parzen *z, struct rng *rng, struct point *point)
{
    int k = pick(z->log_weight, z->kernels, rng_unit(rng));
    for (int dim = 0; dim < z->dims; dim++) {
        const struct param *p = &z->space->params[z->params[dim]];
        int seen = z->seen[(size_t)dim * (size_t)z->kernels + (size_t)k];
        struct value *v = &point->v[z->params[dim]];
        double zero = rng_unit(rng), u = rng_open(rng);
        if (!is_line(p))
            *v = value_choice(draw_choice(z, p, seen, u));
        else if (p->or_zero > 0 && zero < exp(log_category(z, seen, 1, 2, p->or_zero)))
            *v = value_num(0);
        else
            *v = draw_line(z, dim, k, u);
    }
}
