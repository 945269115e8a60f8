/* slope: least squares of scores on positions and their squares, and the t statistic of the slope at a wall.
 *
 *   y = c + sum_k (b_k w_k + q_k w_k^2),  w = z - 1/2;  slope outward at the wall: side * b + q
 *
 * Ownership: slope_init allocates, slope_fini frees.
 */
#ifndef HONE_MASTER_SEARCH_SLOPE_H
#define HONE_MASTER_SEARCH_SLOPE_H

#include <stdbool.h>

struct slope {
    int terms;      /* 1 + 2 x parameters */
    double *weight; /* the coefficients */
    double *spread; /* inverse of X'X */
    double noise;   /* residual variance */
};

/* z[k * n + i]: position of trial i on parameter k. False: too few trials for so many parameters, or no
 * spread. */
bool slope_init(struct slope *slope, const double *z, const double *y, int n, int params);
void slope_fini(struct slope *slope); /* fine on {0} */

double slope_t(const struct slope *slope, int param, int side);

#endif
