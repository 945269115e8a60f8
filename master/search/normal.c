#include "master/search/normal.h"

#include <math.h>

static const double LOG_SQRT_2PI = 0.91893853320467274178;

double normal_cdf(double x)
{
    return 0.5 * erfc(-x * M_SQRT1_2);
}

static double normal_log_pdf(double x)
{
    return -0.5 * x * x - LOG_SQRT_2PI;
}

/* A rational start (Abramowitz and Stegun 26.2.23, error 4.5e-4), then Halley's steps on the tail. */
double normal_quantile(double p)
{
    double tail = p < 0.5 ? p : 1 - p, t = sqrt(-2 * log(tail));
    double x =
        t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int i = 0; i < 3; i++) {
        double off = (0.5 * erfc(x * M_SQRT1_2) - tail) * exp(0.5 * x * x + LOG_SQRT_2PI);
        x += off / (1 + 0.5 * x * off);
    }
    return p < 0.5 ? -x : x;
}

/* log Phi(x) for x <= 0: erfc keeps its digits down to -37, Laplace's continued fraction goes on from there.
 */
static double log_cdf_low(double x)
{
    if (x > -37)
        return log(normal_cdf(x));
    double fraction = -x;
    for (int k = 10; k >= 1; k--)
        fraction = -x + k / fraction;
    return normal_log_pdf(x) - log(fraction);
}

double normal_log_cdf(double x)
{
    return x <= 0 ? log_cdf_low(x) : log1p(-normal_cdf(-x));
}

double normal_log_mass(double a, double b)
{
    if (a > 0)
        return normal_log_mass(-b, -a);
    if (b > 0) /* the tails are what is missing */
        return log1p(-normal_cdf(a) - normal_cdf(-b));
    double high = log_cdf_low(b), low = log_cdf_low(a);
    return high + log1p(-exp(low - high));
}

/* 1 - x m(x) of Mills' ratio m(x) = (1 - Phi(x)) / phi(x), without cancelling: continued fraction. */
static double mills_gap(double x)
{
    double fraction = x;
    for (int k = 200; k >= 2; k--)
        fraction = x + k / fraction;
    return 1 / (x * fraction + 1);
}

double normal_log_ei(double z)
{
    if (z > -1)
        return log(exp(normal_log_pdf(z)) + z * normal_cdf(z));
    if (z < -1e5)
        return normal_log_pdf(z) - 2 * log(-z);
    if (z > -5) {
        double mills = 0.5 * erfc(-z * M_SQRT1_2) / exp(normal_log_pdf(z));
        return normal_log_pdf(z) + log1p(z * mills);
    }
    return normal_log_pdf(z) + log(mills_gap(-z));
}
