#include "master/search/parzen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/normal.h"
#include "master/search/place.h"

enum { NEWEST = 25, WIDTH_PARTS = 100 };

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
        double right = (k + 1 < m ? s[k + 1].t : range.hi) - s[k].t, gap = left > right ? left : right;
        gap = m >= 2 && k == 0 ? right : m >= 2 && k == m - 1 ? left : gap;
        gap = gap > least ? gap : least;
        sigma[s[k].kernel] = gap < most ? gap : most;
    }
}

/* On a stepped axis many points share a value, and all but the outer two of those a width: their masses are worked out
 * once. */
static void find_same(const struct placed *s, int m, const double *sigma, int *same)
{
    for (int k = 1, first = 0; k < m; k++) {
        int kernel = s[k].kernel, before = s[k - 1].kernel, start = s[first].kernel;
        if (s[k].t != s[k - 1].t)
            first = k;
        else if (sigma[kernel] == sigma[before])
            same[kernel] = same[before];
        else if (sigma[kernel] == sigma[start])
            same[kernel] = start;
    }
}

/* What falls off a normal's mass between lo and hi, which are on two sides of 0: nearly all of them are far from both. */
static double outside(double lo, double hi)
{
    const double far = 8.5; /* 1e-17: no digit of what is left */
    return (lo > -far ? normal_cdf(lo) : 0) + (hi < far ? normal_cdf(-hi) : 0);
}

/* Room for one axis more, for `kernels` each. */
struct room {
    struct placed *sorted; /* [2 kernels] */
    double *sigma, *mass;
    struct atlas *atlas; /* NULL: none */
    const int *entries;  /* of its history, by kernel */
    int *kernel;         /* by entry; -1: none. NULL: of few kernels */
};

/* Of a kernel as narrow as they get, most of many, it hangs on its point and the box alone: the atlas keeps it. */
static double mass_inside(double *kept, double lo, double hi)
{
    if (!kept)
        return 1 - outside(lo, hi);
    if (isnan(*kept))
        *kept = 1 - outside(lo, hi);
    return *kept;
}

/* One logarithm for the masses of all plain axes; of a kernel that lies outside the range, its own. */
static void add_constants(struct parzen *z, int dim, struct span range, double least, struct room *room)
{
    const double log_sqrt_2pi = 0.91893853320467274178, small = 1e-100;
    const double *mu = z->axes[dim].mu, *scale = z->axes[dim].scale, *sigma = room->sigma;
    double last = NAN, log_last = 0, *mass = room->mass;
    double *kept = room->kernel ? atlas_masses(room->atlas, z->params[dim], range, least) : NULL;
    for (int k = 0; k < z->kernels; k++) {
        bool is_kept = kept && sigma[k] == least && k + 1 < z->kernels;
        double lo = (range.lo - mu[k]) * scale[k], hi = (range.hi - mu[k]) * scale[k];
        if (sigma[k] != last) /* most have the least width */
            log_last = log(sigma[k]) + log_sqrt_2pi;
        last = sigma[k];
        z->base[k] += log_last;
        if (lo > 0 || hi < 0)
            z->base[k] += normal_log_mass(lo, hi);
        else
            mass[k] *= mass_inside(is_kept ? &kept[room->entries[k]] : NULL, lo, hi);
        if (mass[k] < small) {
            z->base[k] += log(mass[k]);
            mass[k] = 1;
        }
    }
}

static void set_constants(struct parzen *z, int dim, struct span range, const double *sigma)
{
    const double log_sqrt_2pi = 0.91893853320467274178;
    struct axis *axis = &z->axes[dim];
    for (int k = 0; k < z->kernels; k++)
        if (!axis->same || axis->same[k] == k)
            axis->constant[k] = normal_log_mass((range.lo - axis->mu[k]) * axis->scale[k],
                                                (range.hi - axis->mu[k]) * axis->scale[k]) +
                                (axis->same ? 0 : log(sigma[k]) + log_sqrt_2pi);
    for (int k = 0; k < z->kernels && axis->same; k++)
        axis->constant[k] = axis->constant[axis->same[k]];
}

/* The kernels that have a place, in order. Returns how many. */
static int sort_kernels(const struct parzen *z, int dim, struct room *room)
{
    const struct axis *axis = &z->axes[dim];
    struct placed *sorted = room->sorted;
    int used = 0;
    if (room->kernel) {
        const struct chart *chart = &room->atlas->charts[z->params[dim]];
        for (int i = 0; i < chart->placed; i++) {
            sorted[used] = (struct placed){chart->sorted[i].t, room->kernel[chart->sorted[i].kernel], 0};
            used += sorted[used].kernel >= 0;
        }
        return used;
    }
    for (int k = 0; k + 1 < z->kernels; k++)
        if (!(axis->seen && axis->seen[k]))
            sorted[used++] = (struct placed){axis->mu[k], k, 0};
    place_sort(sorted, sorted + used, used);
    return used;
}

static void line_kernels(struct parzen *z, int dim, struct room *room)
{
    struct axis *axis = &z->axes[dim];
    struct span range = z->axes[dim].range;
    int m = z->kernels - 1, used = sort_kernels(z, dim, room);
    double width = range.hi - range.lo, *sigma = room->sigma;
    double least = width / (m + 2 < WIDTH_PARTS ? m + 2 : WIDTH_PARTS);
    axis->mu[m] = range.lo + 0.5 * width;
    for (int k = 0; k <= m; k++) {
        bool has_place = k < m && !(axis->seen && axis->seen[k]);
        if (!has_place)
            axis->mu[k] = axis->mu[m];
        sigma[k] = width;
    }
    set_widths(room->sorted, used, range, least, width, sigma);
    for (int k = 0; k <= m; k++)
        axis->scale[k] = 1 / sigma[k];
    for (int k = 0; k <= m && axis->same; k++)
        axis->same[k] = k;
    if (axis->same)
        find_same(room->sorted, used, sigma, axis->same);
    if (axis->constant)
        set_constants(z, dim, range, sigma);
    else
        add_constants(z, dim, range, least, room);
}

/* The arrays of all axes are slices of one block. */
enum { AXIS_NUMBERS = 3, AXIS_INTS = 2 };

static void axis_init(struct parzen *z, int dim, double *numbers, int *ints)
{
    const struct param *p = &z->space->params[z->params[dim]];
    size_t kernels = (size_t)z->kernels;
    bool has_category = !is_line(p) || p->or_zero > 0, is_stepped = is_line(p) && param_is_discrete(p);
    struct axis *axis = &z->axes[dim];
    if (has_category)
        axis->seen = ints;
    if (is_stepped)
        axis->same = ints + kernels;
    if (!is_line(p))
        return;
    axis->range = param_cells(p, p->dist == DIST_CHOICE ? p->box : z->box->walls[z->params[dim]]);
    axis->mu = numbers;
    axis->scale = numbers + kernels;
    if (is_stepped || has_category)
        axis->constant = numbers + 2 * kernels;
}

static void axes_init(struct parzen *z)
{
    size_t kernels = (size_t)z->kernels, dims = (size_t)z->dims;
    z->block = xmalloc(dims * kernels * (AXIS_NUMBERS * sizeof(double) + AXIS_INTS * sizeof(int)) + 1);
    z->axes = xcalloc(dims + 1, sizeof *z->axes);
    int *ints = (int *)(void *)(z->block + AXIS_NUMBERS * dims * kernels);
    for (size_t dim = 0; dim < dims; dim++)
        axis_init(z, (int)dim, z->block + AXIS_NUMBERS * dim * kernels, ints + AXIS_INTS * dim * kernels);
}

static void read_places(struct parzen *z, const struct atlas *atlas, const int *entries)
{
    for (int dim = 0; dim < z->dims; dim++) {
        const double *place = atlas->charts[z->params[dim]].place;
        for (int k = 0; k + 1 < z->kernels && place; k++)
            z->axes[dim].mu[k] = place[entries[k]];
    }
}

/* Point by point: they lie far from one another in memory. Places only where `places` says so. */
static void take_values(struct parzen *z, const struct point *const *points, bool places)
{
    int m = z->kernels - 1;
    bool any = places;
    for (int dim = 0; dim < z->dims; dim++)
        any |= z->axes[dim].seen != NULL;
    if (!any)
        return;
    for (int k = 0; k < m; k++)
        for (int dim = 0; dim < z->dims; dim++) {
            const struct param *p = &z->space->params[z->params[dim]];
            const struct axis *axis = &z->axes[dim];
            struct value v = points[k]->v[z->params[dim]];
            if (axis->seen)
                axis->seen[k] = is_line(p) ? is_zero(p, v) : v.choice;
            if (places && axis->mu && !is_zero(p, v))
                axis->mu[k] = place_of(p, v);
        }
    for (int dim = 0; dim < z->dims; dim++)
        if (z->axes[dim].seen)
            z->axes[dim].seen[m] = -1;
}

/* Which kernel each entry of the history is; not worth it for a few, which are sorted as fast. */
static int *kernels_of(const struct atlas *atlas, const int *entries, int m)
{
    if (!atlas || m * 8 < (int)atlas->count)
        return NULL;
    int *kernel = xmalloc((atlas->count + 1) * sizeof *kernel);
    memset(kernel, -1, atlas->count * sizeof *kernel);
    for (int k = 0; k < m; k++)
        kernel[entries[k]] = k;
    return kernel;
}

static void init(struct parzen *z, struct room *room)
{
    size_t kernels = (size_t)z->kernels;
    room->sorted = xmalloc((2 * kernels + 1) * sizeof *room->sorted);
    room->sigma = xmalloc(kernels * sizeof *room->sigma);
    room->mass = xmalloc(kernels * sizeof *room->mass);
    for (size_t k = 0; k < kernels; k++)
        room->mass[k] = 1;
    for (int dim = 0; dim < z->dims; dim++)
        if (z->axes[dim].mu)
            line_kernels(z, dim, room);
    for (size_t k = 0; k < kernels; k++)
        z->base[k] = z->log_weight[k] - z->base[k] - log(room->mass[k]);
    free(room->sorted);
    free(room->sigma);
    free(room->mass);
    free(room->kernel);
}

static void begin(struct parzen *z, const struct space *space, const struct box *box, const int *params,
                  int dims, int m)
{
    *z = (struct parzen){.space = space, .box = box, .params = params, .dims = dims, .kernels = m + 1};
    z->log_weight = xmalloc(((size_t)m + 1) * sizeof *z->log_weight);
    z->base = xcalloc((size_t)m + 1, sizeof *z->base);
    weigh(z);
    axes_init(z);
}

void parzen_init(struct parzen *z, const struct space *space, const struct box *box, const int *params,
                 int dims, const struct point *const *points, int m)
{
    struct room room = {0};
    begin(z, space, box, params, dims, m);
    take_values(z, points, true);
    init(z, &room);
}

void parzen_read(struct parzen *z, struct atlas *atlas, const struct box *box, const int *params, int dims,
                 const struct point *const *points, const int *entries, int m)
{
    struct room room = {.atlas = atlas, .entries = entries, .kernel = kernels_of(atlas, entries, m)};
    begin(z, atlas->space, box, params, dims, m);
    take_values(z, points, false);
    read_places(z, atlas, entries);
    init(z, &room);
}

void parzen_fini(struct parzen *z)
{
    free(z->axes);
    free(z->block);
    free(z->log_weight);
    free(z->base);
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
    const struct axis *axis = &z->axes[dim];
    struct span range = axis->range;
    double mu = axis->mu[k], scale = axis->scale[k];
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
        int seen = z->axes[dim].seen ? z->axes[dim].seen[k] : -1;
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
