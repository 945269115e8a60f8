#include "cli/functions.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "common/check.h"

/* ---- one value ---- */

static void branin(const double *x, int n, double *out)
{
    (void)n;
    double a = x[1] - 5.1 / (4 * M_PI * M_PI) * x[0] * x[0] + 5 / M_PI * x[0] - 6;
    *out = a * a + 10 * (1 - 1 / (8 * M_PI)) * cos(x[0]) + 10;
}

static void hartmann6(const double *x, int n, double *out)
{
    (void)n;
    static const double alpha[4] = {1, 1.2, 3, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                   {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                   {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                   {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double inner = 0;
        for (int j = 0; j < 6; j++)
            inner += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
        sum -= alpha[i] * exp(-inner);
    }
    *out = sum;
}

static void rosenlog4(const double *x, int n, double *out)
{
    *out = 0;
    for (int i = 0; i < n - 1; i++) {
        double z = log10(x[i]), next = log10(x[i + 1]);
        *out += 100 * (next - z * z) * (next - z * z) + (1 - z) * (1 - z);
    }
}

/* An error rate: best at a learning rate of 1, diverged above 10^0.45; a weight decay that depends on it. */
static void lrsurf(const double *x, int n, double *out)
{
    (void)n;
    double d = log10(x[0]), wd = log10(x[1]) + 0.7 * d + 3;
    *out = d > 0.45 ? NAN : fmin(0.05 + 0.06 * d * d + 0.015 * wd * wd, 0.9);
}

/* ---- several values ---- */

static double distance_from_front(const double *x, int n)
{
    double sum = 0;
    for (int i = 1; i < n; i++)
        sum += x[i];
    return 1 + 9 * sum / (n - 1);
}

static void zdt1(const double *x, int n, double *out)
{
    double g = distance_from_front(x, n);
    out[0] = x[0];
    out[1] = g * (1 - sqrt(x[0] / g));
}

static void zdt2(const double *x, int n, double *out)
{
    double g = distance_from_front(x, n);
    out[0] = x[0];
    out[1] = g * (1 - x[0] / g * x[0] / g);
}

static void zdt3(const double *x, int n, double *out)
{
    double g = distance_from_front(x, n);
    out[0] = x[0];
    out[1] = g * (1 - sqrt(x[0] / g) - x[0] / g * sin(10 * M_PI * x[0]));
}

static void dtlz2(const double *x, int n, double *out)
{
    double g = 0, a = x[0] * M_PI / 2, b = x[1] * M_PI / 2;
    for (int i = 2; i < n; i++)
        g += (x[i] - 0.5) * (x[i] - 0.5);
    out[0] = (1 + g) * cos(a) * cos(b);
    out[1] = (1 + g) * cos(a) * sin(b);
    out[2] = (1 + g) * sin(a);
}

/* ---- by name ---- */

static const struct function functions[] = {
    {"branin", 2, 2, 1, branin},           {"hartmann6", 6, 6, 1, hartmann6},
    {"rosenlog4", 4, 4, 1, rosenlog4},     {"lrsurf", 2, 2, 1, lrsurf},
    {"zdt1", 2, FUNCTION_PARAMS, 2, zdt1}, {"zdt2", 2, FUNCTION_PARAMS, 2, zdt2},
    {"zdt3", 2, FUNCTION_PARAMS, 2, zdt3}, {"dtlz2", 3, FUNCTION_PARAMS, 3, dtlz2},
};

const struct function *function_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}
