/* cma: the covariance matrix adaptation evolution strategy, its state and one generation (Hansen, "The CMA
 * evolution strategy: a tutorial", arXiv 1604.00772, 2016: all constants and the negative weights as there).
 * The step of a sample is C^(1/2) z with the symmetric root, so that a rotated problem with rotated z takes
 * the same course.
 *
 * Points of a generation need not be its own: each step is shortened to sqrt(d) + 2 d / (d + 2) in units of C
 * first (Hansen, "Injecting external solutions into CMA-ES", arXiv 1110.4181, 2011), so late, enqueued or
 * startup trials do no harm. Refuses: d < 1 or > CMA_DIMS (PRE). Ownership: cma_init allocates, cma_fini
 * frees.
 */
#ifndef HONE_MASTER_SEARCH_CMA_H
#define HONE_MASTER_SEARCH_CMA_H

#include <stdbool.h>

enum { CMA_DIMS = 50 };

struct cma {
    int d, lambda, mu;
    double mu_eff, c1, cmu, cs, ds, cc, chi;
    double *weights; /* [lambda], best first; those past mu are negative */
    double sigma;
    int generation;
    double *mean, *path_sigma, *path_c; /* [d] */
    double *c, *root, *inverse_root;    /* [d][d]: C, C^(1/2), C^(-1/2) */
    double condition;                   /* largest over smallest eigenvalue of C */
};

int cma_lambda(int d); /* the usual size of a generation */
/* Starts at `mean` (copied) with standard deviation sigma everywhere. */
void cma_init(struct cma *cma, int d, int lambda, const double *mean, double sigma);
void cma_fini(struct cma *cma); /* fine on {0} */

/* x = mean + sigma C^(1/2) z */
void cma_point(const struct cma *cma, const double *z, double *x);
/* Standard deviation of one coordinate. */
double cma_deviation(const struct cma *cma, int i);

/* The generation: x[k * d + i], best first, lambda of them. */
void cma_update(struct cma *cma, const double *x);

/* Eigenvalues (into `values`) and eigenvectors (columns of `vectors`) of a symmetric matrix, by Jacobi's
 * rotations; `a` is destroyed. */
void eigen_symmetric(double *a, int d, double *values, double *vectors);

#endif
