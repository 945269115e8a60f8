#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/past.h"
#include "master/replay_parts.h"
#include "sql/store_load.h"

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

static int read_log(void *arg, const struct row_log *row)
{
    struct replay *r = arg;
    if (row->walls || row->epoch)
        return 0;
    const struct trial *trial = study_trial_of_id(r->study, row->trial);
    if (!trial)
        return ERR_BAD;
    struct json *detail = row->detail ? json_parse(row->detail, strlen(row->detail), "detail", NULL) : NULL;
    GROW(r->moved, r->moved_room, r->moved_count + 1);
    struct moved *m = &r->moved[r->moved_count++];
    *m = (struct moved){.seq = row->seq, .trial = trial->number, .to = row->to_status};
    str_copy(m->cause, sizeof m->cause, row->cause ? row->cause : "");
    if (detail && json_get(detail, "seen")) {
        m->seen = (uint64_t)json_num(json_get(detail, "seen"));
        m->epoch = (int)json_num(json_get(detail, "epoch"));
        m->until = (int)json_num(json_get(detail, "until"));
        m->rank = json_get(detail, "rank") ? (int)json_num(json_get(detail, "rank")) : 0;
        m->of = json_get(detail, "of") ? (int)json_num(json_get(detail, "of")) : 0;
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

/* ---- the whole ---- */

static void one_more(struct replay *r)
{
    size_t of = r->made_count + r->event_count + r->study->history.box_count + r->moved_count;
    watcher_tell(r->watcher, ++r->done, (int64_t)of);
}

static int check_all(struct replay *r)
{
    bool exact = true;
    int rc = 0;
    for (size_t i = 0; i < r->made_count; i++)
        exact = exact && made_is_here(&r->made[i]);
    for (size_t i = 0; i < r->made_count && !rc; i++, one_more(r))
        rc = replay_proposal(r, &r->made[i]);
    for (size_t i = 0; i < r->event_count && !rc; i++, one_more(r))
        rc = replay_event(r, &r->events[i], exact);
    for (size_t i = 0; i < r->study->history.box_count && !rc; i++, one_more(r))
        rc = replay_box(r, &r->study->history.boxes[i], exact);
    for (size_t i = 0; i < r->moved_count && !rc; i++, one_more(r))
        if (r->moved[i].seen)
            rc = replay_judgement(r, &r->moved[i]);
    return rc;
}

int replay_study(struct store *store, const char *name, const struct watcher *watcher,
                 struct replay_report *out, struct err *err)
{
    struct err own = ERR_NONE;
    *out = (struct replay_report){0};
    struct replay r = {.report = out, .watcher = watcher, .err = err ? err : &own};
    int rc = read_rows(&r, store, name);
    if (!rc) {
        retrace_init(&r.past, &r.study->history);
        rc = check_all(&r);
    }
    retrace_fini(&r.past);
    finished_fini(&r.finished);
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
