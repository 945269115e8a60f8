#include "master/search/slope.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"
#include "master/search/chol.h"

enum { FREEDOM_MIN = 4 }; /* degrees of freedom left for the noise */

static void fill_row(double *row, const double *z, int n, int params, int i)
{
    row[0] = 1;
    for (int k = 0; k < params; k++) {
        double w = z[k * n + i] - 0.5;
        row[1 + 2 * k] = w;
        row[2 + 2 * k] = w * w - 1.0 / 12; /* less its mean, so that the columns are nearly orthogonal */
    }
}

/* X'X (lower) and X'y. */
static void accumulate(const double *x, const double *y, int n, int p, double *gram, double *moment)
{
    for (int i = 0; i < n; i++) {
        const double *row = x + (long)i * p;
        for (int a = 0; a < p; a++) {
            moment[a] += row[a] * y[i];
            for (int b = 0; b <= a; b++)
                gram[a * p + b] += row[a] * row[b];
        }
    }
}

static double residual(const double *x, const double *y, const double *weight, int n, int p)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        double off = y[i] - dot(x + (long)i * p, weight, p);
        sum += off * off;
    }
    return sum / (n - p);
}

bool slope_init(struct slope *slope, const double *z, const double *y, int n, int params)
{
    int p = 1 + 2 * params;
    *slope = (struct slope){.terms = p};
    if (n < p + FREEDOM_MIN)
        return false;
    double *x = xcalloc((size_t)n * (size_t)p, sizeof *x),
           *gram = xcalloc((size_t)p * (size_t)p, sizeof *gram);
    slope->weight = xcalloc((size_t)p, sizeof *slope->weight);
    slope->spread = xcalloc((size_t)p * (size_t)p, sizeof *slope->spread);
    for (int i = 0; i < n; i++)
        fill_row(x + (long)i * p, z, n, params, i);
    accumulate(x, y, n, p, gram, slope->weight);
    for (int a = 0; a < p; a++)
        gram[a * p + a] *= 1 + 1e-9;
    bool is_sound = chol_factor(gram, p, p);
    if (is_sound) {
        chol_forward(gram, p, p, slope->weight);
        chol_backward(gram, p, p, slope->weight);
        chol_inverse(gram, p, p, slope->spread);
        slope->noise = residual(x, y, slope->weight, n, p);
    }
    free(x);
    free(gram);
    return is_sound;
}

void slope_fini(struct slope *slope)
{
    free(slope->weight);
    free(slope->spread);
    *slope = (struct slope){0};
}

double slope_t(const struct slope *slope, int param, int side)
{
    int b = 1 + 2 * param, q = b + 1, p = slope->terms;
    double at_wall = side * slope->weight[b] + slope->weight[q];
    double variance =
        slope->spread[b * p + b] + slope->spread[q * p + q] + 2 * side * slope->spread[q * p + b];
    return at_wall / sqrt(slope->noise * variance + 1e-12);
}
