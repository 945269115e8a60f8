#include "master/search/matern.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static const double LOG2_E = 0x1.71547652b82fep0, LN2_HIGH = 0x1.62e42fee00000p-1,
                    LN2_LOW = 0x1.a39ef35793c76p-33;
static const double SHIFT =
    0x1.8p52 + 1023; /* adding it leaves n + 1023 in the low bits: the exponent of 2^n */
static const double DEEPEST = -700;

/* e^x for x <= 0; below -700 it is e^-700. */
static inline double exp_below(double x)
{
    double at = x > DEEPEST ? x : DEEPEST, shifted = at * LOG2_E + SHIFT, n = shifted - SHIFT;
    double r = (at - n * LN2_HIGH) - n * LN2_LOW, power;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits <<= 52;
    memcpy(&power, &bits, sizeof power);
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = p * r + 1;
    p = p * r + 1;
    return p * power;
}

double matern52(double r_squared)
{
    double q = sqrt(5 * r_squared);
    return (1 + q + q * q / 3) * exp_below(-q);
}

WIDE void matern52_row(const double *r_squared, int n, double scale, double *out)
{
    for (int i = 0; i < n; i++) {
        double q = sqrt(5 * r_squared[i]);
        out[i] = scale * ((1 + q + q * q / 3) * exp_below(-q));
    }
}

WIDE void matern52_slope_row(const double *r_squared, int n, double scale, double *out)
{
    for (int i = 0; i < n; i++) {
        double q = sqrt(5 * r_squared[i]);
        out[i] = scale * (-5.0 / 6 * (1 + q) * exp_below(-q));
    }
}

WIDE void matern12_row(const double *r_squared, int n, double scale, double *out)
{
    for (int i = 0; i < n; i++)
        out[i] = scale * exp_below(-sqrt(r_squared[i]));
}

WIDE void matern12_slope_row(const double *r_squared, int n, double scale, double *out)
{
    for (int i = 0; i < n; i++) {
        double r = sqrt(r_squared[i]);
        out[i] = r > 0 ? scale * (-0.5 / r * exp_below(-r)) : 0;
    }
}
