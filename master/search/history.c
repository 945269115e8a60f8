#include "master/search/history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"

static void entry_fini(struct entry *entry)
{
    point_fini(&entry->point);
    free(entry->log);
    free(entry->log_more);
    free(entry->fit);
}

void history_fini(struct history *history)
{
    for (size_t i = 0; i < history->count && !history->is_borrowed; i++)
        entry_fini(&history->entries[i]);
    for (size_t i = 0; i < history->box_count && !history->is_borrowed; i++)
        box_fini(&history->boxes[i].box);
    if (!history->is_borrowed)
        free(history->boxes);
    free(history->entries);
    *history = (struct history){0};
}

/* Warm entries come before trial 1. */
static uint32_t order_of(uint32_t trial)
{
    return trial ^ HISTORY_WARM;
}

/* Where a trial is, or where it would have to go. Nearly always at the end: numbers rise. */
static size_t place_of(const struct history *history, uint32_t trial)
{
    size_t lo = 0, hi = history->count;
    if (hi && order_of(history->entries[hi - 1].trial) < order_of(trial))
        return hi;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (order_of(history->entries[middle].trial) < order_of(trial))
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static struct entry *entry_of(const struct history *history, uint32_t trial)
{
    size_t at = place_of(history, trial);
    bool found = at < history->count && history->entries[at].trial == trial;
    return found ? &history->entries[at] : NULL;
}

const struct entry *history_find(const struct history *history, uint32_t trial)
{
    return entry_of(history, trial);
}

static void rechain(struct history *history, size_t from)
{
    for (size_t i = from; i < history->count; i++) {
        struct entry *entry = &history->entries[i];
        entry->chain = hash_mix(i ? entry[-1].chain : 0, hash_mix(entry->trial, entry->hash));
    }
}

static void note_seq(struct history *history, uint64_t seq)
{
    if (seq > history->seq)
        history->seq = seq;
}

/* Entry `at` is new or another than it was. */
static void note_pending(struct history *history, size_t at)
{
    if (at < history->over)
        history->over = at;
    while (history->over < history->count && history->entries[history->over].state != HISTORY_PENDING)
        history->over++;
}

static void note_change(struct history *history, uint32_t trial)
{
    history->changed[history->changes++ % HISTORY_CHANGED] = trial;
}

void history_add(struct history *history, uint32_t trial, uint32_t group, const struct point *point,
                 const double *fit, int fit_count, uint64_t seq)
{
    PRE(!history->is_borrowed && fit_count >= 0);
    PRE(!entry_of(history, trial));
    size_t at = place_of(history, trial);
    GROW(history->entries, history->room, history->count + 1);
    memmove(&history->entries[at + 1], &history->entries[at],
            (history->count - at) * sizeof *history->entries);
    history->count++;
    struct entry *entry = &history->entries[at];
    *entry = (struct entry){.trial = trial, .group = group, .added = seq, .seq = seq, .score = -INFINITY};
    point_clone(&entry->point, point);
    entry->hash = point_hash(point);
    rechain(history, at);
    if (fit_count) {
        entry->fit = xcalloc((size_t)fit_count, sizeof *fit);
        memcpy(entry->fit, fit, (size_t)fit_count * sizeof *fit);
        entry->fit_count = fit_count;
    }
    note_seq(history, seq);
    note_pending(history, at);
    note_change(history, trial);
}

static bool is_finished(const struct entry *entry)
{
    return entry->state == HISTORY_SCORED || entry->state == HISTORY_BAD;
}

static void show_step(struct entry *entry, const struct history_step *step, const double more[HISTORY_MORE])
{
    entry->state = (enum history_state)step->state;
    entry->pruned = step->pruned;
    entry->epochs = step->epochs;
    entry->until = step->until;
    entry->score = step->score;
    memcpy(entry->more, more, sizeof entry->more);
    entry->seq = step->seq;
}

/* Both on the way with the same end in sight. */
static bool is_alike(const struct history_step *a, const struct history_step *b)
{
    return a->state == HISTORY_PENDING && b->state == HISTORY_PENDING && a->until == b->until;
}

/* Without the newest step entry_score_at says the same of every epoch once `next` is there: it is as far as `next`, or
 * stands amid epochs of one score. */
static bool is_spare(const struct entry *entry, const struct history_step *next)
{
    size_t count = entry->log_count;
    if (!count || !is_alike(&entry->log[count - 1], next))
        return false;
    const struct history_step *newest = &entry->log[count - 1];
    if (newest->epochs == next->epochs)
        return true;
    const struct history_step *before = count > 1 ? &entry->log[count - 2] : NULL;
    return before && is_alike(before, newest) && before->score == newest->score &&
           newest->score == next->score;
}

static void make_room(const struct history *history, struct entry *entry)
{
    size_t room = entry->log_room, more_room = room;
    GROW(entry->log, room, entry->log_count + 1);
    if (!history->is_lean)
        GROW(entry->log_more, more_room, entry->log_count + 1);
    entry->log_room = room;
}

/* A trial that has ended has no use for the room to grow. */
static void shrink(struct entry *entry)
{
    if (entry->log_room == entry->log_count)
        return;
    entry->log_room = entry->log_count;
    entry->log = xrealloc(entry->log, entry->log_room * sizeof *entry->log);
}

static void add_step(struct history *history, struct entry *entry, struct history_step step,
                     const double more[HISTORY_MORE])
{
    PRE(!history->is_borrowed && step.seq >= entry->seq);
    if (history->is_lean && is_spare(entry, &step))
        entry->log_count--;
    make_room(history, entry);
    if (!history->is_lean)
        memcpy(entry->log_more[entry->log_count], more, sizeof *entry->log_more);
    entry->log[entry->log_count++] = step;
    history->finished -= is_finished(entry);
    show_step(entry, &step, more);
    history->finished += is_finished(entry);
    note_seq(history, step.seq);
    note_pending(history, (size_t)(entry - history->entries));
    note_change(history, entry->trial);
    if (history->is_lean && step.state != HISTORY_PENDING)
        shrink(entry);
}

static const double no_more[HISTORY_MORE];

void history_update(struct history *history, uint32_t trial, enum history_state state, bool pruned,
                    int epochs, double score, uint64_t seq)
{
    struct entry *entry = entry_of(history, trial);
    PRE(entry && !isnan(score) && epochs >= 0);
    if (state == HISTORY_BAD)
        score = -INFINITY;
    add_step(history, entry,
             (struct history_step){.seq = seq,
                                   .state = state,
                                   .pruned = pruned,
                                   .epochs = epochs,
                                   .until = entry->until,
                                   .score = score},
             no_more);
}

void history_set_more(struct history *history, uint32_t trial, const double more[HISTORY_MORE])
{
    struct entry *entry = entry_of(history, trial);
    PRE(entry && entry->log_count && !history->is_borrowed);
    memcpy(entry->more, more, sizeof entry->more);
    if (!history->is_lean)
        memcpy(entry->log_more[entry->log_count - 1], more, sizeof *entry->log_more);
}

void history_set_until(struct history *history, uint32_t trial, int until, uint64_t seq)
{
    struct entry *entry = entry_of(history, trial);
    PRE(entry && until > 0);
    struct history_step step = {.seq = seq,
                                .state = entry->state,
                                .pruned = entry->pruned,
                                .epochs = entry->epochs,
                                .until = until,
                                .score = entry->score};
    double more[HISTORY_MORE];
    memcpy(more, entry->more, sizeof more);
    add_step(history, entry, step, more);
}

void history_remove(struct history *history, uint32_t trial)
{
    struct entry *entry = entry_of(history, trial);
    PRE(entry && !history->is_borrowed);
    history->finished -= is_finished(entry);
    note_change(history, trial);
    entry_fini(entry);
    size_t at = (size_t)(entry - history->entries);
    memmove(entry, entry + 1, (--history->count - at) * sizeof *entry);
    note_pending(history, at);
    rechain(history, at);
}

void history_set_box(struct history *history, const struct space *space, const struct box *box, int stage,
                     int carried, uint64_t seq)
{
    const struct history_box *last = history_box(history);
    PRE(!history->is_borrowed && (!last || last->seq <= seq));
    GROW(history->boxes, history->box_room, history->box_count + 1);
    struct history_box *made = &history->boxes[history->box_count++];
    *made = (struct history_box){.seq = seq, .stage = stage, .carried = carried};
    box_clone(&made->box, box, space);
    note_seq(history, seq);
}

const struct history_box *history_box(const struct history *history)
{
    return history->box_count ? &history->boxes[history->box_count - 1] : NULL;
}

void history_box_clone(const struct history *history, const struct space *space, struct box *out)
{
    const struct history_box *now = history_box(history);
    if (now)
        box_clone(out, &now->box, space);
    else
        box_init(out, space);
}

void history_show(struct history *view, const struct entry *entry, size_t steps)
{
    PRE(view->is_borrowed && steps <= entry->log_count && (!steps || entry->log_more));
    const struct history_step fresh = {.seq = entry->added, .score = -INFINITY};
    size_t at = place_of(view, entry->trial);
    bool is_new = at == view->count || view->entries[at].trial != entry->trial;
    GROW(view->entries, view->room, view->count + is_new);
    struct entry *then = &view->entries[at];
    if (is_new)
        memmove(then + 1, then, (view->count++ - at) * sizeof *then);
    else
        view->finished -= is_finished(then);
    uint64_t chain = then->chain;
    *then = *entry;
    then->chain = chain;
    then->log_count = steps;
    show_step(then, steps ? &entry->log[steps - 1] : &fresh, steps ? entry->log_more[steps - 1] : no_more);
    view->finished += is_finished(then);
    if (is_new)
        rechain(view, at);
    note_pending(view, at);
}

void history_as_of(const struct history *history, uint64_t seq, struct history *view)
{
    PRE(!history->is_lean);
    *view = (struct history){.is_borrowed = true, .seq = seq < history->seq ? seq : history->seq};
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *entry = &history->entries[i];
        size_t steps = entry->log_count;
        while (steps && entry->log[steps - 1].seq > seq)
            steps--;
        if (entry->added <= seq)
            history_show(view, entry, steps);
    }
    view->boxes = history->boxes;
    while (view->box_count < history->box_count && history->boxes[view->box_count].seq <= seq)
        view->box_count++;
}

bool history_has_point(const struct history *history, const struct point *point)
{
    uint64_t hash = point_hash(point);
    for (size_t i = 0; i < history->count; i++)
        if (history->entries[i].hash == hash && point_equal(&history->entries[i].point, point))
            return true;
    return false;
}

bool entry_score_at(const struct entry *entry, int epochs, double *score)
{
    int reached = 0;
    bool passed = false;
    *score = -INFINITY;
    for (size_t i = 0; i < entry->log_count; i++) {
        const struct history_step *step = &entry->log[i];
        bool was_tried_again = i + 1 < entry->log_count && entry->log[i + 1].state == HISTORY_PENDING;
        if (step->state == HISTORY_BAD && was_tried_again)
            continue;
        if (step->state == HISTORY_BAD) {
            *score = passed ? *score : -INFINITY;
            return true;
        }
        passed |= step->epochs >= epochs;
        if (step->epochs <= epochs && step->epochs >= reached) {
            reached = step->epochs;
            *score = step->score;
        }
    }
    return passed;
}

size_t history_finished(const struct history *history)
{
    return history->finished;
}

bool entry_is_paused(const struct entry *entry)
{
    return entry->state == HISTORY_PENDING && entry->until > 0 && entry->epochs >= entry->until &&
           entry->score > -INFINITY;
}

bool history_has_rungs(const struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        bool went_on = e->log_count && e->log[0].until > 0 && e->log[0].until < e->until;
        if (went_on || entry_is_paused(e))
            return true;
    }
    return false;
}

size_t history_results(const struct history *history)
{
    size_t count = history_finished(history);
    for (size_t i = 0; i < history->count; i++)
        count += entry_is_paused(&history->entries[i]);
    return count;
}

size_t history_pending(const struct history *history)
{
    size_t count = 0;
    for (size_t i = 0; i < history->count; i++)
        count += history->entries[i].state == HISTORY_PENDING;
    return count;
}
