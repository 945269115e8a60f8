#include "master/course.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "master/findings.h"
#include "master/population.h"
#include "master/rungs.h"
#include "master/search/pbt.h"
#include "master/search/stages.h"
#include "master/search/walls.h"

enum { INSERTED_STAGES_MAX = 8 }; /* a wall that still moves after so many is a metric without an optimum */

/* ---- boxes as rows ---- */

/* {"lr":{"low":1e-4,"high":0.01,"t":[-9.2,-4.6]},"optimizer":{"keep":["adam"]}}: low and high are for people, t is
 * exact. */
static char *write_box(const struct space *space, const struct box *box)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        jw_object(&w, p->name);
        if (p->dist == DIST_CHOICE) {
            jw_array(&w, "keep");
            for (int c = 0; c < p->choice_count; c++)
                if (!box->dropped[i][c])
                    jw_text(&w, NULL, p->choices[c].text);
            jw_close_array(&w);
        } else {
            struct span range = box_range(box, space, i);
            jw_num(&w, "low", range.lo);
            jw_num(&w, "high", range.hi);
            jw_array(&w, "t");
            jw_num(&w, NULL, box->walls[i].lo);
            jw_num(&w, NULL, box->walls[i].hi);
            jw_close_array(&w);
        }
        jw_close_object(&w);
    }
    jw_close_object(&w);
    return str_take(&text);
}

static bool keeps(const struct json *list, const char *choice)
{
    for (const struct json *k = json_first(list); k; k = json_next(k))
        if (strcmp(json_text(k), choice) == 0)
            return true;
    return false;
}

static int read_box(const struct space *space, const struct json *walls, struct box *box)
{
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        const struct json *wall = json_get(walls, p->name);
        if (!wall)
            return ERR_BAD;
        if (p->dist == DIST_CHOICE) {
            for (int c = 0; c < p->choice_count; c++)
                if (!keeps(json_get(wall, "keep"), p->choices[c].text) && box->kept[i] > 1)
                    box_drop(box, i, c);
            continue;
        }
        const struct json *t = json_get(wall, "t");
        if (!t || json_count(t) != 2)
            return ERR_BAD;
        box->walls[i] = (struct span){json_num(json_at(t, 0)), json_num(json_at(t, 1))};
    }
    return 0;
}

int course_load_box(struct study *s, const struct row_log *row)
{
    struct json *walls = json_parse(row->walls, strlen(row->walls), "box", NULL);
    struct box box;
    box_init(&box, &s->def.space);
    int rc = walls ? read_box(&s->def.space, walls, &box) : ERR_BAD;
    if (!rc)
        study_learn_box(s, &box, row->stage, row->carried, row->seq);
    box_fini(&box);
    json_free(walls);
    return rc;
}

static int carried_now(const struct study *s)
{
    const struct history_box *box = history_box(&s->history);
    return box ? box->carried : 0;
}

static void set_box(struct turn *turn, struct study *s, const struct box *box, int stage, int carried)
{
    char *walls = write_box(&s->def.space, box);
    struct row_box row = {.study = s->id,
                          .stage = stage,
                          .carried = carried,
                          .trials = (int)history_finished(&s->history),
                          .walls = walls,
                          .at_ms = turn->now.wall_ms};
    uint64_t seq = store_add_box(turn->store, &row);
    study_learn_box(s, box, stage, carried, seq);
    free(walls);
}

static void tell(struct turn *turn, struct study *s, const struct wall_event *e)
{
    static const char *const sides[] = {"low", "both", "high"};
    const struct param *p = &s->def.space.params[e->param];
    struct str behind = {0};
    struct jw w = jw_to(&behind);
    jw_array(&w, NULL);
    for (int i = 0; i < e->behind_count; i++)
        if (!(e->behind[i] & HISTORY_WARM))
            jw_int(&w, NULL, e->behind[i]);
    jw_close_array(&w);
    struct row_box_event row = {
        .study = s->id,
        .stage = study_stage(s),
        .param = p->name,
        .side = sides[e->side + 1],
        .verdict = wall_verdict_name(e->verdict),
        .best = e->best,
        .lean = e->lean,
        .slope = e->slope,
        .trend = e->trend,
        .top = e->top,
        .trials = (int)history_finished(&s->history),
        .before_low = e->before.lo,
        .before_high = e->before.hi,
        .after_low = e->after.lo,
        .after_high = e->after.hi,
        .choice = e->verdict == WALL_DROP ? p->choices[e->choice].text : NULL,
        .behind = str_text(&behind),
        .text = e->text,
    };
    store_add_box_event(turn->store, &row, turn->now.wall_ms);
    log_note("%s: %s", s->def.name, e->text);
    str_fini(&behind);
}

/* ---- walls, every few results ---- */

static bool same_event(const struct wall_event *e, const struct study *s)
{
    return s->told_verdict &&
           s->told_verdict[e->param * 2 + (e->side > 0)] == (unsigned char)(e->verdict + 1);
}

/* A warning is told once, until the verdict changes; a move is always told. */
static void remember_told(struct study *s, const struct wall_event *e)
{
    if (!s->told_verdict)
        s->told_verdict = xcalloc((size_t)s->def.space.count * 2 + 1, 1);
    s->told_verdict[e->param * 2 + (e->side > 0)] = (unsigned char)(e->verdict + 1);
}

static bool look(struct turn *turn, struct study *s)
{
    int room = s->def.space.count * 2;
    struct wall_event *events = xcalloc((size_t)room + 1, sizeof *events);
    struct box box, next;
    history_box_clone(&s->history, &s->def.space, &box);
    box_clone(&next, &box, &s->def.space);
    int count =
        walls_look(&s->def.space, search_walls(&s->def.search), &s->history, &box, &next, events, room);
    for (int i = 0; i < count; i++) {
        if (events[i].verdict != WALL_GROW && same_event(&events[i], s))
            continue;
        tell(turn, s, &events[i]);
        remember_told(s, &events[i]);
    }
    findings_edges(turn, s);
    bool moved = !box_equal(&box, &next, &s->def.space);
    if (moved)
        set_box(turn, s, &next, study_stage(s), carried_now(s));
    box_fini(&box);
    box_fini(&next);
    free(events);
    return moved;
}

/* No further than limits that are new; where nothing is left of it, the parameter's own range. */
static struct span within_reach(const struct param *before, const struct param *after, struct span wall)
{
    struct span was = param_reach(before), is = param_reach(after);
    if (was.lo == is.lo && was.hi == is.hi)
        return wall;
    struct span cut = {fmax(wall.lo, param_scale(after, is.lo)), fmin(wall.hi, param_scale(after, is.hi))};
    return cut.lo < cut.hi ? cut : after->box;
}

void course_follow_ranges(const struct space *before, const struct space *after, struct box *box)
{
    for (int i = 0; i < after->count; i++) {
        const struct param *was = &before->params[i], *is = &after->params[i];
        if (!param_is_numeric(is) || is->dist == DIST_VALUES)
            continue;
        bool is_new = was->box.lo != is->box.lo || was->box.hi != is->box.hi;
        box->walls[i] = is_new ? is->box : within_reach(was, is, box->walls[i]);
    }
}

void course_ranges_changed(struct turn *turn, struct study *s, const struct space *before)
{
    struct box box, now;
    if (!history_box(&s->history))
        return; /* the space's own box is the new one already */
    history_box_clone(&s->history, &s->def.space, &now);
    box_clone(&box, &now, &s->def.space);
    course_follow_ranges(before, &s->def.space, &box);
    if (!box_equal(&box, &now, &s->def.space))
        set_box(turn, s, &box, study_stage(s), carried_now(s));
    box_fini(&box);
    box_fini(&now);
}

/* ---- stages ---- */

static void end_stage_of_trials(struct turn *turn, struct study *s, int until, const uint32_t *carried,
                                int count)
{
    for (size_t i = 0; i < s->count; i++) {
        struct trial *t = s->trials[i];
        if (t->status != TRIAL_paused)
            continue;
        bool goes_on = false;
        for (int c = 0; c < count && !goes_on; c++)
            goes_on = carried[c] == t->number;
        if (!goes_on) {
            trial_move(turn, t, TRIAL_pruned, "stage", NULL);
            continue;
        }
        trial_let_run(turn, t, until, "");
    }
}

static bool still_grows(const struct wall_event *events, int count)
{
    for (int i = 0; i < count; i++)
        if (events[i].verdict == WALL_GROW)
            return true;
    return false;
}

static bool end_stage(struct turn *turn, struct study *s, const struct stages *stages, int stage)
{
    int room = s->def.space.count * 3;
    struct wall_event *events = xcalloc((size_t)room + 1, sizeof *events);
    struct stage before = stage_at(stages, stage), after = stage_at(stages, stage + 1);
    struct box box, next;
    history_box_clone(&s->history, &s->def.space, &box);
    box_clone(&next, &box, &s->def.space);
    struct stage_end end = {&s->def.space, s->def.search.boundary, &s->history, &box, before};
    int count = stage_next_box(&end, &next, events, room);
    for (int i = 0; i < count; i++)
        tell(turn, s, &events[i]);
    findings_edges(turn, s);
    bool last = stage + 1 >= stages->count;
    bool goes_on = !last || (still_grows(events, count) && stage + 1 < stages->count + INSERTED_STAGES_MAX);
    if (goes_on) {
        uint32_t *carried = xcalloc((size_t)after.trials / 5 + 2, sizeof *carried);
        int carried_count = stage_carried(&s->history, before.epochs, after.trials, carried);
        set_box(turn, s, &next, stage + 1, carried_count);
        end_stage_of_trials(turn, s, after.epochs, carried, carried_count);
        log_note("%s: stage %d of %d: %d trials of %d epochs, %d of them go on from the stage before",
                 s->def.name, stage + 2, stages->count > stage + 1 ? stages->count : stage + 2, after.trials,
                 after.epochs, carried_count);
        free(carried);
    }
    box_fini(&box);
    box_fini(&next);
    free(events);
    return goes_on;
}

/* Failed or cancelled when its stage ended, tried again since, and now where that stage let it run: it is held against those
 * of that stage, and goes on to where the others are only if it would have gone on then. */
static bool judge_late(struct turn *turn, struct study *s, const struct stages *stages, int until)
{
    bool any = false;
    for (size_t i = 0; i < s->count && s->counts[TRIAL_paused]; i++) {
        struct trial *t = s->trials[i];
        if (t->status != TRIAL_paused || t->until >= until)
            continue;
        if (stage_would_carry(stages, &s->history, t->number, t->until))
            trial_let_run(turn, t, until, "");
        else
            trial_move(turn, t, TRIAL_pruned, "stage", NULL);
        any = true;
    }
    return any;
}

/* ---- each turn ---- */

bool course_step(struct turn *turn, struct study *s)
{
    const struct stages *stages = stages_of(&s->def.search);
    if (stages) {
        struct stage_state state = stages_state(stages, &s->history);
        /* Its last epoch is told before its end is: a trial of this stage may still be running. */
        bool quiet = !s->counts[TRIAL_running] && !s->counts[TRIAL_waiting];
        if (!state.is_over && quiet)
            return judge_late(turn, s, stages, stage_at(stages, state.stage).epochs);
        if (!state.is_over || !quiet || s->course_done)
            return false;
        bool went_on = end_stage(turn, s, stages, state.stage);
        s->course_done = !went_on;
        return went_on;
    }
    if (rungs_drop(turn, s) || population_step(turn, s))
        return true;
    size_t finished = history_finished(&s->history);
    if (!walls_due(s->looked_at, finished))
        return false;
    s->looked_at = finished;
    return look(turn, s);
}

/* ---- approve ---- */

struct approving {
    struct study *study;
    struct box *box;
    const char *param;
    uint64_t *seqs;
    size_t count, room;
};

void course_widen(const struct param *p, const char *side, double low, double high, struct span *wall)
{
    if (strcmp(side, "low") == 0)
        wall->lo = fmin(wall->lo, param_scale(p, low));
    else
        wall->hi = fmax(wall->hi, param_scale(p, high));
}

static int approve_one(void *arg, uint64_t seq, const char *param, const char *side, double low, double high)
{
    struct approving *a = arg;
    const struct space *space = &a->study->def.space;
    int i = space_find(space, param);
    if (i < 0 || (a->param && a->param[0] && strcmp(a->param, param) != 0))
        return 0;
    course_widen(&space->params[i], side, low, high, &a->box->walls[i]);
    GROW(a->seqs, a->room, a->count + 1);
    a->seqs[a->count++] = seq;
    return 0;
}

/* Replay must know that this box was a person's doing, and which events it was made from. */
static void note_approval(struct turn *turn, const struct approving *a, const char *who)
{
    struct str seqs = {0};
    struct jw w = jw_to(&seqs);
    jw_array(&w, NULL);
    for (size_t i = 0; i < a->count; i++)
        jw_int(&w, NULL, (int64_t)a->seqs[i]);
    jw_close_array(&w);
    struct row_study_event row = {.study = a->study->id,
                                  .event = "approve",
                                  .path = a->param && a->param[0] ? a->param : NULL,
                                  .after = str_text(&seqs),
                                  .who = who,
                                  .at_ms = turn->now.wall_ms};
    store_add_study_event(turn->store, &row);
    str_fini(&seqs);
}

int course_approve(struct turn *turn, struct study *s, const char *param, const char *who)
{
    struct box box;
    history_box_clone(&s->history, &s->def.space, &box);
    struct approving a = {.study = s, .box = &box, .param = param};
    store_load_asked(turn->store, s->id, approve_one, &a, NULL);
    for (size_t i = 0; i < a.count; i++)
        store_box_event_approved(turn->store, a.seqs[i], turn->now.wall_ms);
    if (a.count) {
        note_approval(turn, &a, who);
        set_box(turn, s, &box, study_stage(s), carried_now(s));
    }
    box_fini(&box);
    free(a.seqs);
    return (int)a.count;
}
