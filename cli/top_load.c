/* What hone top knows, read anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/log_tail.h"
#include "cli/rows.h"
#include "cli/top.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"

enum { PACE_LEAST_MS = 2000 };

static void page_fini(struct top *top)
{
    rows_fini(&top->head);
    rows_fini(&top->params);
    rows_fini(&top->curve);
    rows_fini(&top->findings);
    free(top->log);
    top->log = NULL;
}

void top_fini(struct top *top)
{
    page_fini(top);
    rows_fini(&top->studies);
    rows_fini(&top->trials);
    rows_fini(&top->workers);
    rows_fini(&top->events);
    free(top->paces);
    *top = (struct top){0};
}

/* ---- what is looked at ---- */

static int row_named(const struct rows *rows, const char *column, const char *text)
{
    for (size_t row = 0; row < rows->count; row++)
        if (strcmp(cell_text(rows_named(rows, row, column)), text) == 0)
            return (int)row;
    return -1;
}

int top_study_row(const struct top *top)
{
    return row_named(&top->studies, "study", top->study);
}

int top_trial_row(const struct top *top)
{
    for (size_t row = 0; top->trial && row < top->trials.count; row++)
        if (cell_int(rows_named(&top->trials, row, "trial")) == top->trial)
            return (int)row;
    return -1;
}

void top_clock(const struct top *top, int64_t wall_ms, char out[16])
{
    int64_t second = (wall_ms / 1000 + top->utc_offset_s) % 86400;
    second = second < 0 ? second + 86400 : second;
    snprintf(out, 16, "%02d:%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
}

/* ---- how fast ---- */

double top_pace_of(const struct top *top, const char *study)
{
    for (size_t i = 0; i < top->pace_count; i++)
        if (strcmp(top->paces[i].study, study) == 0)
            return top->paces[i].per_s;
    return 0;
}

static struct top_pace *pace_for(struct top *top, const char *study)
{
    for (size_t i = 0; i < top->pace_count; i++)
        if (strcmp(top->paces[i].study, study) == 0)
            return &top->paces[i];
    GROW(top->paces, top->pace_room, top->pace_count + 1);
    struct top_pace *pace = &top->paces[top->pace_count++];
    *pace = (struct top_pace){0};
    str_copy(pace->study, sizeof pace->study, study);
    return pace;
}

static void take_paces(struct top *top)
{
    for (size_t row = 0; row < top->studies.count; row++) {
        struct top_pace *pace = pace_for(top, cell_text(rows_named(&top->studies, row, "study")));
        int64_t epochs = cell_int(rows_named(&top->studies, row, "epochs")), ms = top->read_ms - pace->at_ms;
        if (pace->at_ms && ms < PACE_LEAST_MS)
            continue;
        if (pace->at_ms)
            pace->per_s = (double)(epochs - pace->epochs) * 1000 / (double)ms;
        pace->epochs = epochs;
        pace->at_ms = top->read_ms;
    }
}

/* ---- reading ---- */

/* *rows stays as it is where it fails. */
static int read_into(struct source *source, const char *name, const struct bind *binds, int count,
                     struct rows *rows, struct err *err)
{
    struct rows fresh;
    int rc = source_run(source, name, binds, count, &fresh, err);
    if (rc)
        return rc;
    rows_fini(rows);
    *rows = fresh;
    return 0;
}

static void choose(struct top *top)
{
    if (top->studies.count && top_study_row(top) < 0)
        str_copy(top->study, sizeof top->study, cell_text(rows_named(&top->studies, 0, "study")));
}

static int load_trials(struct top *top, struct source *source, struct err *err)
{
    static const char *const orders[TOP_SORTS] = {"state", "score", "number"};
    struct bind binds[] = {BIND_TEXT(":study", top->study), BIND_TEXT(":order", orders[top->sort]),
                           BIND_TEXT(":filter", top->filter[0] ? top->filter : NULL),
                           BIND_INT(":limit", TOP_TRIALS_MAX)};
    return read_into(source, "top_trials", binds, COUNT_OF(binds), &top->trials, err);
}

/* One that lies here; else a master is asked for it meanwhile (top_log.c). */
static void load_log(struct top *top)
{
    struct log_tail tail;
    struct str text = {0};
    log_tail_attempt(&tail, top->db, NULL, top->study, top->trial, first_int(&top->head, "attempts"));
    bool is_here = log_tail_last(&tail, TOP_LOG_LINES, &text);
    log_tail_close(&tail);
    top->log_here = is_here;
    if (is_here) {
        free(top->log);
        top->log = str_take(&text);
    }
    str_fini(&text);
}

static int load_page(struct top *top, struct source *source, struct err *err)
{
    struct bind binds[] = {BIND_TEXT(":study", top->study), BIND_INT(":trial", top->trial)};
    int rc = read_into(source, "trial_head", binds, 2, &top->head, err);
    if (!rc)
        rc = read_into(source, "trial_params", binds, 2, &top->params, err);
    if (!rc)
        rc = read_into(source, "trial_curve", binds, 2, &top->curve, err);
    if (!rc)
        rc = read_into(source, "trial_findings", binds, 2, &top->findings, err);
    if (!rc && top->head.count && !top->master)
        load_log(top);
    return rc;
}

int top_load(struct top *top, struct source *source, int64_t wall_ms, struct err *err)
{
    struct bind limit[] = {BIND_INT(":limit", TOP_EVENTS_MAX)};
    int rc = read_into(source, "top_studies", NULL, 0, &top->studies, err);
    if (rc)
        return rc;
    top->read_ms = wall_ms;
    take_paces(top);
    choose(top);
    rc = load_trials(top, source, err);
    if (!rc)
        rc = read_into(source, "workers", NULL, 0, &top->workers, err);
    if (!rc)
        rc = read_into(source, "newest_events", limit, 1, &top->events, err);
    if (!rc && top->mode == TOP_TRIAL)
        rc = load_page(top, source, err);
    return rc;
}
