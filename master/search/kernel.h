/* kernel: how alike two points are to the Gaussian process, k(r^2) = s2 [(1 - rough) M52 + rough M12].
 *
 * A smooth curve, and on a space with finitely many points a share of it that is a random walk: a table of trainings has no
 * derivative, and what a smooth kernel cannot follow it takes for noise or bends far away for (docs/samplers.md).
 * Refuses nothing; r^2 >= 0. Ownership: the caller's arrays; `out` may be `r_squared`.
 */
#ifndef HONE_MASTER_SEARCH_KERNEL_H
#define HONE_MASTER_SEARCH_KERNEL_H

struct kernel {
    double s2, rough; /* variance; share of M12, 0: none at all */
    double *spare;    /* scratch, as many as the longest row */
};

/* out[i] = k(r_squared[i]) */
void kernel_row(const struct kernel *k, const double *r_squared, int n, double *out);
/* out[i] = dk / dr^2 */
void kernel_slope_row(const struct kernel *k, const double *r_squared, int n, double *out);
/* out[i] = dk / drough */
void kernel_rough_row(const struct kernel *k, const double *r_squared, int n, double *out);

#endif
