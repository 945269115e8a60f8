#include "master/search/beyond.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"
#include "master/search/rank.h"

enum { LEAST = 3, WINS = 2, HOLDERS = 5 };
static const double SURE = 1.5, SUM = 1.2,
                    COUNTS = 0.1; /* gains: alone, of several together, and to count at all */

bool way_out(const struct space *space, const struct box *box, const struct point *point, int param, int side,
             double *by)
{
    double z;
    bool has_place = box_position(box, space, param, point->v[param], &z);
    *by = has_place ? side > 0 ? z - 1 : -z : 0;
    return has_place;
}

/* ---- who lies outside ---- */

/* The logarithm only where the value itself says so: most lie inside. */
static int side_out(const struct outside *o, const struct span *range, const struct point *point, int param)
{
    struct value v = point->v[param];
    if (v.kind != VALUE_NUM || (v.num <= range->hi && v.num >= range->lo))
        return 0;
    double by;
    int side = v.num > range->hi ? 1 : -1;
    return way_out(o->space, o->box, point, param, side, &by) && by > WAY_DUST ? side : 0;
}

static int wall_of(int param, int side)
{
    return 2 * param + (side > 0);
}

static void add_outsider(struct outside *o, int param, int side, const struct observed *who)
{
    struct outsiders **wall = &o->walls[wall_of(param, side)];
    if (!*wall)
        *wall = xcalloc(1, sizeof **wall);
    (*wall)->all++;
    if ((*wall)->count < BEYOND_MAX)
        (*wall)->who[(*wall)->count++] = who;
}

/* Newest first; trial by trial, for their points lie far from one another in memory. */
static void ask_everybody(struct outside *o)
{
    struct span *range = xcalloc((size_t)o->space->count + 1, sizeof *range);
    int *numeric = xcalloc((size_t)o->space->count + 1, sizeof *numeric), count = 0;
    for (int i = 0; i < o->space->count; i++)
        if (param_is_numeric(&o->space->params[i])) {
            range[count] = box_range(o->box, o->space, i);
            numeric[count++] = i;
        }
    for (int t = o->ev->count - 1; t >= 0; t--) {
        o->is_in[t] = true;
        for (int i = 0; i < count; i++) {
            int side = side_out(o, &range[i], o->ev->list[t].point, numeric[i]);
            if (!side)
                continue;
            o->is_in[t] = false;
            add_outsider(o, numeric[i], side, &o->ev->list[t]);
        }
    }
    free(numeric);
    free(range);
}

/* By entry of the history: one more than its place in the evidence; 0: not there. */
static int *observed_at(const struct evidence *ev, size_t entries)
{
    int *at = xcalloc(entries + 1, sizeof *at);
    for (int t = 0; t < ev->count; t++)
        at[ev->list[t].entry] = t + 1;
    return at;
}

static int newest_first(const void *a, const void *b)
{
    int p = *(const int *)a, q = *(const int *)b;
    return (p < q) - (p > q);
}

/* Those beyond one wall, from the outermost, as far as the chart's order says that there may be some. */
static void ask_outermost(struct outside *o, const struct chart *chart, const int *at, int param, int side,
                          int *found)
{
    struct span wall = o->box->walls[param], range = box_range(o->box, o->space, param);
    int count = 0;
    for (int i = 0; i < chart->placed; i++) {
        struct placed next = chart->sorted[side > 0 ? chart->placed - 1 - i : i];
        if (side > 0 ? next.t <= wall.hi : next.t >= wall.lo)
            break;
        int t = at[next.kernel] - 1;
        if (t >= 0 && side_out(o, &range, o->ev->list[t].point, param) == side)
            found[count++] = t;
    }
    qsort(found, (size_t)count, sizeof *found, newest_first);
    for (int i = 0; i < count; i++) {
        o->is_in[found[i]] = false;
        add_outsider(o, param, side, &o->ev->list[found[i]]);
    }
}

static void ask_the_ends(struct outside *o, const struct atlas *atlas)
{
    int *at = observed_at(o->ev, atlas->count), *found = xcalloc((size_t)o->ev->count + 1, sizeof *found);
    for (int t = 0; t < o->ev->count; t++)
        o->is_in[t] = true;
    for (int i = 0; i < o->space->count; i++)
        for (int side = -1; side <= 1 && param_is_numeric(&o->space->params[i]); side += 2)
            ask_outermost(o, &atlas->charts[i], at, i, side, found);
    free(at);
    free(found);
}

static double best_inside(const struct outside *o)
{
    double best = -INFINITY;
    for (int t = 0; t < o->ev->count; t++)
        if (o->ev->list[t].state == HISTORY_SCORED && o->is_in[t])
            best = fmax(best, o->ev->list[t].score);
    return best;
}

int outside_count(const struct outside *o)
{
    int count = 0;
    for (int w = 0; w < 2 * o->space->count; w++)
        count += o->walls[w] ? o->walls[w]->all : 0;
    return count;
}

void outside_init(struct outside *o, const struct space *space, const struct evidence *ev,
                  const struct box *box, const struct atlas *atlas)
{
    *o = (struct outside){.space = space, .ev = ev, .box = box, .chains = {{.param = -1}, {.param = -1}}};
    o->is_in = xcalloc((size_t)ev->count + 1, sizeof *o->is_in);
    o->walls = xcalloc(2 * (size_t)space->count + 1, sizeof *o->walls);
    if (atlas)
        ask_the_ends(o, atlas);
    else
        ask_everybody(o);
    o->best = outside_count(o) ? best_inside(o) : -INFINITY;
}

void outside_fini(struct outside *o)
{
    for (int w = 0; w < 2 * o->space->count; w++)
        free(o->walls[w]);
    for (int c = 0; c < 2; c++) {
        free(o->chains[c].first);
        free(o->chains[c].next);
    }
    free(o->walls);
    free(o->is_in);
    *o = (struct outside){0};
}

/* ---- pairs ---- */

static bool same_but(const struct point *a, const struct point *b, int param, int count)
{
    for (int i = 0; i < count; i++)
        if (i != param && !value_same(a->v[i], b->v[i]))
            return false;
    return true;
}

bool outside_has_partner(const struct outside *o, const struct point *point, int param, int side)
{
    const struct outsiders *wall = o->walls[wall_of(param, side)];
    for (int i = 0; wall && i < wall->count; i++)
        if (same_but(wall->who[i]->point, point, param, o->space->count))
            return true;
    return false;
}

static unsigned room_of(const struct chains *c, struct value v)
{
    uint64_t bits;
    double num = v.num + 0.0;
    memcpy(&bits, &num, sizeof bits);
    return (unsigned)hash_mix(bits, (uint64_t)v.kind << 32 | (uint32_t)v.choice) & (c->rooms - 1);
}

static void chains_init(struct chains *c, const struct outside *o, int param)
{
    const struct evidence *ev = o->ev;
    c->param = param;
    c->rooms = o->space->count > 1 ? 64 : 1;
    while (c->rooms > 1 && c->rooms < (unsigned)ev->count)
        c->rooms *= 2;
    c->first = xcalloc(c->rooms, sizeof *c->first);
    c->next = xcalloc((size_t)ev->count + 1, sizeof *c->next);
    for (int t = 0; t < ev->count; t++) {
        if (ev->list[t].state != HISTORY_SCORED || !o->is_in[t])
            continue;
        unsigned room = room_of(c, ev->list[t].point->v[param]);
        c->next[t] = c->first[room];
        c->first[room] = t + 1;
    }
}

/* The parameter that tells the most trials apart, but for one. */
static int telling(const struct space *space, int but)
{
    int best = -1;
    int64_t most = -1;
    for (int i = 0; i < space->count; i++) {
        int64_t count = param_count(&space->params[i]);
        if (count < 0)
            count = INT64_MAX;
        if (i != but && count > most) {
            most = count;
            best = i;
        }
    }
    return best;
}

/* Chains by another parameter than this; one chain of all where there is no other. */
static const struct chains *chains_for(struct outside *o, int param)
{
    int by = telling(o->space, -1);
    if (by == param && o->space->count > 1)
        by = telling(o->space, param);
    struct chains *c = o->chains[0].param < 0 || o->chains[0].param == by ? &o->chains[0] : &o->chains[1];
    if (c->param < 0)
        chains_init(c, o, by);
    return c;
}

/* The best score of those in the box that differ from this one in nothing but the parameter; -INFINITY: there are none, and
 * what it scored may have other reasons. */
static double base_score(struct outside *o, const struct observed *out, int param)
{
    const struct chains *c = chains_for(o, param);
    double base = -INFINITY;
    for (int t = c->first[room_of(c, out->point->v[c->param])]; t; t = c->next[t - 1]) {
        const struct observed *in = &o->ev->list[t - 1];
        if (in->score > base && same_but(in->point, out->point, param, o->space->count))
            base = in->score;
    }
    return base;
}

/* By how much the best is better than the median, without those beyond this wall, who are newest first as well; of a
 * long study every so many. NAN: too few to say. */
static double spread_within(const struct outside *o, const struct outsiders *wall)
{
    enum { MOST = 512 };
    double best = o->best, score[MOST];
    int n = 0, every = (o->ev->count + MOST - 1) / MOST, next = 0;
    for (int t = o->ev->count - 1; t >= 0; t -= every) {
        const struct observed *at = &o->ev->list[t];
        while (next < wall->count && wall->who[next] > at)
            next++;
        if (at->state != HISTORY_SCORED || (next < wall->count && wall->who[next] == at))
            continue;
        score[n++] = at->score;
        best = fmax(best, at->score);
    }
    return n >= LEAST ? best - rank_select(score, n, n / 2) : NAN;
}

/* One pair: a trial beyond the wall gained so much. */
static void count_gain(struct beyond *there, const struct observed *out, double gain, double by, double *most)
{
    there->gain = fmax(there->gain, gain);
    there->total += fmax(-1, fmin(gain, 1));
    there->losses += gain < COUNTS;
    if (gain < COUNTS)
        return;
    there->wins++;
    there->best = fmax(there->best, by);
    if (out->score > *most)
        there->winner = out->trial;
    *most = fmax(*most, out->score);
}

/* The best of all, wherever they lie. False: too few. */
static bool find_best(const struct evidence *ev, const struct observed *best[HOLDERS])
{
    int found = 0;
    for (int t = 0; t < ev->count; t++) {
        const struct observed *at = &ev->list[t];
        int k = found < HOLDERS ? found : HOLDERS;
        if (at->state != HISTORY_SCORED)
            continue;
        found += k < HOLDERS;
        for (; k > 0 && best[k - 1]->score < at->score; k--)
            if (k < HOLDERS)
                best[k] = best[k - 1];
        if (k < HOLDERS)
            best[k] = at;
    }
    return found == HOLDERS;
}

/* Do the best of all lie beyond this wall? *farthest then reaches the farthest of them. */
static bool holds_the_best(const struct outside *o, int param, int side, double *farthest)
{
    const struct observed *best[HOLDERS];
    double by, reach = *farthest;
    if (!find_best(o->ev, best))
        return false;
    for (int k = 0; k < HOLDERS; k++) {
        if (!way_out(o->space, o->box, best[k]->point, param, side, &by) || by <= WAY_DUST)
            return false;
        reach = fmax(reach, by);
    }
    *farthest = reach;
    return true;
}

static void count_pairs(struct outside *o, const struct outsiders *wall, int param, int side,
                        struct beyond *there)
{
    double by, most = -INFINITY, spread = spread_within(o, wall);
    for (int i = 0; i < wall->count && !isnan(spread); i++) {
        const struct observed *out = wall->who[i];
        double base = out->state == HISTORY_SCORED ? base_score(o, out, param) : -INFINITY;
        double more = out->score - base;
        way_out(o->space, o->box, out->point, param, side, &by);
        if (base > -INFINITY)
            count_gain(there, out, more > 0 ? more / fmax(spread, 1e-300) : -1, by, &most);
    }
    bool is_won = there->wins && there->wins >= there->losses;
    there->is_sure = there->gain >= SURE || (is_won && there->wins >= WINS && there->total >= SUM) ||
                     (is_won && holds_the_best(o, param, side, &there->best));
}

struct beyond beyond_wall(struct outside *o, int param, int side)
{
    struct beyond there = {.gain = -INFINITY, .nearest = INFINITY, .tried = INFINITY};
    const struct outsiders *wall = o->walls[wall_of(param, side)];
    double by;
    if (!wall)
        return there;
    there.older = wall->all - wall->count;
    for (int i = 0; i < wall->count; i++) {
        way_out(o->space, o->box, wall->who[i]->point, param, side, &by);
        there.tried = fmin(there.tried, by);
        there.farthest = fmax(there.farthest, by);
        there.pending += wall->who[i]->state == HISTORY_PENDING;
        there.bad += wall->who[i]->state == HISTORY_BAD;
        there.scored += wall->who[i]->state == HISTORY_SCORED;
    }
    if (there.scored)
        count_pairs(o, wall, param, side, &there);
    for (int i = 0; i < wall->count; i++)
        if (wall->who[i]->state == HISTORY_BAD &&
            way_out(o->space, o->box, wall->who[i]->point, param, side, &by) && by > there.best)
            there.nearest = fmin(there.nearest, by);
    return there;
}
