#include "master/search/stages.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/search/rank.h"

static const double EDGE_BEST = 0.05, EDGE_TOP = 0.10; /* of the box */
static const double TREND = 0.35;
static const double WIDER = 1.5; /* than the top group lies apart */
static const double WIDTH_MIN = 0.2, WIDTH_MIN_EARLY = 0.35, WIDTH_MAX = 0.5; /* of the old box */
static const double GROWTH = 0.5;
static const double FACTOR_MIN = 1.15; /* high / low of a log axis */
enum { EARLY_EPOCHS = 5, TREND_POINTS = 6, STEPS_MIN = 2, DROP_TRIALS = 3 };

struct stage stage_at(const struct stages *stages, int s)
{
    return stages->list[s < stages->count ? s : stages->count - 1];
}

void stages_auto(int64_t trials, int epochs, struct stages *out)
{
    static const double by_epochs[] = {0.5, 0.3, 0.2}, by_box[] = {0.3, 0.23, 0.23, 0.24};
    bool is_long = epochs >= 10;
    *out = (struct stages){.count = is_long ? 3 : 4};
    int64_t left = trials;
    for (int s = 0; s < out->count; s++) {
        double part = is_long ? by_epochs[s] : by_box[s];
        int64_t n = s + 1 == out->count ? left : (int64_t)floor(part * (double)trials + 0.5);
        out->list[s].trials = n < 1 ? 1 : (int)n;
        out->list[s].epochs = !is_long || s == 2 ? epochs : s == 0 ? 1 : 5;
        left -= n;
    }
}

/* ---- what a stage saw ---- */

struct seen {
    const struct entry **entry; /* inside the box with a score at the stage's epochs, best first */
    double *score;
    int n, top;
};

static void seen_init(struct seen *seen, const struct stage_end *end)
{
    const struct history *history = end->history;
    size_t room = history->count + 1;
    const struct entry **found = xcalloc(room, sizeof *found);
    double *score = xcalloc(room, sizeof *score);
    int *order = xcalloc(room, sizeof *order), n = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if (e->state != HISTORY_GONE && entry_score_at(e, end->stage.epochs, &score[n]) &&
            box_holds(end->box, end->space, &e->point))
            found[n++] = e;
    }
    rank_best_first(score, n, order);
    *seen =
        (struct seen){.entry = xcalloc(room, sizeof *found), .score = xcalloc(room, sizeof *score), .n = n};
    for (int i = 0; i < n; i++) {
        seen->entry[i] = found[order[i]];
        seen->score[i] = score[order[i]];
    }
    int twentieth = (end->stage.trials + 19) / 20;
    seen->top = twentieth < 3 ? 3 : twentieth;
    free(found);
    free(score);
    free(order);
}

static void seen_fini(struct seen *seen)
{
    free(seen->entry);
    free(seen->score);
}

/* From its box to the next. */
struct passage {
    const struct stage_end *end;
    struct seen seen;
    struct box *next;
    struct wall_event *events;
    int room, count;
};

/* ---- one numeric parameter ---- */

struct lean {
    double best, low, high; /* positions of the best, and of the outermost of the top group */
    int near_low, near_high, top;
    double *z, *score; /* of the trials that have a position, best first */
    int n;
};

static void lean_init(struct lean *l, const struct seen *seen, const struct space *space,
                      const struct box *box, int param)
{
    *l = (struct lean){.low = INFINITY, .high = -INFINITY};
    l->z = xcalloc((size_t)seen->n + 1, sizeof *l->z);
    l->score = xcalloc((size_t)seen->n + 1, sizeof *l->score);
    for (int i = 0; i < seen->n; i++) {
        if (!box_position(box, space, param, seen->entry[i]->point.v[param], &l->z[l->n]))
            continue;
        l->score[l->n++] = seen->score[i];
    }
    l->best = l->z[0];
    for (; l->top < seen->top && l->top < l->n && l->score[l->top] > -INFINITY; l->top++) {
        double z = l->z[l->top];
        l->low = fmin(l->low, z);
        l->high = fmax(l->high, z);
        l->near_low += z < EDGE_TOP;
        l->near_high += z > 1 - EDGE_TOP;
    }
}

static void lean_fini(struct lean *l)
{
    free(l->z);
    free(l->score);
}

static bool is_at_edge(const struct lean *l, int side)
{
    return side > 0 ? l->best > 1 - EDGE_BEST || 2 * l->near_high >= l->top
                    : l->best < EDGE_BEST || 2 * l->near_low >= l->top;
}

static bool diverged_beyond(const struct lean *l, int side)
{
    int bad = 0;
    for (int i = 0; i < l->n; i++) {
        if (side * l->z[i] <= side * (side > 0 ? l->high : l->low))
            continue;
        if (l->score[i] > -INFINITY)
            return false;
        bad++;
    }
    return bad >= 2;
}

static enum wall_verdict judge(const struct param *p, enum boundary policy, const struct lean *l, int side,
                               double trend, struct span wall)
{
    struct span moved = wall_moved(p, wall, side, GROWTH);
    if (diverged_beyond(l, side))
        return WALL_DIVERGED;
    if (policy == BOUNDARY_WARN || trend < TREND)
        return WALL_WARN;
    if (side > 0 ? !(moved.hi > wall.hi) : !(moved.lo < wall.lo))
        return WALL_AT_LIMIT;
    return policy == BOUNDARY_ASK ? WALL_ASK : WALL_GROW;
}

/* Around the best, inside the old box. */
static struct span closed_in(const struct param *p, const struct lean *l, struct span wall, int epochs)
{
    double least = epochs < EARLY_EPOCHS ? WIDTH_MIN_EARLY : WIDTH_MIN, width = wall.hi - wall.lo;
    double part = fmin(fmax(WIDER * (l->high - l->low), least), WIDTH_MAX);
    if (p->dist == DIST_LOG || p->dist == DIST_LOGIT || p->dist == DIST_INT_LOG)
        part = fmax(part, log(FACTOR_MIN) / width);
    if (p->step > 0 && !(p->dist == DIST_INT_LOG))
        part = fmax(part, STEPS_MIN * p->step / width);
    if (p->dist == DIST_VALUES)
        part = fmax(part, STEPS_MIN / width);
    part = fmin(part, 1);
    double lo = fmin(fmax(l->best - part / 2, 0), 1 - part);
    struct span closed = {lo == 0 ? wall.lo : wall.lo + lo * width,
                          lo + part >= 1 ? wall.hi : wall.lo + (lo + part) * width};
    return closed;
}

/* At least three values of a stepped axis, as far as the old walls allow. */
static struct span keep_three(const struct param *p, struct span closed, struct span wall)
{
    struct span snapped = wall_snapped(p, closed);
    for (int i = 0; p->step > 0 && i < 2 * STEPS_MIN; i++) {
        double lo = param_unscale(p, snapped.lo), hi = param_unscale(p, snapped.hi);
        if (hi - lo > (STEPS_MIN - 0.5) * p->step)
            break;
        bool up = i % 2 == 0 ? snapped.hi < wall.hi : !(snapped.lo > wall.lo);
        if (up)
            snapped.hi = param_scale(p, hi + p->step);
        else
            snapped.lo = param_scale(p, lo - p->step);
        snapped = wall_snapped(p, snapped);
    }
    snapped.lo = fmax(snapped.lo, wall.lo);
    snapped.hi = fmin(snapped.hi, wall.hi);
    return snapped;
}

static void fill_event(const struct seen *seen, const struct lean *l, struct wall_event *e)
{
    e->best = l->best;
    e->top = l->top;
    e->trials = l->n;
    for (int k = 0; k < l->top && k < WALL_BEHIND; k++)
        e->behind[e->behind_count++] = seen->entry[k]->trial;
}

/* Warns of one wall of `next`, asks or moves it, if anything leans on it. */
static void look_at_edge(struct passage *pass, const struct lean *l, int param, int side)
{
    const struct stage_end *end = pass->end;
    const struct param *p = &end->space->params[param];
    struct box *next = pass->next;
    if (pass->count == pass->room || !is_at_edge(l, side))
        return;
    struct wall_event *e = &pass->events[pass->count++];
    double trend = l->n >= TREND_POINTS ? side * rank_correlation(l->z, l->score, l->n) : 0;
    *e = (struct wall_event){.param = param, .side = side, .trend = trend};
    fill_event(&pass->seen, l, e);
    e->verdict = judge(p, wall_policy(p, end->study), l, side, trend, end->box->walls[param]);
    e->before = e->after = box_range(end->box, end->space, param);
    struct span moved = wall_moved(p, end->box->walls[param], side, GROWTH), kept = next->walls[param];
    if (e->verdict == WALL_GROW || e->verdict == WALL_ASK) {
        next->walls[param] = side > 0 ? (struct span){kept.lo, moved.hi} : (struct span){moved.lo, kept.hi};
        e->after = box_range(next, end->space, param);
    }
    if (e->verdict == WALL_ASK)
        next->walls[param] = kept;
    wall_event_text(end->space, e);
}

static void close_in(struct passage *pass, const struct lean *l, int param)
{
    const struct stage_end *end = pass->end;
    const struct param *p = &end->space->params[param];
    struct span wall = end->box->walls[param];
    pass->next->walls[param] = keep_three(p, closed_in(p, l, wall, end->stage.epochs), wall);
    if (pass->count == pass->room)
        return;
    struct wall_event *e = &pass->events[pass->count++];
    *e = (struct wall_event){.param = param, .verdict = WALL_SHRINK};
    fill_event(&pass->seen, l, e);
    e->before = box_range(end->box, end->space, param);
    e->after = box_range(pass->next, end->space, param);
    wall_event_text(end->space, e);
}

static void next_walls(struct passage *pass, int param)
{
    const struct stage_end *end = pass->end;
    struct lean l;
    lean_init(&l, &pass->seen, end->space, end->box, param);
    if (l.top > 0) {
        close_in(pass, &l, param);
        bool looks = wall_policy(&end->space->params[param], end->study) != BOUNDARY_OFF;
        for (int side = -1; side <= 1 && looks; side += 2)
            look_at_edge(pass, &l, param, side);
    }
    lean_fini(&l);
}

/* ---- one choice ---- */

/* Trials that had it; 0 where one of them is in the better half. */
static int tried_in_vain(const struct seen *seen, int param, int choice)
{
    int tried = 0, good = 0;
    for (int i = 0; i < seen->n; i++) {
        const struct value *v = &seen->entry[i]->point.v[param];
        bool has = v->kind == VALUE_CHOICE && v->choice == choice;
        tried += has;
        good += has && 2 * i < seen->n;
    }
    return good ? 0 : tried;
}

static void next_choices(struct passage *pass, int param)
{
    const struct space *space = pass->end->space;
    struct box *next = pass->next;
    for (int c = 0; c < space->params[param].choice_count && pass->count < pass->room; c++) {
        int tried = tried_in_vain(&pass->seen, param, c);
        if (next->dropped[param][c] || next->kept[param] <= 2 || tried < DROP_TRIALS)
            continue;
        box_drop(next, param, c);
        struct wall_event *e = &pass->events[pass->count++];
        *e = (struct wall_event){.param = param, .verdict = WALL_DROP, .choice = c, .trials = tried};
        wall_event_text(space, e);
    }
}

int stage_next_box(const struct stage_end *end, struct box *next, struct wall_event *events, int room)
{
    struct passage pass = {.end = end, .next = next, .events = events, .room = room};
    seen_init(&pass.seen, end);
    for (int i = 0; i < end->space->count; i++) {
        if (param_is_numeric(&end->space->params[i]))
            next_walls(&pass, i);
        else
            next_choices(&pass, i);
    }
    seen_fini(&pass.seen);
    return pass.count;
}

/* ---- from stage to stage ---- */

int stage_carried(const struct history *history, int epochs, int trials, uint32_t *out)
{
    size_t room = history->count + 1;
    double *score = xcalloc(room, sizeof *score);
    int *order = xcalloc(room, sizeof *order), n = 0, want = (trials + 4) / 5;
    const struct entry **alive = xcalloc(room, sizeof *alive);
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if (e->state == HISTORY_PENDING && entry_score_at(e, epochs, &score[n]))
            alive[n++] = e;
    }
    rank_best_first(score, n, order);
    int count = n < want ? n : want;
    for (int i = 0; i < count; i++)
        out[i] = alive[order[i]]->trial;
    free(score);
    free(order);
    free(alive);
    return count;
}

/* Seq from which on it was searched; UINT64_MAX: it has not begun. */
static uint64_t stage_begin(const struct history *history, int stage)
{
    for (size_t b = 0; b < history->box_count; b++)
        if (history->boxes[b].stage >= stage)
            return history->boxes[b].seq;
    return UINT64_MAX;
}

bool stage_would_carry(const struct stages *stages, const struct history *history, uint32_t trial, int until)
{
    const struct entry *own = history_find(history, trial);
    double score, other;
    int stage = stages->count - 1, better = 0;
    if (!own || !entry_score_at(own, until, &score))
        return false;
    while (stage && stages->list[stage].epochs > until)
        stage--;
    uint64_t end = stage_begin(history, stage + 1);
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        bool stands = e != own && !entry_is_warm(e) && e->state != HISTORY_GONE && e->added < end;
        if (stands && entry_score_at(e, until, &other))
            better += other > score || (other == score && e->trial < trial);
    }
    return score > -INFINITY && better < (stage_at(stages, stage + 1).trials + 4) / 5;
}

struct stage_state stages_state(const struct stages *stages, const struct history *history)
{
    const struct history_box *now = history_box(history);
    struct stage_state state = {.stage = now ? now->stage : 0};
    struct stage stage = stage_at(stages, state.stage);
    uint64_t since = 0;
    for (size_t b = 0; b < history->box_count;
         b++) /* a wall may have moved in mid-stage: its first box counts */
        if (history->boxes[b].stage == state.stage) {
            since = history->boxes[b].seq;
            break;
        }
    int under_way = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if (entry_is_warm(e))
            continue;
        state.proposed += (!since || e->added > since) && e->state != HISTORY_GONE;
        under_way += e->state == HISTORY_PENDING && e->epochs < stage.epochs;
    }
    state.wanted = stage.trials - (now ? now->carried : 0);
    state.is_over = state.proposed >= state.wanted && !under_way;
    return state;
}
