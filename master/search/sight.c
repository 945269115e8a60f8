#include "master/search/sight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/normal.h"
#include "master/search/rank.h"

enum { MOST = 512 };

void sight_rank(const double *score, int n, double *normal, int *order)
{
    rank_best_first(score, n, order);
    rank_mid(score, n, normal);
    for (int i = 0; i < n; i++)
        normal[i] = normal_quantile((normal[i] - 0.375) / (n + 0.25));
}

/* Which of the finished ones are looked at. */
static void choose(struct sight *s)
{
    size_t room = (size_t)s->ev.count + 1;
    bool *is_in = xcalloc(room, sizeof *is_in);
    int *order = xcalloc(room, sizeof *order), finished = s->ev.finished, newest = 0;
    if (finished > MOST) {
        evidence_rank(&s->ev, order);
        for (int i = 0; i < MOST / 2; i++)
            is_in[order[i]] = true;
    }
    for (int i = s->ev.count - 1; i >= 0; i--)
        if (s->ev.list[i].state != HISTORY_PENDING)
            is_in[i] |= finished <= MOST || newest++ < MOST / 2;
    for (int i = 0; i < s->ev.count; i++)
        if (is_in[i])
            s->who[s->n++] = &s->ev.list[i];
    free(order);
    free(is_in);
}

/* Rows of the fit: the parameters that all have, in the order of the space. Returns how many. */
static int gather(struct sight *s, double *rows)
{
    int used = 0;
    for (int k = 0; k < s->space->count; k++) {
        const double *z = sight_row(s, k);
        bool has_all = s->n > 0;
        for (int i = 0; i < s->n && has_all; i++)
            has_all = !isnan(z[i]);
        s->term[k] = has_all ? used : -1;
        if (has_all)
            memcpy(rows + (long)used++ * s->n, z, (size_t)s->n * sizeof *z);
    }
    return used;
}

void sight_init(struct sight *s, const struct space *space, const struct history *history,
                const struct box *box)
{
    *s = (struct sight){.space = space, .box = box};
    evidence_init(&s->ev, history);
    s->who = xcalloc((size_t)s->ev.finished + 1, sizeof *s->who);
    choose(s);
    size_t n = (size_t)s->n + 1, cells = n * (size_t)space->count + 1;
    s->score = xcalloc(n, sizeof *s->score);
    s->normal = xcalloc(n, sizeof *s->normal);
    s->order = xcalloc(n, sizeof *s->order);
    s->z = xcalloc(cells, sizeof *s->z);
    s->term = xcalloc((size_t)space->count + 1, sizeof *s->term);
    for (int i = 0; i < s->n; i++)
        s->score[i] = s->who[i]->score;
    sight_rank(s->score, s->n, s->normal, s->order);
    for (int k = 0; k < space->count; k++)
        for (int i = 0; i < s->n; i++) {
            double *z = s->z + (long)k * s->n + i;
            if (!box_position(box, space, k, s->who[i]->point->v[k], z))
                *z = NAN;
        }
    double *rows = xcalloc(cells, sizeof *rows);
    int used = gather(s, rows);
    s->has_fit = s->n >= 2 * (1 + 2 * used) && slope_init(&s->fit, rows, s->normal, s->n, used);
    free(rows);
}

void sight_fini(struct sight *s)
{
    evidence_fini(&s->ev);
    slope_fini(&s->fit);
    free(s->who);
    free(s->score);
    free(s->normal);
    free(s->order);
    free(s->z);
    free(s->term);
    *s = (struct sight){0};
}

double sight_structure(const struct sight *s)
{
    double mean = 0, scatter = 0;
    for (int i = 0; i < s->n; i++)
        mean += s->normal[i] / s->n;
    for (int i = 0; i < s->n; i++)
        scatter += (s->normal[i] - mean) * (s->normal[i] - mean);
    return s->has_fit && scatter > 0 ? 1 - s->fit.noise / (scatter / (s->n - 1)) : NAN;
}
