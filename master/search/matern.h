/* matern: the Matern 5/2 covariance of squared distances, M52 = (1 + q + q^2 / 3) e^-q with q = sqrt(5 r^2), many at a
 * time: most of what a Gaussian process costs beside its factor.
 *
 * The exponential is our own: a range reduction and a polynomial (relative error below 4e-16), the same bits on every
 * machine with IEEE doubles, and a loop that compilers turn into vector instructions. Refuses nothing; r^2 >= 0.
 * Ownership: the caller's arrays; `out` may be `r_squared`.
 */
#ifndef HONE_MASTER_SEARCH_MATERN_H
#define HONE_MASTER_SEARCH_MATERN_H

#include "master/search/wide.h"

double matern52(double r_squared);
/* out[i] = scale M52(r_squared[i]) */
void matern52_row(const double *r_squared, int n, double scale, double *out);
/* out[i] = scale dM52 / dr^2: finite at 0. */
void matern52_slope_row(const double *r_squared, int n, double scale, double *out);

#endif
