/* Boxes and what was seen at their walls: the decision that a look, or the end of a stage, comes to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/course.h"
#include "master/replay_parts.h"
#include "master/search/stages.h"
#include "master/search/walls.h"

/* The decision that a look, or the end of a stage, comes to at this point of the history. */
struct decision {
    const struct history *view;
    struct box box, next;
    struct wall_event *events;
    int count;
};

static void decide(struct replay *r, uint64_t before, struct decision *d)
{
    const struct era *era = eras_at(&r->eras, before);
    const struct space *space = &era->def.space;
    const struct stages *stages = stages_of(&era->def.search);
    int room = space->count * 3;
    *d = (struct decision){.view = retrace_to(&r->past, before),
                           .events = xcalloc((size_t)room + 1, sizeof *d->events)};
    history_box_clone(d->view, space, &d->box);
    box_clone(&d->next, &d->box, space);
    const struct history_box *now = history_box(d->view);
    struct stage_end end = {space, era->def.search.boundary, d->view, &d->box, {0}};
    if (stages) {
        end.stage = stage_at(stages, now ? now->stage : 0);
        d->count = stage_next_box(&end, &d->next, d->events, room);
    } else
        d->count =
            walls_look(space, search_walls(&era->def.search), d->view, &d->box, &d->next, d->events, room);
}

static void decision_fini(struct decision *d)
{
    box_fini(&d->box);
    box_fini(&d->next);
    free(d->events);
}

static const char *side_name(int side)
{
    return side > 0 ? "high" : side < 0 ? "low" : "both";
}

static bool same_seen(const struct seen_event *a, const struct wall_event *b, bool exact)
{
    /* Some of these are infinite now and then, which the store has no word for. */
    double pairs[][2] = {{a->best, b->best},
                         {a->lean, b->lean},
                         {a->slope, b->slope},
                         {a->trend, b->trend},
                         {a->before_low, b->before.lo},
                         {a->before_high, b->before.hi},
                         {a->after_low, b->after.lo},
                         {a->after_high, b->after.hi}};
    bool same = a->top == b->top;
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        same = same && replay_near(pairs[i][0], isfinite(pairs[i][1]) ? pairs[i][1] : NAN, exact);
    return same;
}

int replay_event(struct replay *r, const struct seen_event *e, bool exact)
{
    const struct space *space = &r->study->def.space;
    struct decision d;
    bool found = false;
    decide(r, e->seq - 1, &d);
    for (int i = 0; i < d.count && !found; i++) {
        const struct wall_event *w = &d.events[i];
        found = strcmp(space->params[w->param].name, e->param) == 0 &&
                strcmp(side_name(w->side), e->side) == 0 &&
                strcmp(wall_verdict_name(w->verdict), e->verdict) == 0 && same_seen(e, w, exact);
    }
    decision_fini(&d);
    r->report->events++;
    return found ? 0
                 : err_set(r->err, ERR_NO,
                           "%s: the event of %s, %s wall, \"%s\" (seq %llu) is not what its history gives",
                           r->report->study, e->param, e->side, e->verdict, (unsigned long long)e->seq);
}

/* A box that somebody approved: the one before it, and the walls of the events he said yes to. */
static void widen(const struct replay *r, const struct approved *a, struct box *box)
{
    const struct space *space = &r->study->def.space;
    struct json *seqs = json_parse(a->events, strlen(a->events), "approve", NULL);
    for (const struct json *n = seqs ? json_first(seqs) : NULL; n; n = json_next(n))
        for (size_t i = 0; i < r->event_count; i++) {
            const struct seen_event *e = &r->events[i];
            int p = space_find(space, e->param);
            if ((double)e->seq == json_num(n) && p >= 0)
                course_widen(&space->params[p], e->side, e->after_low, e->after_high, &box->walls[p]);
        }
    json_free(seqs);
}

static bool same_box(const struct box *a, const struct box *b, const struct space *space, bool exact)
{
    if (exact || box_equal(a, b, space))
        return box_equal(a, b, space);
    bool same = true;
    for (int i = 0; i < space->count; i++) {
        bool numeric = param_is_numeric(&space->params[i]);
        same = same && (!numeric || (replay_near(a->walls[i].lo, b->walls[i].lo, false) &&
                                     replay_near(a->walls[i].hi, b->walls[i].hi, false)));
        for (int c = 0; !numeric && c < space->params[i].choice_count; c++)
            same = same && a->dropped[i][c] == b->dropped[i][c];
    }
    return same;
}

static const struct approved *approval_before(const struct replay *r, uint64_t seq)
{
    for (size_t i = 0; i < r->approved_count; i++)
        if (r->approved[i].seq + 1 == seq)
            return &r->approved[i];
    return NULL;
}

static bool is_carried(const uint32_t *carried, int count, uint32_t trial)
{
    for (int i = 0; i < count; i++)
        if (carried[i] == trial)
            return true;
    return false;
}

/* The moves of a stage's end stand right behind its box, one seq after the other. */
static int check_moves(struct replay *r, const struct history_box *box, const uint32_t *carried, int count)
{
    uint64_t seq = box->seq;
    for (size_t i = 0; i < r->moved_count; i++) {
        const struct moved *m = &r->moved[i];
        bool promoted = strcmp(m->cause, "promoted") == 0, given_up = strcmp(m->cause, "stage") == 0;
        if (m->seq != seq + 1 || !(promoted || given_up))
            continue;
        seq++;
        r->report->moves++;
        if (is_carried(carried, count, m->trial) != promoted)
            return err_set(r->err, ERR_NO,
                           "%s/%u: stage %d ended with this trial %s, recomputed otherwise (seq %llu)",
                           r->report->study, m->trial, box->stage, promoted ? "carried on" : "given up",
                           (unsigned long long)seq);
    }
    return 0;
}

static int check_stage(struct replay *r, const struct history_box *box, const struct decision *d)
{
    const struct stages *stages = stages_of(&eras_at(&r->eras, box->seq)->def.search);
    int before = history_box(d->view) ? history_box(d->view)->stage : 0;
    if (!stages || box->stage == before)
        return 0;
    int trials = stage_at(stages, box->stage).trials;
    uint32_t *carried = xcalloc((size_t)trials / 5 + 2, sizeof *carried);
    int count = stage_carried(d->view, stage_at(stages, before).epochs, trials, carried);
    int rc = count == box->carried
                 ? check_moves(r, box, carried, count)
                 : err_set(r->err, ERR_NO, "%s: %d trials were carried into stage %d, recomputed %d",
                           r->report->study, box->carried, box->stage + 1, count);
    free(carried);
    return rc;
}

int replay_box(struct replay *r, const struct history_box *box, bool exact)
{
    const struct approved *approved = approval_before(r, box->seq);
    const struct space *space = &eras_at(&r->eras, box->seq)->def.space;
    const struct era *era = eras_at(&r->eras, box->seq);
    bool edited = era->from && era->from + 1 == box->seq;
    struct decision d;
    decide(r, box->seq - 1, &d);
    if (approved)
        widen(r, approved, &d.box);
    else if (edited)
        course_follow_ranges(&era[-1].def.space, space, &d.box);
    bool same = same_box(&box->box, approved || edited ? &d.box : &d.next, space, exact);
    int rc = same ? check_stage(r, box, &d)
                  : err_set(r->err, ERR_NO, "%s: the box of seq %llu is not what its history gives",
                            r->report->study, (unsigned long long)box->seq);
    decision_fini(&d);
    r->report->boxes++;
    return rc;
}
