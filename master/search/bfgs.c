#include "master/search/bfgs.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/chol.h"

enum { HALVINGS = 20 };
static const double ARMIJO = 1e-4;

struct state {
    const struct bfgs *b;
    double *x, *g;                /* here */
    double *step, *next, *next_g; /* there */
    double *h;                    /* inverse Hessian, n x n */
    bool *fixed;                  /* pressed against a wall */
    double value;
    bool is_fresh; /* h is still the identity */
};

static void forget(struct state *s)
{
    int n = s->b->n;
    memset(s->h, 0, (size_t)n * (size_t)n * sizeof *s->h);
    for (int i = 0; i < n; i++)
        s->h[i * n + i] = 1;
    s->is_fresh = true;
}

/* Largest gradient of a variable that may still move. */
static double find_fixed(struct state *s)
{
    double most = 0;
    for (int i = 0; i < s->b->n; i++) {
        s->fixed[i] = (s->x[i] <= s->b->low[i] && s->g[i] > 0) || (s->x[i] >= s->b->high[i] && s->g[i] < 0);
        if (!s->fixed[i])
            most = fmax(most, fabs(s->g[i]));
    }
    return most;
}

/* step = -H g over the free variables; falls back to the gradient where that does not go down. */
static void direct(struct state *s)
{
    int n = s->b->n;
    double down = 0, longest = 0;
    for (int i = 0; i < n; i++) {
        s->step[i] = 0;
        for (int j = 0; j < n && !s->fixed[i]; j++)
            if (!s->fixed[j])
                s->step[i] -= s->h[i * n + j] * s->g[j];
        down += s->step[i] * s->g[i];
    }
    if (!(down < 0)) {
        forget(s);
        for (int i = 0; i < n; i++)
            s->step[i] = s->fixed[i] ? 0 : -s->g[i];
    }
    for (int i = 0; i < n; i++)
        longest = fmax(longest, fabs(s->step[i]));
    for (int i = 0; i < n && longest > s->b->cap; i++)
        s->step[i] *= s->b->cap / longest;
}

/* Halves until the value falls enough; false: it does not. */
static bool walk(struct state *s)
{
    int n = s->b->n;
    double part = 1;
    for (int k = 0; k < HALVINGS; k++, part *= 0.5) {
        double promised = 0;
        for (int i = 0; i < n; i++) {
            s->next[i] = fmin(fmax(s->x[i] + part * s->step[i], s->b->low[i]), s->b->high[i]);
            promised += s->g[i] * (s->next[i] - s->x[i]);
        }
        double value = s->b->f(s->next, s->next_g, s->b->arg);
        if (value <= s->value + ARMIJO * promised && promised < 0) {
            s->value = value;
            return true;
        }
    }
    return false;
}

/* H := (I - r s y') H (I - r y s') + r s s', r = 1 / s'y. Moves on to `next`. */
static void update(struct state *s)
{
    int n = s->b->n;
    double *d = s->step, *y = xcalloc((size_t)n, sizeof *y), *hy = xcalloc((size_t)n, sizeof *hy);
    for (int i = 0; i < n; i++) {
        d[i] = s->next[i] - s->x[i];
        y[i] = s->next_g[i] - s->g[i];
    }
    double sy = dot(d, y, n), yy = dot(y, y, n);
    if (sy > 1e-10 * sqrt(yy * dot(d, d, n))) {
        for (int i = 0; s->is_fresh && i < n; i++)
            s->h[i * n + i] = sy / yy;
        s->is_fresh = false;
        for (int i = 0; i < n; i++)
            hy[i] = dot(s->h + (long)i * n, y, n);
        double r = 1 / sy, yhy = dot(y, hy, n);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                s->h[i * n + j] += r * ((1 + r * yhy) * d[i] * d[j] - hy[i] * d[j] - d[i] * hy[j]);
    }
    memcpy(s->x, s->next, (size_t)n * sizeof *s->x);
    memcpy(s->g, s->next_g, (size_t)n * sizeof *s->g);
    free(y);
    free(hy);
}

double bfgs_minimise(const struct bfgs *b, double *x)
{
    size_t n = (size_t)b->n;
    double *room = xcalloc(4 * n + n * n + 1, sizeof *room);
    struct state s = {.b = b,
                      .x = x,
                      .g = room,
                      .step = room + n,
                      .next = room + 2 * n,
                      .next_g = room + 3 * n,
                      .h = room + 4 * n,
                      .fixed = xcalloc(n + 1, sizeof(bool))};
    forget(&s);
    s.value = b->f(x, s.g, b->arg);
    for (int k = 0; k < b->steps && find_fixed(&s) > b->flat; k++) {
        double before = s.value;
        direct(&s);
        if (!walk(&s)) {
            if (s.is_fresh)
                break;
            forget(&s);
            continue;
        }
        update(&s);
        if (before - s.value < 1e-12 * (1 + fabs(s.value)))
            break;
    }
    free(room);
    free(s.fixed);
    return s.value;
}
