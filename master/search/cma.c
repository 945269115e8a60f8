#include "master/search/cma.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/chol.h"

enum { SWEEPS = 30 };
static const double EIGEN_MIN = 1e-300;

/* ---- eigenvalues ---- */

/* Rotates rows and columns p, q so that a[p][q] becomes 0. */
static void rotate(double *a, double *v, int d, int p, int q)
{
    double apq = a[p * d + q], theta = (a[q * d + q] - a[p * d + p]) / (2 * apq);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < d; k++) {
        double kp = a[k * d + p], kq = a[k * d + q];
        a[k * d + p] = c * kp - s * kq;
        a[k * d + q] = s * kp + c * kq;
    }
    for (int k = 0; k < d; k++) {
        double pk = a[p * d + k], qk = a[q * d + k];
        a[p * d + k] = c * pk - s * qk;
        a[q * d + k] = s * pk + c * qk;
    }
    for (int k = 0; k < d; k++) {
        double kp = v[k * d + p], kq = v[k * d + q];
        v[k * d + p] = c * kp - s * kq;
        v[k * d + q] = s * kp + c * kq;
    }
}

void eigen_symmetric(double *a, int d, double *values, double *vectors)
{
    memset(vectors, 0, (size_t)d * (size_t)d * sizeof *vectors);
    for (int i = 0; i < d; i++)
        vectors[i * d + i] = 1;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        double off = 0, on = 0;
        for (int p = 0; p < d; p++) {
            on += a[p * d + p] * a[p * d + p];
            for (int q = p + 1; q < d; q++)
                off += a[p * d + q] * a[p * d + q];
        }
        if (off <= 1e-32 * on)
            break;
        for (int p = 0; p < d; p++)
            for (int q = p + 1; q < d; q++)
                if (a[p * d + q] != 0)
                    rotate(a, vectors, d, p, q);
    }
    for (int i = 0; i < d; i++)
        values[i] = a[i * d + i];
}

/* C -> its symmetric root and the inverse of that. */
static void find_roots(struct cma *cma)
{
    int d = cma->d;
    size_t square = (size_t)d * (size_t)d;
    double *work = xcalloc(2 * square + (size_t)d, sizeof *work), *vectors = work + square,
           *values = vectors + square;
    double least = INFINITY, most = 0;
    memcpy(work, cma->c, square * sizeof *work);
    eigen_symmetric(work, d, values, vectors);
    for (int i = 0; i < d; i++) {
        values[i] = fmax(values[i], EIGEN_MIN);
        least = fmin(least, values[i]);
        most = fmax(most, values[i]);
    }
    cma->condition = most / least;
    for (int i = 0; i < d; i++) {
        for (int j = 0; j < d; j++) {
            double root = 0, inverse = 0;
            for (int k = 0; k < d; k++) {
                double both = vectors[i * d + k] * vectors[j * d + k];
                root += both * sqrt(values[k]);
                inverse += both / sqrt(values[k]);
            }
            cma->root[i * d + j] = root;
            cma->inverse_root[i * d + j] = inverse;
        }
    }
    free(work);
}

/* ---- constants ---- */

int cma_lambda(int d)
{
    return 4 + (int)floor(3 * log(d));
}

/* Sum of the negative weights that keeps C positive definite and forgets no faster than it learns. */
static double negative_mass(const struct cma *cma, double mu_eff_negative)
{
    double by_rank_one = 1 + cma->c1 / cma->cmu, by_mu = 1 + 2 * mu_eff_negative / (cma->mu_eff + 2);
    return fmin(fmin(by_rank_one, by_mu), (1 - cma->c1 - cma->cmu) / (cma->d * cma->cmu));
}

static void set_constants(struct cma *cma)
{
    double d = cma->d, sum = 0, square = 0, sum_negative = 0, square_negative = 0;
    for (int i = 0; i < cma->lambda; i++) {
        double w = cma->weights[i] = log((cma->lambda + 1) / 2.0) - log(i + 1);
        *(i < cma->mu ? &sum : &sum_negative) += w;
        *(i < cma->mu ? &square : &square_negative) += w * w;
    }
    cma->mu_eff = sum * sum / square;
    double m = cma->mu_eff;
    cma->c1 = 2 / ((d + 1.3) * (d + 1.3) + m);
    cma->cmu = fmin(1 - cma->c1, 2 * (m - 2 + 1 / m) / ((d + 2) * (d + 2) + m));
    cma->cs = (m + 2) / (d + m + 5);
    cma->ds = 1 + 2 * fmax(0, sqrt((m - 1) / (d + 1)) - 1) + cma->cs;
    cma->cc = (4 + m / d) / (d + 4 + 2 * m / d);
    cma->chi = sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d));
    double mass = negative_mass(cma, sum_negative * sum_negative / square_negative);
    for (int i = 0; i < cma->lambda; i++)
        cma->weights[i] *= i < cma->mu ? 1 / sum : mass / -sum_negative;
}

void cma_init(struct cma *cma, int d, int lambda, const double *mean, double sigma)
{
    PRE(d >= 1 && d <= CMA_DIMS && lambda >= 4);
    size_t n = (size_t)d;
    *cma = (struct cma){.d = d, .lambda = lambda, .mu = lambda / 2, .sigma = sigma, .condition = 1};
    cma->weights = xcalloc((size_t)lambda, sizeof(double));
    cma->mean = xcalloc(n, sizeof(double));
    cma->path_sigma = xcalloc(n, sizeof(double));
    cma->path_c = xcalloc(n, sizeof(double));
    cma->c = xcalloc(n * n, sizeof(double));
    cma->root = xcalloc(n * n, sizeof(double));
    cma->inverse_root = xcalloc(n * n, sizeof(double));
    memcpy(cma->mean, mean, n * sizeof *mean);
    for (int i = 0; i < d; i++)
        cma->c[i * d + i] = cma->root[i * d + i] = cma->inverse_root[i * d + i] = 1;
    set_constants(cma);
}

void cma_fini(struct cma *cma)
{
    free(cma->weights);
    free(cma->mean);
    free(cma->path_sigma);
    free(cma->path_c);
    free(cma->c);
    free(cma->root);
    free(cma->inverse_root);
    *cma = (struct cma){0};
}

/* ---- points ---- */

static void times(const double *matrix, const double *v, int d, double *out)
{
    for (int i = 0; i < d; i++)
        out[i] = dot(matrix + (long)i * d, v, d);
}

void cma_point(const struct cma *cma, const double *z, double *x)
{
    times(cma->root, z, cma->d, x);
    for (int i = 0; i < cma->d; i++)
        x[i] = cma->mean[i] + cma->sigma * x[i];
}

double cma_deviation(const struct cma *cma, int i)
{
    return cma->sigma * sqrt(cma->c[i * cma->d + i]);
}

/* ---- a generation ---- */

/* Steps y = (x - mean) / sigma, none longer than a sample of ours could well be; lengths in units of C. */
static void find_steps(const struct cma *cma, const double *x, double *y, double *length)
{
    int d = cma->d;
    double white[CMA_DIMS], longest = sqrt(d) + 2.0 * d / (d + 2);
    for (int k = 0; k < cma->lambda; k++) {
        double *step = y + (long)k * d;
        for (int i = 0; i < d; i++)
            step[i] = (x[k * d + i] - cma->mean[i]) / cma->sigma;
        times(cma->inverse_root, step, d, white);
        length[k] = sqrt(dot(white, white, d));
        for (int i = 0; length[k] > longest && i < d; i++)
            step[i] *= longest / length[k];
        length[k] = fmin(length[k], longest);
    }
}

static void move_mean(struct cma *cma, const double *y, double *mean_step)
{
    memset(mean_step, 0, (size_t)cma->d * sizeof *mean_step);
    for (int k = 0; k < cma->mu; k++)
        for (int i = 0; i < cma->d; i++)
            mean_step[i] += cma->weights[k] * y[k * cma->d + i];
    for (int i = 0; i < cma->d; i++)
        cma->mean[i] += cma->sigma * mean_step[i];
}

/* Both paths and the step size; true unless the path is so long that the covariance had better wait. */
static bool follow_paths(struct cma *cma, const double *mean_step)
{
    int d = cma->d;
    double white[CMA_DIMS];
    times(cma->inverse_root, mean_step, d, white);
    for (int i = 0; i < d; i++)
        cma->path_sigma[i] =
            (1 - cma->cs) * cma->path_sigma[i] + sqrt(cma->cs * (2 - cma->cs) * cma->mu_eff) * white[i];
    double length = sqrt(dot(cma->path_sigma, cma->path_sigma, d));
    double settled = sqrt(1 - pow(1 - cma->cs, 2.0 * (cma->generation + 1)));
    bool moves = length / settled < (1.4 + 2.0 / (d + 1)) * cma->chi;
    for (int i = 0; i < d; i++)
        cma->path_c[i] = (1 - cma->cc) * cma->path_c[i] +
                         (moves ? sqrt(cma->cc * (2 - cma->cc) * cma->mu_eff) * mean_step[i] : 0);
    cma->sigma *= exp(fmin(1, cma->cs / cma->ds * (length / cma->chi - 1)));
    return moves;
}

static void learn_covariance(struct cma *cma, const double *y, const double *length, bool moved)
{
    int d = cma->d;
    double sum = 0, lost = moved ? 0 : cma->cc * (2 - cma->cc);
    for (int k = 0; k < cma->lambda; k++)
        sum += cma->weights[k];
    double keep = 1 + cma->c1 * lost - cma->c1 - cma->cmu * sum;
    for (int i = 0; i < d * d; i++)
        cma->c[i] *= keep;
    for (int i = 0; i < d; i++)
        for (int j = 0; j < d; j++)
            cma->c[i * d + j] += cma->c1 * cma->path_c[i] * cma->path_c[j];
    for (int k = 0; k < cma->lambda; k++) {
        double w = cma->weights[k];
        if (w < 0)
            w *= d / (length[k] * length[k] + 1e-12);
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
                cma->c[i * d + j] += cma->cmu * w * y[k * d + i] * y[k * d + j];
    }
}

void cma_update(struct cma *cma, const double *x)
{
    size_t lambda = (size_t)cma->lambda, d = (size_t)cma->d;
    double *y = xcalloc(lambda * d + lambda, sizeof *y), *length = y + lambda * d, mean_step[CMA_DIMS];
    find_steps(cma, x, y, length);
    move_mean(cma, y, mean_step);
    bool moved = follow_paths(cma, mean_step);
    learn_covariance(cma, y, length, moved);
    find_roots(cma);
    cma->generation++;
    free(y);
}
