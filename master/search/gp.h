/* gp: a Gaussian process over encoded points (Rasmussen and Williams 2006), to be minimised over.
 *
 *   k(x, x') = s2 [(1 - rough) M52(r) + rough M12(r)] + noise [x is x'],  r^2 = sum_k il_k d_k^2
 *   d_k: difference of a line, 0 or 1 of a choice; il_k = 1 / l_k^2; M52, M12: matern.h
 *
 * Fitted by the maximum a posteriori: l_k log-normal around sqrt(2) + ln(d) / 2 with variance 3 (Hvarfner,
 * Hellsten, Nardi, "Vanilla Bayesian optimization performs great in high dimensions", ICML 2024), s2 Gamma(2,
 * 1), noise Gamma(1.1, 30), and Gamma(2, 30) where it may be rough, the logit of `rough` normal(0, 2^2); BFGS over
 * logarithms with the analytic gradient.
 *
 * Refuses (returns false): a covariance that stays indefinite with a jitter of 1e-2.
 * Ownership: gp_init allocates for `room` points, gp_fini frees.
 */
#ifndef HONE_MASTER_SEARCH_GP_H
#define HONE_MASTER_SEARCH_GP_H

#include <stdbool.h>

#include "master/search/encode.h"
#include "master/search/kernel.h"

struct gp {
    int dims, lines; /* columns; the first `lines` are lines */
    int n, room;
    double *x;       /* [room][dims] */
    double *columns; /* the same by column, [dims][room] */
    double *y;       /* [room], about mean 0 and sd 1 */
    bool is_rough;   /* else rough is 0 and no part of theta */
    double *theta;   /* ln il_k [dims], ln s2, ln noise, logit rough */
    double *il;      /* exp of it */
    struct kernel kernel;
    double noise, jitter;
    double *l;      /* Cholesky factor, [room][room] */
    double *apart;  /* r^2 of the pairs, [room][room], lower triangle */
    double *alpha;  /* K^-1 y */
    double *work;   /* [4 room] */
    double *square; /* [room][room]: scratch of the fit */
};

/* `lines` of the `dims` columns are lines, the others choices. */
void gp_init(struct gp *gp, int lines, int dims, bool is_rough, int room);
void gp_fini(struct gp *gp);

/* How many numbers theta has. */
int gp_theta_count(const struct gp *gp);

/* Observation n; the factor is stale until gp_factor. */
void gp_add(struct gp *gp, const double *x, double y);

/* From theta (set by the caller, or gp_default_theta) to the best within `steps`. False: see above. */
void gp_default_theta(struct gp *gp);
bool gp_fit(struct gp *gp, int steps);
/* Factor and alpha for today's theta. */
bool gp_factor(struct gp *gp);
/* -log posterior of theta, with its gradient where that is not NULL; INFINITY: not positive definite. */
double gp_loss(struct gp *gp, const double *theta, double *gradient);

/* Mean and variance (without noise) at x. */
void gp_posterior(struct gp *gp, const double *x, double *mean, double *variance);
/* The same with derivatives by each column (0 for choices). */
void gp_posterior_gradient(struct gp *gp, const double *x, double *mean, double *variance, double *dmean,
                           double *dvariance);
/* What each of the n observations would be to a process that has not seen it, [n]: y - alpha / diag(K^-1) (Rasmussen and
 * Williams 2006, 5.4.2). O(n^3). */
void gp_left_out(struct gp *gp, double *means);
/* A pending point, believed to give its posterior mean: one row more, O(n^2). */
bool gp_believe(struct gp *gp, const double *x);

#endif
