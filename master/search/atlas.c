#include "master/search/atlas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

enum { ONE_BY_ONE = 16 }; /* more new entries are sorted with all others */

struct atlas *atlas_new(const struct space *space)
{
    struct atlas *a = xcalloc(1, sizeof *a);
    a->space = space;
    a->charts = xcalloc((size_t)space->count + 1, sizeof *a->charts);
    return a;
}

void atlas_free(struct atlas *a)
{
    if (!a)
        return;
    for (int i = 0; i < a->space->count; i++) {
        free(a->charts[i].place);
        free(a->charts[i].sorted);
        free(a->charts[i].mass);
    }
    free(a->charts);
    free(a);
}

static void make_room(struct atlas *a, size_t count)
{
    if (count <= a->room)
        return;
    a->room = 2 * count;
    for (int i = 0; i < a->space->count; i++)
        if (is_line(&a->space->params[i])) {
            a->charts[i].place = xrealloc(a->charts[i].place, a->room * sizeof *a->charts[i].place);
            a->charts[i].mass = xrealloc(a->charts[i].mass, a->room * sizeof *a->charts[i].mass);
            a->charts[i].sorted = xrealloc(a->charts[i].sorted, a->room * sizeof *a->charts[i].sorted);
        }
}

/* Entry by entry: their points lie far from one another in memory. */
static void take_places(struct atlas *a, const struct history *history)
{
    for (size_t e = a->count; e < history->count; e++)
        for (int i = 0; i < a->space->count; i++) {
            const struct param *p = &a->space->params[i];
            struct value v = history->entries[e].point.v[i];
            if (!is_line(p))
                continue;
            a->charts[i].place[e] = v.kind == VALUE_OFF || is_zero(p, v) ? NAN : place_of(p, v);
            a->charts[i].mass[e] = NAN;
        }
}

/* Behind those at the same place: the newest entry is the last. */
static void insert(struct chart *c, double t, int entry)
{
    int lo = 0, hi = c->placed;
    while (lo < hi) {
        int middle = (lo + hi) / 2;
        if (c->sorted[middle].t <= t)
            lo = middle + 1;
        else
            hi = middle;
    }
    memmove(&c->sorted[lo + 1], &c->sorted[lo], (size_t)(c->placed++ - lo) * sizeof *c->sorted);
    c->sorted[lo] = (struct placed){t, entry, 0};
}

static void sort_all(struct chart *c, size_t count, struct placed *spare)
{
    c->placed = 0;
    for (size_t e = 0; e < count; e++)
        if (!isnan(c->place[e]))
            c->sorted[c->placed++] = (struct placed){c->place[e], (int)e, 0};
    place_sort(c->sorted, spare, c->placed);
}

static void order(struct atlas *a, size_t count)
{
    struct placed *spare = count - a->count > ONE_BY_ONE ? xmalloc(count * sizeof *spare) : NULL;
    for (int i = 0; i < a->space->count; i++) {
        struct chart *c = &a->charts[i];
        if (!c->place)
            continue;
        if (spare)
            sort_all(c, count, spare);
        for (size_t e = a->count; e < count && !spare; e++)
            if (!isnan(c->place[e]))
                insert(c, c->place[e], (int)e);
    }
    free(spare);
}

void atlas_follow(struct atlas *a, const struct history *history)
{
    bool goes_on = a->count <= history->count && a->count && history->entries[a->count - 1].chain == a->chain;
    if (!goes_on) {
        a->count = 0;
        for (int i = 0; i < a->space->count; i++)
            a->charts[i].placed = 0;
    }
    make_room(a, history->count);
    take_places(a, history);
    order(a, history->count);
    a->count = history->count;
    a->chain = a->count ? history->entries[a->count - 1].chain : 0;
}

double *atlas_masses(struct atlas *a, int param, struct span range, double sigma)
{
    struct chart *c = &a->charts[param];
    bool is_same = c->range.lo == range.lo && c->range.hi == range.hi && c->sigma == sigma;
    for (size_t e = 0; e < a->count && !is_same; e++)
        c->mass[e] = NAN;
    c->range = range;
    c->sigma = sigma;
    return c->mass;
}
