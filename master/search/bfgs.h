/* bfgs: minimises a smooth function of a few variables inside a box: BFGS with the inverse Hessian kept
 * dense, walls by projection (a variable that its gradient presses against a wall is left out of the step),
 * Armijo's rule. Deterministic: no clock, no randomness. For up to some 100 variables. Refuses: nothing; a
 * function that returns NaN or infinity is taken for too large and the step is halved. Ownership: x is the
 * caller's, start and result. */
#ifndef HONE_MASTER_SEARCH_BFGS_H
#define HONE_MASTER_SEARCH_BFGS_H

/* Value at x; writes the gradient. */
typedef double smooth(const double *x, double *gradient, void *arg);

struct bfgs {
    smooth *f;
    void *arg;
    const double *low, *high; /* [n] */
    int n;
    int steps;   /* at most */
    double cap;  /* longest step of any variable */
    double flat; /* stops where the projected gradient is smaller everywhere */
};

/* Value at the end. */
double bfgs_minimise(const struct bfgs *bfgs, double *x);

#endif
