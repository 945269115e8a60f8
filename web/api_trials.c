/* trials: every trial of a study, or those that changed. */
#include "web/api_parts.h"

#include <string.h>

static void put_values(struct jw *w, const struct rows *rows, size_t row)
{
    static const char *const columns[] = {"score", "value2", "value3"};
    int64_t count = cell_int(rows_named(rows, row, "metrics"));
    jw_array(w, "values");
    for (int i = 0; i < count && i < 3; i++)
        cell_json(w, NULL, rows_named(rows, row, columns[i]));
    jw_close_array(w);
}

static void put_trial(struct jw *w, const struct rows *rows, size_t row)
{
    static const char *const plain[] = {"best_epoch", "epochs", "seconds", "worker", "sampler",
                                        "why",        "stage",  "rung",    "parent", "group"};
    jw_object(w, NULL);
    cell_json(w, "trial", rows_named(rows, row, "trial"));
    cell_json(w, "status", rows_named(rows, row, "status"));
    cell_json(w, "cause", rows_named(rows, row, "cause"));
    api_json(w, "params", rows_named(rows, row, "params"));
    put_values(w, rows, row);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        cell_json(w, plain[i], rows_named(rows, row, plain[i]));
    api_time(w, "created", rows_named(rows, row, "created_ms"));
    api_time(w, "started", rows_named(rows, row, "started_ms"));
    api_time(w, "ended", rows_named(rows, row, "ended_ms"));
    jw_close_object(w);
}

int api_trials(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study;
    struct rows rows;
    int64_t after = api_seq_since(request_arg(request, "after"), api->version);
    struct bind binds[] = {BIND_TEXT(":study", NULL), BIND_INT(":after", after)};
    int rc = api_named_study(api, request, "study", &study, err);
    if (rc)
        return rc;
    binds[0].value = BIND_TEXT("", study).value;
    rc = query_run(api->query, "dash_trials", binds, after < 0 ? 1 : 2, &rows, err);
    if (rc)
        return rc;
    jw_text(w, "version", api->version);
    jw_bool(w, "all", after < 0);
    jw_array(w, "trials");
    for (size_t row = 0; row < rows.count; row++)
        put_trial(w, &rows, row);
    jw_close_array(w);
    rows_fini(&rows);
    return 0;
}
