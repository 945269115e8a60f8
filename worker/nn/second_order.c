#define NN_DOUBLE
#include "worker/nn/second_order.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/nn/linalg.h"
#include "worker/nn/net.h"

enum { NEWTON_MAX = 2000, MEMORY = 10, HALVINGS = 60 };

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double *vector(int n)
{
    return xcalloc((size_t)n, sizeof(double));
}

/* ---- Newton ---- */

/* Column j of H: (g(w + h e_j) - g(w - h e_j)) / 2h; symmetric up to rounding, so both halves are averaged. */
static void hessian(const struct objective *f, double *w, double *h)
{
    int n = f->n;
    double *up = vector(n), *down = vector(n);
    for (int j = 0; j < n; j++) {
        double kept = w[j], step = cbrt(DBL_EPSILON) * fmax(1, fabs(kept));
        w[j] = kept + step;
        f->value(f->arg, w, up);
        w[j] = kept - step;
        f->value(f->arg, w, down);
        w[j] = kept;
        for (int i = 0; i < n; i++)
            h[(size_t)i * (size_t)n + (size_t)j] = (up[i] - down[i]) / (2 * step);
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            double *a = &h[(size_t)i * (size_t)n + (size_t)j], *b = &h[(size_t)j * (size_t)n + (size_t)i];
            *a = *b = (*a + *b) / 2;
        }
    free(up);
    free(down);
}

/* d = -(H + ridge I)^-1 g; the ridge begins at nothing and grows while H is not positive definite. */
static void newton_direction(const double *h, const double *g, int n, double *work, double *d)
{
    double trace = 0, ridge = 0;
    for (int i = 0; i < n; i++)
        trace += fabs(h[(size_t)i * (size_t)n + (size_t)i]);
    for (;;) {
        memcpy(work, h, (size_t)n * (size_t)n * sizeof *work);
        for (int i = 0; i < n; i++) {
            work[(size_t)i * (size_t)n + (size_t)i] += ridge;
            d[i] = -g[i];
        }
        if (!solve_spd(n, work, d))
            return;
        ridge = ridge > 0 ? 10 * ridge : 1e-10 * (trace / n + 1e-300);
    }
}

/* The longest of 1, 1/2, 1/4 … along d that lowers the value enough; 0 if none does. w, g, value follow. */
static double backtrack(const struct objective *f, double *w, double *value, double *g, const double *d,
                        int *count)
{
    double *trial = vector(f->n), slope = dot(g, d, f->n), length = 1;
    for (int i = 0; i < HALVINGS; i++, length /= 2) {
        for (int j = 0; j < f->n; j++)
            trial[j] = w[j] + length * d[j];
        double there = f->value(f->arg, trial, NULL);
        (*count)++;
        if (there <= *value + 1e-4 * length * slope) {
            memcpy(w, trial, (size_t)f->n * sizeof *w);
            *value = f->value(f->arg, w, g);
            (*count)++;
            free(trial);
            return length;
        }
    }
    free(trial);
    return 0;
}

int newton_minimise(const struct objective *objective, double *w, int steps, double tolerance,
                    struct minimum *out, struct err *err)
{
    int n = objective->n;
    if (n > NEWTON_MAX)
        return err_set(err, ERR_BAD, "Newton's method with %d variables: at most %d", n, NEWTON_MAX);
    double *h = xcalloc((size_t)n * (size_t)n, sizeof *h),
           *work = xcalloc((size_t)n * (size_t)n, sizeof *work);
    double *g = vector(n), *d = vector(n);
    *out = (struct minimum){.evaluations = 1};
    out->value = objective->value(objective->arg, w, g);
    out->gradient = sqrt(dot(g, g, n));
    while (out->steps < steps && out->gradient > tolerance) {
        hessian(objective, w, h);
        out->evaluations += 2 * n;
        newton_direction(h, g, n, work, d);
        if (backtrack(objective, w, &out->value, g, d, &out->evaluations) <= 0)
            break;
        out->gradient = sqrt(dot(g, g, n));
        out->steps++;
    }
    free(h);
    free(work);
    free(g);
    free(d);
    return 0;
}

/* ---- L-BFGS ---- */

/* The last steps s and changes of the gradient y, as a ring. */
struct memory {
    double *s[MEMORY], *y[MEMORY], rho[MEMORY];
    int count, next;
};

/* d = -H g, H the inverse Hessian that the memory implies. */
static void lbfgs_direction(const struct memory *m, const double *g, int n, double *d)
{
    double alpha[MEMORY];
    for (int i = 0; i < n; i++)
        d[i] = -g[i];
    for (int k = 0; k < m->count; k++) {
        int at = (m->next - 1 - k + 2 * MEMORY) % MEMORY;
        alpha[at] = m->rho[at] * dot(m->s[at], d, n);
        for (int i = 0; i < n; i++)
            d[i] -= alpha[at] * m->y[at][i];
    }
    int newest = (m->next - 1 + MEMORY) % MEMORY;
    double scale = m->count ? 1 / (m->rho[newest] * dot(m->y[newest], m->y[newest], n)) : 1;
    for (int i = 0; i < n; i++)
        d[i] *= scale;
    for (int k = m->count - 1; k >= 0; k--) {
        int at = (m->next - 1 - k + 2 * MEMORY) % MEMORY;
        double beta = m->rho[at] * dot(m->y[at], d, n);
        for (int i = 0; i < n; i++)
            d[i] += (alpha[at] - beta) * m->s[at][i];
    }
}

static void remember(struct memory *m, const double *w, const double *before, const double *g,
                     const double *g_before, int n)
{
    double *s = m->s[m->next], *y = m->y[m->next];
    for (int i = 0; i < n; i++) {
        s[i] = w[i] - before[i];
        y[i] = g[i] - g_before[i];
    }
    double curvature = dot(s, y, n);
    if (!(curvature > 1e-12 * dot(y, y, n)))
        return; /* would make the matrix indefinite */
    m->rho[m->next] = 1 / curvature;
    m->next = (m->next + 1) % MEMORY;
    m->count += m->count < MEMORY;
}

/* Bisection along d, from `length` on, until the value falls enough (Armijo) and the slope has flattened (weak Wolfe).
 * w, g and out->value go along; false: nothing lower was found. */
static bool line_search(const struct objective *f, double *w, double *g, const double *d, double length,
                        struct minimum *out)
{
    int n = f->n;
    double *start = vector(n), low = 0, high = INFINITY, slope = dot(g, d, n), from = out->value;
    bool found = false;
    memcpy(start, w, (size_t)n * sizeof *start);
    for (int i = 0; i < HALVINGS && !found; i++) {
        for (int j = 0; j < n; j++)
            w[j] = start[j] + length * d[j];
        out->value = f->value(f->arg, w, g);
        out->evaluations++;
        if (!(out->value <= from + 1e-4 * length * slope))
            high = length;
        else if (dot(g, d, n) < 0.9 * slope)
            low = length;
        else
            found = true;
        if (!found)
            length = isfinite(high) ? (low + high) / 2 : 2 * length;
    }
    found = found || out->value < from;
    free(start);
    return found;
}

void lbfgs_minimise(const struct objective *objective, double *w, int steps, double tolerance,
                    struct minimum *out)
{
    int n = objective->n;
    struct memory memory = {.count = 0};
    double *g = vector(n), *d = vector(n), *before = vector(n), *g_before = vector(n);
    for (int i = 0; i < MEMORY; i++) {
        memory.s[i] = vector(n);
        memory.y[i] = vector(n);
    }
    *out = (struct minimum){.evaluations = 1};
    out->value = objective->value(objective->arg, w, g);
    out->gradient = sqrt(dot(g, g, n));
    while (out->steps < steps && out->gradient > tolerance) {
        lbfgs_direction(&memory, g, n, d);
        memcpy(before, w, (size_t)n * sizeof *w);
        memcpy(g_before, g, (size_t)n * sizeof *g);
        double length = memory.count ? 1 : fmin(1, 1 / out->gradient);
        if (!line_search(objective, w, g, d, length, out))
            break;
        remember(&memory, w, before, g, g_before, n);
        out->gradient = sqrt(dot(g, g, n));
        out->steps++;
    }
    for (int i = 0; i < MEMORY; i++) {
        free(memory.s[i]);
        free(memory.y[i]);
    }
    free(g);
    free(d);
    free(before);
    free(g_before);
}

/* ---- a net as a function ---- */

void net_objective_get(const struct net_objective *of, double *w)
{
    for (int i = 0; i < of->net->block_count; i++) {
        const struct param_block *block = &of->net->blocks[i];
        memcpy(w, of->net->params + block->at, block->count * sizeof *w);
        w += block->count;
    }
}

static void net_objective_set(const struct net_objective *of, const double *w)
{
    for (int i = 0; i < of->net->block_count; i++) {
        const struct param_block *block = &of->net->blocks[i];
        memcpy(of->net->params + block->at, w, block->count * sizeof *w);
        w += block->count;
    }
}

static double net_value(void *arg, const double *w, double *gradient)
{
    const struct net_objective *of = arg;
    struct pass pass = {.n = of->samples};
    net_objective_set(of, w);
    double loss = net_loss(of->net, &pass, of->x, of->labels, gradient != NULL).loss;
    loss += net_penalty(of->net, of->l1, of->l2);
    if (!gradient)
        return loss;
    net_add_penalty(of->net, of->l1, of->l2);
    for (int i = 0; i < of->net->block_count; i++) {
        const struct param_block *block = &of->net->blocks[i];
        memcpy(gradient, of->net->grads + block->at, block->count * sizeof *gradient);
        gradient += block->count;
    }
    return loss;
}

struct objective net_objective_of(struct net_objective *of)
{
    struct objective objective = {.value = net_value, .arg = of};
    for (int i = 0; i < of->net->block_count; i++)
        objective.n += (int)of->net->blocks[i].count;
    return objective;
}
