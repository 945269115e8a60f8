#include "master/search/kernel.h"

#include "master/search/matern.h"

static void add(const double *what, int n, double *to)
{
    for (int i = 0; i < n; i++)
        to[i] += what[i];
}

void kernel_row(const struct kernel *k, const double *r_squared, int n, double *out)
{
    if (k->rough > 0)
        matern12_row(r_squared, n, k->s2 * k->rough, k->spare);
    matern52_row(r_squared, n, k->s2 * (1 - k->rough), out);
    if (k->rough > 0)
        add(k->spare, n, out);
}

void kernel_slope_row(const struct kernel *k, const double *r_squared, int n, double *out)
{
    if (k->rough > 0)
        matern12_slope_row(r_squared, n, k->s2 * k->rough, k->spare);
    matern52_slope_row(r_squared, n, k->s2 * (1 - k->rough), out);
    if (k->rough > 0)
        add(k->spare, n, out);
}

void kernel_rough_row(const struct kernel *k, const double *r_squared, int n, double *out)
{
    matern12_row(r_squared, n, k->s2, k->spare);
    matern52_row(r_squared, n, -k->s2, out);
    add(k->spare, n, out);
}
