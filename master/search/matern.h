/* matern: Matern covariances of squared distances, many at a time: most of what a Gaussian process costs beside its factor.
 *
 *   M52 = (1 + q + q^2 / 3) e^-q with q = sqrt(5 r^2): curves with two derivatives
 *   M12 = e^-r: the paths of a random walk, without any
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

/* out[i] = scale M12(r_squared[i]) */
void matern12_row(const double *r_squared, int n, double scale, double *out);
/* out[i] = scale dM12 / dr^2, which is infinite at 0: 0 there, for every use of it multiplies by a distance. */
void matern12_slope_row(const double *r_squared, int n, double scale, double *out);

#endif
