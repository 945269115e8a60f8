#include "master/replay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "master/course.h"
#include "master/eras.h"
#include "master/extra.h"
#include "master/past.h"
#include "master/platform.h"
#include "master/search/given.h"
#include "master/search/pbt.h"
#include "master/search/stages.h"
#include "master/search/walls.h"

static const double elsewhere_eps = 1e-9;

/* What a trial's row says of its proposal. */
struct made {
    uint32_t trial;
    char sampler[32], platform[128];
    int version;
    uint64_t cut;
    char *given; /* JSON of what somebody named of it; NULL: sampled */
};

struct seen_event {
    uint64_t seq;
    char param[PARAM_NAME], side[8], verdict[16];
    double best, lean, slope, trend, before_low, before_high, after_low, after_high;
    int top, trials;
};

/* A trial's way: what became of it when, and what a pruning decision says it saw. */
struct moved {
    uint64_t seq;
    uint32_t trial;
    enum trial_status to;
    char cause[16];
    uint64_t seen; /* newest seq of the history it was decided from; 0: decided otherwise */
    int epoch, until;
    bool more; /* further trials could come */
};

struct approved {
    uint64_t seq; /* of the approval */
    char *events; /* JSON list of the box_events */
};

struct replay {
    struct study *study;
    struct eras eras;
    struct made *made;
    struct seen_event *events;
    struct moved *moved;
    struct approved *approved;
    size_t made_count, made_room, event_count, event_room, moved_count, moved_room, approved_count,
        approved_room;
    struct replay_report *report;
    struct err *err;
};

/* ---- reading ---- */

static int read_made(void *arg, const struct row_trial *row, const struct row_value *values, int count)
{
    struct replay *r = arg;
    (void)values, (void)count;
    GROW(r->made, r->made_room, r->made_count + 1);
    struct made *m = &r->made[r->made_count++];
    *m = (struct made){.trial = row->number, .version = row->sampler_version, .cut = row->seq_cut};
    str_copy(m->sampler, sizeof m->sampler, row->sampler);
    str_copy(m->platform, sizeof m->platform, row->platform ? row->platform : "");
    return 0;
}

static int read_event(void *arg, uint64_t seq, const struct row_box_event *row)
{
    struct replay *r = arg;
    GROW(r->events, r->event_room, r->event_count + 1);
    struct seen_event *e = &r->events[r->event_count++];
    *e = (struct seen_event){
        .seq = seq,
        .best = row->best,
        .lean = row->lean,
        .slope = row->slope,
        .trend = row->trend,
        .before_low = row->before_low,
        .before_high = row->before_high,
        .after_low = row->after_low,
        .after_high = row->after_high,
        .top = row->top,
        .trials = row->trials,
    };
    str_copy(e->param, sizeof e->param, row->param);
    str_copy(e->side, sizeof e->side, row->side);
    str_copy(e->verdict, sizeof e->verdict, row->verdict);
    return 0;
}

static uint32_t number_of(const struct study *s, int64_t id)
{
    size_t low = 0, high = s->count; /* ids rise with numbers */
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->trials[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return (uint32_t)low + 1;
}

static int read_log(void *arg, const struct row_log *row)
{
    struct replay *r = arg;
    if (row->walls || row->epoch)
        return 0;
    struct json *detail = row->detail ? json_parse(row->detail, strlen(row->detail), "detail", NULL) : NULL;
    GROW(r->moved, r->moved_room, r->moved_count + 1);
    struct moved *m = &r->moved[r->moved_count++];
    *m = (struct moved){.seq = row->seq, .trial = number_of(r->study, row->trial), .to = row->to_status};
    str_copy(m->cause, sizeof m->cause, row->cause ? row->cause : "");
    if (detail && json_get(detail, "seen")) {
        m->seen = (uint64_t)json_num(json_get(detail, "seen"));
        m->epoch = (int)json_num(json_get(detail, "epoch"));
        m->until = (int)json_num(json_get(detail, "until"));
        m->more = !json_get(detail, "more") || json_bool(json_get(detail, "more"));
    }
    if (detail && json_get(detail, "given")) {
        struct str given = {0};
        json_print(json_get(detail, "given"), &given);
        r->made[m->trial - 1].given = str_take(&given);
    }
    json_free(detail);
    return 0;
}

static int read_change(void *arg, uint64_t seq, const struct row_study_event *row)
{
    struct replay *r = arg;
    if (strcmp(row->event, "approve") != 0)
        return 0;
    GROW(r->approved, r->approved_room, r->approved_count + 1);
    r->approved[r->approved_count++] = (struct approved){seq, xstrdup(row->after)};
    return 0;
}

static int read_rows(struct replay *r, struct store *store, const char *name)
{
    char *definition = NULL;
    int rc = past_study(store, name, &r->study, &definition, r->err);
    if (rc)
        return rc;
    int64_t id = r->study->id;
    str_copy(r->report->study, sizeof r->report->study, r->study->def.name);
    rc = store_load_trials(store, id, read_made, r, r->err);
    if (!rc)
        rc = store_load_log(store, id, read_log, r, r->err);
    if (!rc)
        rc = store_load_box_events(store, id, read_event, r, r->err);
    if (!rc)
        rc = store_load_study_events(store, id, read_change, r, r->err);
    if (!rc)
        rc = eras_load(&r->eras, store, id, definition, r->err);
    free(definition);
    return rc;
}

/* ---- proposals ---- */

static bool is_here(const struct made *m)
{
    return strcmp(m->platform, platform_here()) == 0;
}

static bool near_enough(double a, double b, bool exact)
{
    if (exact || isnan(a) || isnan(b))
        return a == b || (isnan(a) && isnan(b));
    return fabs(a - b) <= elsewhere_eps * (1 + fabs(a));
}

static bool same_value(const struct param *p, struct value a, struct value b, bool exact)
{
    if (exact || a.kind != VALUE_NUM || b.kind != VALUE_NUM || a.num == b.num)
        return value_same(a, b);
    return near_enough(param_scale(p, a.num), param_scale(p, b.num), false);
}

static void say_value(const struct param *p, struct value v, char out[80])
{
    double number;
    if (v.kind == VALUE_OFF)
        str_copy(out, 80, "off");
    else if (v.kind == VALUE_CHOICE)
        str_copy(out, 80, p->choices[v.choice].text);
    else if (value_as_num(p, v, &number))
        num_text(number, out);
}

static int say_difference(struct replay *r, const struct made *m, const struct param *p, struct value stored,
                          struct value again)
{
    char before[80] = "", after[80] = "";
    say_value(p, stored, before);
    say_value(p, again, after);
    err_set(r->err, ERR_NO, "%s/%u: %s: stored %s, recomputed %s (%s version %d, history to seq %llu, %s)",
            r->report->study, m->trial, p->name, before, after, m->sampler, m->version,
            (unsigned long long)m->cut, m->platform);
    if (is_here(m))
        return ERR_NO;
    return err_hint(r->err, "it was made on another platform; this one is %s", platform_here());
}

static int compare_proposal(struct replay *r, const struct made *m, const struct trial *t,
                            const struct point *again, const struct proposal *note)
{
    const struct space *space = &r->study->def.space;
    if (strcmp(note->sampler, m->sampler) != 0 || note->version != m->version)
        return err_set(r->err, ERR_NO,
                       "%s/%u: stored as of %s version %d, recomputed by %s version %d (history to seq %llu)",
                       r->report->study, m->trial, m->sampler, m->version, note->sampler, note->version,
                       (unsigned long long)m->cut);
    for (int i = 0; i < space->count; i++)
        if (!same_value(&space->params[i], t->point.v[i], again->v[i], is_here(m)))
            return say_difference(r, m, &space->params[i], t->point.v[i], again->v[i]);
    const struct entry *entry = history_find(&r->study->history, m->trial);
    bool same = entry->fit_count == note->fit_count;
    for (int i = 0; same && i < entry->fit_count; i++)
        same = near_enough(entry->fit[i], note->fit[i], is_here(m)) || !is_here(m);
    return same ? 0
                : err_set(r->err, ERR_NO, "%s/%u: the model's fit is another one (%s version %d, %s)",
                          r->report->study, m->trial, m->sampler, m->version, m->platform);
}

/* What somebody named is an input; what he left out is computed. */
static int name_again(const struct study_def *def, const struct history *view, const struct made *m,
                      struct point *out, struct proposal *note, struct err *err)
{
    *note = (struct proposal){.sampler = "enqueued", .version = 1, .seq_cut = m->cut};
    struct json *json = json_parse(m->given, strlen(m->given), "given", err);
    struct jcur given = jcur_root(json, "given");
    int rc = json ? given_point(&def->space, view, def->search.seed, m->trial, &given, out, err) : ERR_BAD;
    json_free(json);
    return rc;
}

/* A repeat's point is its group's; that it was made is the decision. */
static int check_repeat(struct replay *r, const struct made *m)
{
    const struct trial *t = study_trial(r->study, m->trial);
    const struct repeat_def *def =
        &eras_at(&r->eras, history_find(&r->study->history, m->trial)->added)->def.repeat;
    struct history view;
    struct repeat_job job = {0};
    struct confirm_job jobs[CONFIRM_MOST];
    history_as_of(&r->study->history, m->cut, &view);
    bool same = false;
    if (strcmp(m->sampler, "repeat") == 0)
        same = repeat_next(def, &view, &job) && job.group == t->group && job.repeat == t->repeat;
    else
        for (int i = confirm_groups(def, &view, jobs); i-- > 0;)
            same = same || (jobs[i].group == t->group && t->repeat >= jobs[i].repeat &&
                            t->repeat < jobs[i].repeat + def->confirm_seeds);
    const struct trial *first = study_trial(r->study, t->group);
    same = same && first && point_equal(&first->point, &t->point);
    history_fini(&view);
    r->report->proposals++;
    return same ? 0
                : err_set(r->err, ERR_NO,
                          "%s/%u: repeat %d of trial %u (%s) is not what its history gives (seq %llu)",
                          r->report->study, m->trial, t->repeat, t->group, m->sampler,
                          (unsigned long long)m->cut);
}

/* What becomes of a trial at its generation's end, as the history to this seq gives it. False: nothing. */
static bool fate_again(const struct replay *r, uint64_t cut, uint32_t trial, struct pbt_fate *out, int *at,
                       int *until)
{
    const struct study_def *def = &eras_at(&r->eras, cut)->def;
    const struct pbt *pbt = pbt_of(&def->search);
    struct history view;
    history_as_of(&r->study->history, cut, &view);
    struct pbt_fate *fates = xcalloc(view.count + 1, sizeof *fates);
    int count = pbt ? pbt_fates(pbt, &view, def->search.seed, def->epochs, false, fates, at, until) : 0,
        i = 0;
    while (i < count && fates[i].trial != trial)
        i++;
    *out = fates[i];
    history_fini(&view);
    free(fates);
    return i < count;
}

/* A child's parent is a decision, and its point follows from the parent's. */
static int check_child(struct replay *r, const struct made *m, const struct trial *t)
{
    const struct study_def *def = &eras_at(&r->eras, m->cut)->def;
    struct proposal note = {.sampler = "pbt", .version = PBT_VERSION};
    struct pbt_fate fate;
    struct history view;
    struct point again;
    int at = 0, until = 0, rc;
    if (!fate_again(r, m->cut, t->replaced, &fate, &at, &until) || fate.parent != t->parent ||
        at != t->parent_epoch)
        return err_set(r->err, ERR_NO,
                       "%s/%u: stored as a child of trial %u at epoch %d, recomputed otherwise (seq %llu)",
                       r->report->study, m->trial, t->parent, t->parent_epoch, (unsigned long long)m->cut);
    history_as_of(&r->study->history, m->cut, &view);
    point_init(&again, &def->space);
    pbt_explore(pbt_of(&def->search), &def->space, &view, def->search.seed, m->trial,
                &study_trial(r->study, t->parent)->point, &again);
    rc = compare_proposal(r, m, t, &again, &note);
    point_fini(&again);
    history_fini(&view);
    r->report->proposals++;
    return rc;
}

/* Somebody's wish, and no decision: all it has to be is the same point. */
static int check_extra(struct replay *r, const struct made *m)
{
    const struct trial *t = study_trial(r->study, m->trial), *first = study_trial(r->study, t->group);
    r->report->proposals++;
    if (first && point_equal(&first->point, &t->point))
        return 0;
    return err_set(r->err, ERR_NO, "%s/%u: it is trial %u with another seed, and its point is another one",
                   r->report->study, m->trial, t->group);
}

static int check_proposal(struct replay *r, const struct made *m)
{
    if (strcmp(m->sampler, EXTRA_SAMPLER) == 0)
        return check_extra(r, m);
    if (study_trial(r->study, m->trial)->parent)
        return check_child(r, m, study_trial(r->study, m->trial));
    if (strcmp(m->sampler, "repeat") == 0 || strcmp(m->sampler, "confirm") == 0)
        return check_repeat(r, m);
    struct history view;
    struct point again;
    struct proposal note;
    struct err why = ERR_NONE;
    const struct trial *t = study_trial(r->study, m->trial);
    const struct era *era = eras_at(&r->eras, history_find(&r->study->history, m->trial)->added);
    history_as_of(&r->study->history, m->cut, &view);
    point_init(&again, &era->def.space);
    int rc = m->given ? name_again(&era->def, &view, m, &again, &note, &why)
                      : (sampler_forget(era->sampler),
                         sampler_propose(era->sampler, &view, m->trial, &again, &note, &why));
    if (rc)
        rc =
            err_set(r->err, ERR_NO, "%s/%u: %s version %d proposes nothing from the history to seq %llu: %s",
                    r->report->study, m->trial, m->sampler, m->version, (unsigned long long)m->cut, why.text);
    else
        rc = compare_proposal(r, m, t, &again, &note);
    point_fini(&again);
    history_fini(&view);
    r->report->proposals++;
    if (is_here(m))
        return rc;
    if (!r->report->elsewhere++)
        str_copy(r->report->platform, sizeof r->report->platform, m->platform);
    return rc;
}

/* ---- boxes and what was seen at their walls ---- */

/* The decision that a look, or the end of a stage, comes to at this point of the history. */
struct decision {
    struct history view;
    struct box box, next;
    struct wall_event *events;
    int count;
};

static void decide(const struct replay *r, uint64_t before, struct decision *d)
{
    const struct era *era = eras_at(&r->eras, before);
    const struct space *space = &era->def.space;
    const struct stages *stages = stages_of(&era->def.search);
    int room = space->count * 3;
    *d = (struct decision){.events = xcalloc((size_t)room + 1, sizeof *d->events)};
    history_as_of(&r->study->history, before, &d->view);
    history_box_clone(&d->view, space, &d->box);
    box_clone(&d->next, &d->box, space);
    const struct history_box *now = history_box(&d->view);
    if (stages)
        d->count = stage_next_box(space, era->def.search.boundary, &d->view, &d->box,
                                  stage_at(stages, now ? now->stage : 0), &d->next, d->events, room);
    else
        d->count =
            walls_look(space, search_walls(&era->def.search), &d->view, &d->box, &d->next, d->events, room);
}

static void decision_fini(struct decision *d)
{
    history_fini(&d->view);
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
        same = same && near_enough(pairs[i][0], isfinite(pairs[i][1]) ? pairs[i][1] : NAN, exact);
    return same;
}

static int check_event(struct replay *r, const struct seen_event *e, bool exact)
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
        same = same && (!numeric || (near_enough(a->walls[i].lo, b->walls[i].lo, false) &&
                                     near_enough(a->walls[i].hi, b->walls[i].hi, false)));
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
    int before = history_box(&d->view) ? history_box(&d->view)->stage : 0;
    if (!stages || box->stage == before)
        return 0;
    int trials = stage_at(stages, box->stage).trials;
    uint32_t *carried = xcalloc((size_t)trials / 5 + 2, sizeof *carried);
    int count = stage_carried(&d->view, stage_at(stages, before).epochs, trials, carried);
    int rc = count == box->carried
                 ? check_moves(r, box, carried, count)
                 : err_set(r->err, ERR_NO, "%s: %d trials were carried into stage %d, recomputed %d",
                           r->report->study, box->carried, box->stage + 1, count);
    free(carried);
    return rc;
}

static int check_box(struct replay *r, const struct history_box *box, bool exact)
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

/* ---- rungs and curves ---- */

/* Which trials were complete when this seq was the newest. */
static bool *complete_at(const struct replay *r, uint64_t seq)
{
    bool *complete = xcalloc(r->study->count + 1, sizeof *complete);
    for (size_t i = 0; i < r->moved_count && r->moved[i].seq <= seq; i++)
        complete[r->moved[i].trial] =
            r->moved[i].to == TRIAL_complete && strcmp(r->moved[i].cause, "deleted") != 0;
    return complete;
}

/* The rule that stops a trial by its curve, from the curves of that moment; NULL: none. */
static const char *stops_again(const struct replay *r, const struct moved *m, const struct study_def *def,
                               const struct history *view)
{
    const struct study *s = r->study;
    struct curve *finished = xcalloc(s->count + 1, sizeof *finished);
    struct str *turned = xcalloc(s->count + 1, sizeof *turned);
    bool *complete = complete_at(r, m->seq);
    int count = 0;
    for (uint32_t n = 1; n <= s->count; n++)
        if (complete[n] && !study_trial(s, n)->is_extra)
            finished[count++] =
                course_curve(def, study_trial(s, n), study_trial(s, n)->last_epoch, &turned[n - 1]);
    struct curve mine = course_curve(def, study_trial(s, m->trial), m->epoch, &turned[s->count]);
    const char *cause = course_verdict(def, view, m->trial, mine, finished, count);
    for (size_t i = 0; i <= s->count; i++)
        str_fini(&turned[i]);
    free(turned);
    free(finished);
    free(complete);
    return cause;
}

static int check_fate(struct replay *r, const struct moved *m)
{
    struct pbt_fate fate;
    int at, until;
    bool goes_on = m->to == TRIAL_waiting;
    if (fate_again(r, m->seen, m->trial, &fate, &at, &until) && goes_on == !fate.parent &&
        (!goes_on || until == m->until))
        return 0;
    return err_set(
        r->err, ERR_NO, "%s/%u: stored as %s at its generation's end, recomputed otherwise (seq %llu)",
        r->report->study, m->trial, goes_on ? "going on" : "giving up", (unsigned long long)m->seen);
}

static int check_drop(struct replay *r, const struct moved *m, const struct study_def *def,
                      const struct history *view)
{
    struct asha_job job = hyperband_lost(&def->prune.hyperband, view, m->more);
    if (def->prune.method == PRUNE_HYPERBAND && job.verdict == ASHA_DROP && job.trial == m->trial)
        return 0;
    return err_set(r->err, ERR_NO, "%s/%u: stored as given up at its rung, recomputed: trial %u",
                   r->report->study, m->trial, job.trial);
}

static int check_judgement(struct replay *r, const struct moved *m)
{
    const struct study_def *def = &eras_at(&r->eras, m->seq)->def;
    struct history view;
    int rc = 0;
    history_as_of(&r->study->history, m->seen, &view);
    if (pbt_of(&def->search) && (m->to == TRIAL_waiting || strcmp(m->cause, "pbt") == 0)) {
        rc = check_fate(r, m);
    } else if (strcmp(m->cause, "rung") == 0) {
        rc = check_drop(r, m, def, &view);
    } else if (m->to == TRIAL_waiting) {
        struct asha_job job = prune_next(&def->prune, &view, m->more);
        if (job.verdict != ASHA_RESUME || job.trial != m->trial || job.until != m->until)
            rc = err_set(r->err, ERR_NO,
                         "%s/%u: stored as promoted to epoch %d, recomputed: trial %u to epoch %d",
                         r->report->study, m->trial, m->until, job.trial, job.until);
    } else {
        const char *again = stops_again(r, m, def, &view);
        if (!again || strcmp(again, m->cause) != 0)
            rc = err_set(r->err, ERR_NO, "%s/%u: stored as pruned (%s) at epoch %d, recomputed: %s",
                         r->report->study, m->trial, m->cause, m->epoch, again ? again : "goes on");
    }
    history_fini(&view);
    r->report->moves++;
    return rc;
}

/* ---- the whole ---- */

static int check_all(struct replay *r)
{
    bool exact = true;
    int rc = 0;
    for (size_t i = 0; i < r->made_count; i++)
        exact = exact && is_here(&r->made[i]);
    for (size_t i = 0; i < r->made_count && !rc; i++)
        rc = check_proposal(r, &r->made[i]);
    for (size_t i = 0; i < r->event_count && !rc; i++)
        rc = check_event(r, &r->events[i], exact);
    for (size_t i = 0; i < r->study->history.box_count && !rc; i++)
        rc = check_box(r, &r->study->history.boxes[i], exact);
    for (size_t i = 0; i < r->moved_count && !rc; i++)
        if (r->moved[i].seen)
            rc = check_judgement(r, &r->moved[i]);
    return rc;
}

int replay_study(struct store *store, const char *name, struct replay_report *out, struct err *err)
{
    struct err own = ERR_NONE;
    *out = (struct replay_report){0};
    struct replay r = {.report = out, .err = err ? err : &own};
    int rc = read_rows(&r, store, name);
    if (!rc)
        rc = check_all(&r);
    for (size_t i = 0; i < r.approved_count; i++)
        free(r.approved[i].events);
    for (size_t i = 0; i < r.made_count; i++)
        free(r.made[i].given);
    eras_fini(&r.eras);
    study_free(r.study);
    free(r.made);
    free(r.events);
    free(r.moved);
    free(r.approved);
    return rc;
}
