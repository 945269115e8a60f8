#include "master/search/gp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/bfgs.h"
#include "master/search/chol.h"
#include "master/search/wide.h"

static const double THETA_LOW = -14, THETA_HIGH = 12, NUGGET = 1e-6, ROUGH_SPREAD = 2, NOISE_RATE = 30;

/* ---- kernel ---- */

/* r^2 of x and the first n observations. */
WIDE static void distances(const struct gp *gp, const double *x, int n, double *out)
{
    memset(out, 0, (size_t)n * sizeof *out);
    for (int k = 0; k < gp->dims; k++) {
        const double *column = gp->columns + (long)k * gp->room;
        double at = x[k], il = gp->il[k];
        if (k < gp->lines)
            for (int i = 0; i < n; i++)
                out[i] += il * ((at - column[i]) * (at - column[i]));
        else
            for (int i = 0; i < n; i++)
                out[i] += at != column[i] ? il : 0;
    }
}

/* ---- storage ---- */

int gp_theta_count(const struct gp *gp)
{
    return gp->dims + 2 + gp->is_rough;
}

void gp_init(struct gp *gp, int lines, int dims, bool is_rough, int room)
{
    size_t n = (size_t)room, d = (size_t)dims;
    *gp = (struct gp){.lines = lines, .dims = dims, .is_rough = is_rough, .room = room};
    gp->x = xcalloc(n * d + 1, sizeof(double));
    gp->columns = xcalloc(n * d + 1, sizeof(double));
    gp->y = xcalloc(n + 1, sizeof(double));
    gp->theta = xcalloc(d + 3, sizeof(double));
    gp->il = xcalloc(d + 1, sizeof(double));
    gp->l = xcalloc(n * n + 1, sizeof(double));
    gp->apart = xcalloc(n * n + 1, sizeof(double));
    gp->square = xcalloc(n * n + 1, sizeof(double));
    gp->alpha = xcalloc(n + 1, sizeof(double));
    gp->work = xcalloc(4 * n + 1, sizeof(double));
    gp->kernel.spare = xcalloc(n + 1, sizeof(double));
    gp_default_theta(gp);
}

void gp_fini(struct gp *gp)
{
    free(gp->x);
    free(gp->columns);
    free(gp->y);
    free(gp->theta);
    free(gp->il);
    free(gp->l);
    free(gp->square);
    free(gp->apart);
    free(gp->alpha);
    free(gp->work);
    free(gp->kernel.spare);
    *gp = (struct gp){0};
}

void gp_add(struct gp *gp, const double *x, double y)
{
    PRE(gp->n < gp->room);
    memcpy(gp->x + (long)gp->n * gp->dims, x, (size_t)gp->dims * sizeof *x);
    for (int k = 0; k < gp->dims; k++)
        gp->columns[(long)k * gp->room + gp->n] = x[k];
    gp->y[gp->n++] = y;
}

void gp_default_theta(struct gp *gp)
{
    memset(gp->theta, 0, (size_t)gp->dims * sizeof *gp->theta); /* length scales 1 */
    gp->theta[gp->dims] = 0;
    gp->theta[gp->dims + 1] = log(1e-2);
    gp->theta[gp->dims + 2] = 0; /* half of it rough */
}

static void unpack(struct gp *gp, const double *theta)
{
    for (int k = 0; k < gp->dims; k++)
        gp->il[k] = exp(theta[k]);
    gp->kernel.s2 = exp(theta[gp->dims]);
    gp->noise = exp(theta[gp->dims + 1]);
    gp->kernel.rough = gp->is_rough ? 1 / (1 + exp(-theta[gp->dims + 2])) : 0;
}

/* ---- factor ---- */

/* Lower triangle of K into l; r^2 are kept, the gradient wants them again. */
static void covariance(struct gp *gp)
{
    for (int i = 0; i < gp->n; i++) {
        double *row = gp->l + (long)i * gp->room, *apart = gp->apart + (long)i * gp->room;
        distances(gp, gp->x + (long)i * gp->dims, i, apart);
        kernel_row(&gp->kernel, apart, i, row);
        row[i] = gp->kernel.s2 + gp->noise + NUGGET + gp->jitter;
    }
}

static void solve_alpha(struct gp *gp)
{
    memcpy(gp->alpha, gp->y, (size_t)gp->n * sizeof *gp->alpha);
    chol_forward(gp->l, gp->n, gp->room, gp->alpha);
    chol_backward(gp->l, gp->n, gp->room, gp->alpha);
}

bool gp_factor(struct gp *gp)
{
    unpack(gp, gp->theta);
    for (gp->jitter = 0; gp->jitter <= 1e-2; gp->jitter = gp->jitter > 0 ? 10 * gp->jitter : 1e-8) {
        covariance(gp);
        if (chol_factor(gp->l, gp->n, gp->room)) {
            solve_alpha(gp);
            return true;
        }
    }
    return false;
}

/* ---- fit ---- */

static double prior(const struct gp *gp, const double *theta, double *gradient)
{
    int d = gp->dims;
    double centre = M_SQRT2 + 0.5 * log(d), noise_power = gp->is_rough ? 1 : 0.1, loss = 0;
    for (int k = 0; k < d; k++) {
        double ln_l = -0.5 * theta[k], off = ln_l - centre;
        loss += off * off / 6 + ln_l;
        if (gradient)
            gradient[k] = -0.5 * (off / 3 + 1);
    }
    if (gradient) {
        gradient[d] = gp->kernel.s2 - 1;
        gradient[d + 1] = NOISE_RATE * gp->noise - noise_power; /* a Gamma's shape is one more */
    }
    if (gp->is_rough) {
        double off = theta[d + 2] / ROUGH_SPREAD;
        loss += 0.5 * off * off;
        if (gradient)
            gradient[d + 2] = off / ROUGH_SPREAD;
    }
    return loss - theta[d] + gp->kernel.s2 - noise_power * theta[d + 1] + NOISE_RATE * gp->noise;
}

/* Sum over the pairs of weight times squared difference in one column. */
WIDE static double moment(const double *column, int n, double at, bool is_line, const double *weight)
{
    double sum[8] = {0}, rest = 0;
    int j = 0;
    for (; j + 8 <= n; j += 8)
        for (int k = 0; k < 8; k++) {
            double d = is_line ? (at - column[j + k]) * (at - column[j + k]) : at != column[j + k];
            sum[k] += weight[j + k] * d;
        }
    for (; j < n; j++)
        rest += weight[j] * (is_line ? (at - column[j]) * (at - column[j]) : at != column[j]);
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + rest;
}

/* .5 tr((K^-1 - a a') dK) for every theta; K^-1 is in `square`. */
static void data_gradient(struct gp *gp, double *gradient)
{
    int n = gp->n, d = gp->dims;
    double *kernel = gp->work, *weight = gp->work + gp->room, *slope = gp->work + 2 * (long)gp->room;
    double by_logit = gp->kernel.rough * (1 - gp->kernel.rough);
    for (int i = 0; i < n; i++) {
        const double *xi = gp->x + (long)i * d, *inverse = gp->square + (long)i * gp->room;
        const double *apart = gp->apart + (long)i * gp->room;
        double own = inverse[i] - gp->alpha[i] * gp->alpha[i];
        gradient[d] += 0.5 * own * gp->kernel.s2;
        gradient[d + 1] += 0.5 * own * gp->noise;
        kernel_row(&gp->kernel, apart, i, kernel);
        kernel_slope_row(&gp->kernel, apart, i, slope);
        for (int j = 0; j < i; j++) {
            weight[j] = inverse[j] - gp->alpha[i] * gp->alpha[j];
            slope[j] *= weight[j];
        }
        gradient[d] += dot(weight, kernel, i);
        if (gp->is_rough) {
            kernel_rough_row(&gp->kernel, apart, i, kernel);
            gradient[d + 2] += by_logit * dot(weight, kernel, i);
        }
        for (int k = 0; k < d; k++)
            gradient[k] +=
                gp->il[k] * moment(gp->columns + (long)k * gp->room, i, xi[k], k < gp->lines, slope);
    }
}

double gp_loss(struct gp *gp, const double *theta, double *gradient)
{
    unpack(gp, theta);
    gp->jitter = 0;
    covariance(gp);
    if (!chol_factor(gp->l, gp->n, gp->room))
        return INFINITY;
    solve_alpha(gp);
    double loss = prior(gp, theta, gradient) + 0.5 * dot(gp->y, gp->alpha, gp->n);
    for (int i = 0; i < gp->n; i++)
        loss += log(gp->l[(long)i * gp->room + i]);
    if (gradient) {
        chol_inverse(gp->l, gp->n, gp->room, gp->square);
        data_gradient(gp, gradient);
    }
    return loss;
}

static double loss_of(const double *theta, double *gradient, void *arg)
{
    return gp_loss(arg, theta, gradient);
}

bool gp_fit(struct gp *gp, int steps)
{
    int n = gp_theta_count(gp);
    double *bounds = xcalloc(2 * (size_t)n, sizeof *bounds);
    for (int i = 0; i < n; i++) {
        bounds[i] = THETA_LOW;
        bounds[n + i] = THETA_HIGH;
    }
    struct bfgs bfgs = {.f = loss_of,
                        .arg = gp,
                        .low = bounds,
                        .high = bounds + n,
                        .n = n,
                        .steps = steps,
                        .cap = 2,
                        .flat = 1e-3};
    bfgs_minimise(&bfgs, gp->theta);
    free(bounds);
    return gp_factor(gp);
}

/* ---- posterior ---- */

static void cross(const struct gp *gp, const double *x, double *k)
{
    distances(gp, x, gp->n, k);
    kernel_row(&gp->kernel, k, gp->n, k);
}

void gp_posterior(struct gp *gp, const double *x, double *mean, double *variance)
{
    double *k = gp->work;
    cross(gp, x, k);
    *mean = dot(k, gp->alpha, gp->n);
    chol_forward(gp->l, gp->n, gp->room, k);
    *variance = fmax(gp->kernel.s2 - dot(k, k, gp->n), 1e-14);
}

void gp_posterior_gradient(struct gp *gp, const double *x, double *mean, double *variance, double *dmean,
                           double *dvariance)
{
    double *k = gp->work, *solved = gp->work + gp->room, *slope = gp->work + 2 * (long)gp->room,
           *step = gp->work + 3 * (long)gp->room;
    distances(gp, x, gp->n, slope);
    kernel_row(&gp->kernel, slope, gp->n, k);
    kernel_slope_row(&gp->kernel, slope, gp->n, slope);
    memcpy(solved, k, (size_t)gp->n * sizeof *k);
    chol_forward(gp->l, gp->n, gp->room, solved);
    *mean = dot(k, gp->alpha, gp->n);
    *variance = fmax(gp->kernel.s2 - dot(solved, solved, gp->n), 1e-14);
    chol_backward(gp->l, gp->n, gp->room, solved);
    memset(dmean, 0, (size_t)gp->dims * sizeof *dmean);
    memset(dvariance, 0, (size_t)gp->dims * sizeof *dvariance);
    for (int c = 0; c < gp->lines; c++) {
        const double *column = gp->columns + (long)c * gp->room;
        for (int i = 0; i < gp->n; i++)
            step[i] = 2 * slope[i] * gp->il[c] * (x[c] - column[i]);
        dmean[c] = dot(gp->alpha, step, gp->n);
        dvariance[c] = -2 * dot(solved, step, gp->n);
    }
}

void gp_left_out(struct gp *gp, double *means)
{
    chol_inverse(gp->l, gp->n, gp->room, gp->square);
    for (int i = 0; i < gp->n; i++)
        means[i] = gp->y[i] - gp->alpha[i] / gp->square[(long)i * gp->room + i];
}

bool gp_believe(struct gp *gp, const double *x)
{
    double mean, variance;
    PRE(gp->n < gp->room);
    gp_posterior(gp, x, &mean, &variance);
    double *row = gp->l + (long)gp->n * gp->room;
    cross(gp, x, row);
    row[gp->n] = gp->kernel.s2 + gp->noise + NUGGET + gp->jitter;
    if (!chol_extend(gp->l, gp->n, gp->room))
        return false;
    gp_add(gp, x, mean);
    solve_alpha(gp);
    return true;
}
