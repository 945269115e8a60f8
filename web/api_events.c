/* events, walls and attempts: what happened in a study, the first two in sentences. */
#include "web/api_parts.h"

#include <string.h>

/* ---- moves, findings, edits ---- */

static const char *text_of(const struct rows *rows, size_t row, const char *column)
{
    return cell_text(rows_named(rows, row, column));
}

static void add_cause(const struct rows *rows, size_t row, struct str *out)
{
    const char *cause = text_of(rows, row, "cause");
    if (*cause)
        str_addf(out, " (%s)", cause);
}

/* `event` is of common/trial_status.def, or sampled. */
static void tell_move(const struct rows *rows, size_t row, struct str *out)
{
    const char *event = text_of(rows, row, "event"), *from = text_of(rows, row, "from_status"),
               *to = text_of(rows, row, "to_status"), *who = text_of(rows, row, "who");
    if (strcmp(event, "dispatched") == 0)
        str_addf(out, "starts on %s, attempt %lld", *who ? who : "a worker",
                 (long long)cell_int(rows_named(rows, row, "attempt")));
    else if (!*from)
        str_addf(out, "%s by %s", event, text_of(rows, row, "sampler"));
    else
        str_addf(out, "%s: %s → %s", event, from, to);
    add_cause(rows, row, out);
}

static void tell_finding(const struct rows *rows, size_t row, struct str *out)
{
    const char *advice = text_of(rows, row, "advice");
    str_addf(out, "%s at epoch %lld: %s%s%s", text_of(rows, row, "event"),
             (long long)cell_int(rows_named(rows, row, "epoch")), text_of(rows, row, "text"),
             *advice ? "; " : "", advice);
}

static void tell_edit(const struct rows *rows, size_t row, struct str *out)
{
    const char *after = text_of(rows, row, "to_status");
    str_addf(out, "%s: %s %s", text_of(rows, row, "who"), text_of(rows, row, "event"),
             text_of(rows, row, "text"));
    str_addf(out, *after ? " = %s" : "%s", after);
}

static void put_event(struct jw *w, const struct rows *rows, size_t row)
{
    struct str text = {0};
    const char *kind = text_of(rows, row, "kind");
    if (strcmp(kind, "move") == 0)
        tell_move(rows, row, &text);
    else if (strcmp(kind, "finding") == 0)
        tell_finding(rows, row, &text);
    else
        tell_edit(rows, row, &text);
    jw_object(w, NULL);
    cell_json(w, "id", rows_named(rows, row, "id"));
    api_time(w, "at", rows_named(rows, row, "at_ms"));
    cell_json(w, "trial", rows_named(rows, row, "trial"));
    jw_text(w, "kind", kind);
    jw_text(w, "text", str_text(&text));
    jw_close_object(w);
    str_fini(&text);
}

int api_events(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study;
    int64_t after;
    struct rows rows;
    int rc = api_named_study(api, request, "study", &study, err);
    if (!rc)
        rc = request_whole(request, &(struct request_range){"after", 0, INT64_MAX, 0}, &after, err);
    if (rc)
        return rc;
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":after", after),
                           BIND_INT(":limit", API_EVENTS_MOST)};
    rc = query_run(api->query, "dash_events", binds, 3, &rows, err);
    if (rc)
        return rc;
    jw_array(w, "events");
    for (size_t row = rows.count; row-- > 0;) // the newest come first, and were the ones to keep
        put_event(w, &rows, row);
    jw_close_array(w);
    rows_fini(&rows);
    return 0;
}

/* ---- walls ---- */

/* The wall that moved; both where both did. */
static void put_wall(struct jw *w, const char *key, const struct rows *rows, size_t row, const char *low,
                     const char *high)
{
    const char *side = text_of(rows, row, "side");
    if (strcmp(side, "both") != 0) {
        cell_json(w, key, rows_named(rows, row, strcmp(side, "low") == 0 ? low : high));
        return;
    }
    jw_array(w, key);
    cell_json(w, NULL, rows_named(rows, row, low));
    cell_json(w, NULL, rows_named(rows, row, high));
    jw_close_array(w);
}

static void put_look(struct jw *w, const struct rows *rows, size_t row)
{
    static const char *const evidence[] = {"best", "lean", "slope", "trend", "top", "trials"};
    jw_object(w, NULL);
    cell_json(w, "id", rows_named(rows, row, "seq"));
    api_time(w, "at", rows_named(rows, row, "at_ms"));
    cell_json(w, "param", rows_named(rows, row, "param"));
    cell_json(w, "side", rows_named(rows, row, "side"));
    cell_json(w, "decision", rows_named(rows, row, "verdict"));
    put_wall(w, "old", rows, row, "before_low", "before_high");
    put_wall(w, "new", rows, row, "after_low", "after_high");
    cell_json(w, "choice", rows_named(rows, row, "choice"));
    cell_json(w, "stage", rows_named(rows, row, "stage"));
    jw_object(w, "evidence");
    for (size_t i = 0; i < sizeof evidence / sizeof *evidence; i++)
        cell_json(w, evidence[i], rows_named(rows, row, evidence[i]));
    jw_close_object(w);
    api_json(w, "trials", rows_named(rows, row, "behind"));
    api_time(w, "approved", rows_named(rows, row, "approved_ms"));
    cell_json(w, "text", rows_named(rows, row, "text"));
    jw_close_object(w);
}

int api_walls(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study;
    struct rows rows;
    int rc = api_named_study(api, request, "study", &study, err);
    if (rc)
        return rc;
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":limit", API_WALLS_MOST)};
    rc = query_run(api->query, "dash_walls", binds, 2, &rows, err);
    if (rc)
        return rc;
    jw_array(w, "events");
    for (size_t row = rows.count; row-- > 0;)
        put_look(w, &rows, row);
    jw_close_array(w);
    rows_fini(&rows);
    return 0;
}

/* ---- attempts ---- */

int api_attempts(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study;
    int64_t most;
    struct rows rows;
    int rc = api_named_study(api, request, "study", &study, err);
    if (!rc)
        rc = request_whole(request, &(struct request_range){"most", 1, API_ATTEMPTS_MOST, API_EVENTS_MOST},
                           &most, err);
    if (rc)
        return rc;
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":limit", most)};
    rc = query_run(api->query, "dash_attempts", binds, 2, &rows, err);
    if (rc)
        return rc;
    jw_array(w, "attempts");
    for (size_t row = rows.count; row-- > 0;) {
        jw_object(w, NULL);
        cell_json(w, "trial", rows_named(&rows, row, "trial"));
        cell_json(w, "attempt", rows_named(&rows, row, "attempt"));
        cell_json(w, "worker", rows_named(&rows, row, "worker"));
        cell_json(w, "outcome", rows_named(&rows, row, "outcome"));
        api_time(w, "started", rows_named(&rows, row, "started_ms"));
        api_time(w, "ended", rows_named(&rows, row, "ended_ms"));
        jw_close_object(w);
    }
    jw_close_array(w);
    rows_fini(&rows);
    return 0;
}
