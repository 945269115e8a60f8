#include "master/search/parzen.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/normal.h"
#include "master/search/place.h"

enum { NEWEST = 25, WIDTH_PARTS = 100 };

struct span parzen_range(const struct parzen *z, int dim)
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

/* On a stepped axis many points share a value, and all but the outer two of those a width: their masses are worked out
 * once. */
static void find_same(const struct placed *s, int m, const double *sigma, int *same)
{
    for (int k = 1, first = 0; k < m; k++) {
        const int *all[] = {&s[first].kernel, &s[k - 1].kernel};
        if (s[k].t != s[k - 1].t)
            first = k;
        for (int i = 0; i < 2 && first < k; i++)
            if (sigma[s[k].kernel] == sigma[*all[i]])
                same[s[k].kernel] = same[*all[i]];
    }
}

/* Log mass of the kernel inside the range; nearly all of them are far from both ends. */
static double log_inside(double lo, double hi)
{
    const double far = 9;
    if (lo < -far && hi > far)
        return 0;
    if (lo < -far && hi > 0)
        return log1p(-normal_cdf(-hi));
    return hi > far && lo < 0 ? log1p(-normal_cdf(lo)) : normal_log_mass(lo, hi);
}

static void finish_kernels(struct parzen *z, int dim, struct span range, const double *sigma)
{
    const double log_sqrt_2pi = 0.91893853320467274178;
    size_t row = (size_t)dim * (size_t)z->kernels;
    const int *same = z->same + row;
    const double *mu = z->mu + row;
    double *constant = z->constant + row, last = NAN, log_last = 0;
    bool stepped = param_is_discrete(&z->space->params[z->params[dim]]);
    for (int k = 0; k < z->kernels; k++) {
        double s = sigma[k];
        z->scale[row + (size_t)k] = 1 / s;
        if (same[k] != k)
            continue;
        if (s != last && !stepped) /* most have the least width */
            log_last = log(s) + log_sqrt_2pi;
        last = s;
        constant[k] = log_inside((range.lo - mu[k]) / s, (range.hi - mu[k]) / s) + log_last;
    }
    for (int k = 0; k < z->kernels; k++)
        constant[k] = constant[same[k]];
}

static void line_kernels(struct parzen *z, int dim, const struct point *const *points)
{
    int i = z->params[dim], m = z->kernels - 1, used = 0;
    const struct param *p = &z->space->params[i];
    struct span range = parzen_range(z, dim);
    double width = range.hi - range.lo, *mu = z->mu + (size_t)dim * (size_t)z->kernels;
    int *seen = z->seen + (size_t)dim * (size_t)z->kernels;
    double *sigma = xcalloc((size_t)m + 1, sizeof *sigma);
    int *same = z->same + (size_t)dim * (size_t)z->kernels;
    struct placed *sorted = xcalloc(2 * (size_t)m + 2, sizeof *sorted);
    for (int k = 0; k <= m; k++) {
        bool has_place = k < m && !is_zero(p, points[k]->v[i]);
        mu[k] = has_place ? place_of(p, points[k]->v[i]) : range.lo + 0.5 * width;
        sigma[k] = width;
        same[k] = k;
        seen[k] = k < m ? !has_place : -1;
        if (has_place)
            sorted[used++] = (struct placed){mu[k], k, 0};
    }
    place_sort(sorted, sorted + m + 1, used);
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

double parzen_log_category(const struct parzen *z, int seen, int category, int count, double mass)
{
    double m1 = z->kernels;
    return seen < 0 ? log(mass) : log(((seen == category) + 1 / m1) / (1 + count / m1));
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
        sum += exp(parzen_log_category(z, seen, c, p->choice_count, p->choices[c].mass));
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
    struct span range = parzen_range(z, dim);
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
        else if (p->or_zero > 0 && zero < exp(parzen_log_category(z, seen, 1, 2, p->or_zero)))
            *v = value_num(0);
        else
            *v = draw_line(z, dim, k, u);
    }
}
