/* studies: every study and how far it is, and one with its definition and space. */
#include "web/api_parts.h"

#include <string.h>

#include "common/trial_status.h"
#include "sql/lock.h"
#include "sql/doing.h"

/* Of a definition that cannot be read the columns beside it say enough. */
static void put_metrics(struct jw *w, const struct rows *rows, size_t row)
{
    const char *text = cell_text(rows_named(rows, row, "metrics"));
    struct json *metrics = json_parse(text, strlen(text), "metric", NULL);
    const struct json *one =
        metrics && json_type(metrics) == JSON_ARRAY ? json_first(metrics) : (const struct json *)metrics;
    jw_array(w, "metrics");
    if (!one) {
        jw_object(w, NULL);
        jw_text(w, "name", cell_text(rows_named(rows, row, "metric")));
        jw_text(w, "goal", cell_text(rows_named(rows, row, "goal")));
        jw_close_object(w);
    }
    for (; one; one = json_next(one)) {
        jw_object(w, NULL);
        jw_text(w, "name", json_text(json_get(one, "name")));
        jw_text(w, "goal", json_text(json_get(one, "goal")));
        jw_close_object(w);
    }
    jw_close_array(w);
    json_free(metrics);
}

static void put_counts(struct jw *w, const struct rows *rows, size_t row)
{
    jw_object(w, "counts");
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        jw_int(w, trial_status_name((enum trial_status)i),
               cell_int(rows_named(rows, row, trial_status_name((enum trial_status)i))));
    jw_close_object(w);
}

static void put_best(struct jw *w, const struct rows *rows, size_t row)
{
    const struct cell *trial = rows_named(rows, row, "best_trial");
    if (trial->kind == CELL_NULL) {
        jw_null(w, "best");
        return;
    }
    jw_object(w, "best");
    cell_json(w, "trial", trial);
    cell_json(w, "value", rows_named(rows, row, "best_score"));
    jw_close_object(w);
}

void api_study_members(struct jw *w, const struct rows *rows, size_t row)
{
    jw_text(w, "study", cell_text(rows_named(rows, row, "study")));
    cell_json(w, "id", rows_named(rows, row, "id"));
    jw_text(w, "state", study_doing(rows, row));
    put_metrics(w, rows, row);
    jw_text(w, "method", cell_text(rows_named(rows, row, "method")));
    put_counts(w, rows, row);
    cell_json(w, "epochs", rows_named(rows, row, "epochs"));
    cell_json(w, "trials_budget", rows_named(rows, row, "trials_budget"));
    api_time(w, "created", rows_named(rows, row, "created_ms"));
    api_time(w, "started", rows_named(rows, row, "started_ms"));
    api_time(w, "ended", rows_named(rows, row, "ended_ms"));
    cell_json(w, "ended_by", rows_named(rows, row, "end_reason"));
    cell_json(w, "unreadable", rows_named(rows, row, "unreadable"));
    cell_json(w, "unreadable_hint", rows_named(rows, row, "unreadable_hint"));
    put_best(w, rows, row);
}

/* A master of another host may live or not: it cannot be seen from here. */
static void put_master(const struct api *api, struct jw *w)
{
    static const char *const words[] = {
        [LOCK_NOBODY] = "none", [LOCK_HERE] = "here", [LOCK_ELSEWHERE] = "elsewhere"};
    jw_text(w, "master", words[db_lock_holder(api->db)]);
}

int api_studies(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    struct rows rows;
    (void)request;
    int rc = query_run(api->query, "dash_studies", NULL, 0, &rows, err);
    if (rc)
        return rc;
    jw_text(w, "version", api->version);
    jw_text(w, "db", api->db);
    put_master(api, w);
    jw_array(w, "studies");
    for (size_t row = 0; row < rows.count; row++) {
        jw_object(w, NULL);
        api_study_members(w, &rows, row);
        jw_close_object(w);
    }
    jw_close_array(w);
    rows_fini(&rows);
    return 0;
}
