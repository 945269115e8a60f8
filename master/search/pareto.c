#include "master/search/pareto.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

bool pareto_dominates(const double *a, const double *b, int m)
{
    bool better = false;
    for (int k = 0; k < m; k++) {
        if (a[k] < b[k])
            return false;
        better |= a[k] > b[k];
    }
    return better;
}

/* Points by falling first score, ties by the next: whoever dominates a point comes before it. */
struct sorted {
    const double *y;
    int index, m;
};

static int by_scores(const void *a, const void *b)
{
    const struct sorted *p = a, *q = b;
    for (int k = 0; k < p->m; k++)
        if (p->y[k] != q->y[k])
            return p->y[k] > q->y[k] ? -1 : 1;
    return (p->index > q->index) - (p->index < q->index);
}

static struct sorted *sort(const double *y, int n, int m)
{
    struct sorted *list = xcalloc((size_t)n + 1, sizeof *list);
    for (int i = 0; i < n; i++)
        list[i] = (struct sorted){y + (long)i * m, i, m};
    qsort(list, (size_t)n, sizeof *list, by_scores);
    return list;
}

/* Each point goes into the first front of which no member dominates it (Jensen's and Zhang's order of looking): members of
 * a front are looked at from the newest, which are nearest. */
void pareto_ranks(const double *y, int n, int m, int *rank)
{
    PRE(m >= 1 && m <= PARETO_MAX);
    struct sorted *list = sort(y, n, m);
    int *before =
        xcalloc((size_t)n + 1, sizeof *before); /* the front's member added before this one; -1: none */
    int *newest = xcalloc((size_t)n + 1, sizeof *newest); /* of each front */
    int fronts = 0;
    for (int i = 0; i < n; i++) {
        int front = 0;
        for (; front < fronts; front++) {
            int other = newest[front];
            while (other >= 0 && !pareto_dominates(list[other].y, list[i].y, m))
                other = before[other];
            if (other < 0)
                break;
        }
        before[i] = front < fronts ? newest[front] : -1;
        newest[front] = i;
        fronts += front == fronts;
        rank[list[i].index] = front;
    }
    free(newest);
    free(before);
    free(list);
}

/* Of the `left` in `list`, by falling score, the front gets its rank and the others stay, in their order. Returns how many
 * stay. Sorted so, a point of two scores is beaten by nobody if its second is above that of all before it. */
static int peel(struct sorted *list, int left, int m, int front, struct sorted *members, int *rank)
{
    int stay = 0, count = 0;
    for (int i = 0; i < left; i++) {
        int by = count - 1;
        if (m <= 2) /* the newest member has the highest second score of all before */
            by = by >= 0 && pareto_dominates(members[by].y, list[i].y, m) ? by : -1;
        else
            while (by >= 0 && !pareto_dominates(members[by].y, list[i].y, m))
                by--;
        if (by >= 0) {
            list[stay++] = list[i];
        } else {
            rank[list[i].index] = front;
            members[count++] = list[i];
        }
    }
    return stay;
}

void pareto_first_ranks(const double *y, int n, int m, int want, int *rank)
{
    PRE(m >= 1 && m <= PARETO_MAX);
    struct sorted *list = sort(y, n, m), *members = xcalloc((size_t)n + 1, sizeof *members);
    int left = n;
    for (int i = 0; i < n; i++)
        rank[i] = INT_MAX;
    for (int front = 0; left && n - left < want; front++)
        left = peel(list, left, m, front, members, rank);
    free(members);
    free(list);
}

/* ---- crowding ---- */

struct placed {
    double y;
    int at; /* among the members */
};

static int by_place(const void *a, const void *b)
{
    const struct placed *p = a, *q = b;
    return p->y != q->y ? (p->y > q->y) - (p->y < q->y) : (p->at > q->at) - (p->at < q->at);
}

void pareto_crowding(const double *y, int m, const int *members, int count, double *out)
{
    struct placed *line = xcalloc((size_t)count + 1, sizeof *line);
    for (int i = 0; i < count; i++)
        out[i] = 0;
    for (int k = 0; k < m && count; k++) {
        for (int i = 0; i < count; i++)
            line[i] = (struct placed){y[(long)members[i] * m + k], i};
        qsort(line, (size_t)count, sizeof *line, by_place);
        double spread = line[count - 1].y - line[0].y;
        out[line[0].at] = out[line[count - 1].at] = INFINITY;
        for (int i = 1; i + 1 < count; i++)
            if (spread > 0 && isfinite(spread))
                out[line[i].at] += (line[i + 1].y - line[i - 1].y) / spread;
    }
    free(line);
}

/* ---- hypervolume ---- */

/* Of points by falling first score, over the first two of `m` scores. */
static double area(const struct sorted *list, int n, const double *reference)
{
    double sum = 0, top = reference[1];
    for (int i = 0; i < n; i++)
        if (list[i].y[1] > top) {
            sum += (list[i].y[0] - reference[0]) * (list[i].y[1] - top);
            top = list[i].y[1];
        }
    return sum;
}

static int by_third(const void *a, const void *b)
{
    const struct sorted *p = a, *q = b;
    return (p->y[2] < q->y[2]) - (p->y[2] > q->y[2]);
}

/* Slices along the third score, from the top: each is as deep as the way to the next point, and as wide as the area of all
 * points above it. */
static double volume(const struct sorted *list, int n, const double *reference)
{
    struct sorted *down = xcalloc((size_t)n + 1, sizeof *down),
                  *slice = xcalloc((size_t)n + 1, sizeof *slice);
    double sum = 0;
    memcpy(down, list, (size_t)n * sizeof *down);
    if (n)
        qsort(down, (size_t)n, sizeof *down, by_third);
    for (int i = 0; i < n; i++) {
        int at = i; /* into its place by the first score */
        for (; at > 0 && by_scores(&down[i], &slice[at - 1]) < 0; at--)
            slice[at] = slice[at - 1];
        slice[at] = down[i];
        double next = i + 1 < n ? down[i + 1].y[2] : reference[2];
        if (down[i].y[2] > next)
            sum += (down[i].y[2] - next) * area(slice, i + 1, reference);
    }
    free(slice);
    free(down);
    return sum;
}

static double sorted_hypervolume(const struct sorted *list, int n, int m, const double *reference)
{
    if (m == 1)
        return n ? list[0].y[0] - reference[0] : 0;
    return m == 2 ? area(list, n, reference) : volume(list, n, reference);
}

double pareto_hypervolume(const double *y, int n, int m, const double *reference)
{
    PRE(m >= 1 && m <= PARETO_MAX);
    struct sorted *list = xcalloc((size_t)n + 1, sizeof *list);
    int above = 0;
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (k < m && y[(long)i * m + k] > reference[k])
            k++;
        if (k == m)
            list[above++] = (struct sorted){y + (long)i * m, i, m};
    }
    if (above)
        qsort(list, (size_t)above, sizeof *list, by_scores);
    double sum = sorted_hypervolume(list, above, m, reference);
    free(list);
    return sum;
}

/* ---- who covers most ---- */

void pareto_choose(const double *y, int m, const double *reference, int *members, int count, int want)
{
    double *taken = xcalloc((size_t)want * (size_t)m + (size_t)m + 1, sizeof *taken);
    for (int n = 0; n < want && n < count; n++) {
        int best = n;
        double most = -INFINITY;
        for (int i = n; i < count; i++) {
            memcpy(taken + (long)n * m, y + (long)members[i] * m, (size_t)m * sizeof *taken);
            double covered = pareto_hypervolume(taken, n + 1, m, reference);
            if (covered > most) {
                most = covered;
                best = i;
            }
        }
        int chosen = members[best];
        memcpy(taken + (long)n * m, y + (long)chosen * m, (size_t)m * sizeof *taken);
        memmove(members + n + 1, members + n, (size_t)(best - n) * sizeof *members);
        members[n] = chosen;
    }
    free(taken);
}

void pareto_reference(const double *y, int n, int m, double *reference)
{
    for (int k = 0; k < m; k++) {
        double worst = INFINITY, best = -INFINITY;
        for (int i = 0; i < n; i++) {
            double v = y[(long)i * m + k];
            worst = isfinite(v) && v < worst ? v : worst;
            best = isfinite(v) && v > best ? v : best;
        }
        double spread = best > worst ? best - worst : 1;
        reference[k] = worst <= best ? worst - 0.1 * spread : 0;
    }
}
