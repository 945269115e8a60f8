#include "web/api_parts.h"

#include <stdio.h>
#include <string.h>

#include "common/hash.h"

/* ---- versions ---- */

int api_version(struct query *query, char out[API_VERSION_ROOM], struct err *err)
{
    struct rows rows;
    char print[HASH_HEX];
    int rc = query_run(query, "dash_version", NULL, 0, &rows, err);
    if (rc)
        return rc;
    const char *rest = cell_text(rows_named(&rows, 0, "rest"));
    hash_bytes(rest, strlen(rest), print);
    snprintf(out, API_VERSION_ROOM, "%lld-%lld-%.12s", (long long)cell_int(rows_named(&rows, 0, "seq")),
             (long long)cell_int(rows_named(&rows, 0, "deleted")), print);
    rows_fini(&rows);
    return 0;
}

int64_t api_seq_since(const char *since, const char *now)
{
    long long seq, deleted, newest, deleted_now;
    if (!since || sscanf(since, "%18lld-%18lld", &seq, &deleted) != 2 ||
        sscanf(now, "%18lld-%18lld", &newest, &deleted_now) != 2)
        return -1;
    return seq < 0 || seq > newest || deleted != deleted_now ? -1 : seq;
}

/* ---- cells ---- */

void api_json(struct jw *w, const char *key, const struct cell *cell)
{
    if (cell->kind == CELL_TEXT)
        jw_raw(w, key, cell->text);
    else
        cell_json(w, key, cell);
}

void api_time(struct jw *w, const char *key, const struct cell *cell)
{
    if (cell->kind == CELL_NULL)
        jw_null(w, key);
    else
        jw_num(w, key, (double)cell_int(cell) / 1000);
}

/* ---- which study ---- */

int api_named_study(const struct api *api, const struct request *request, const char *arg, const char **out,
                    struct err *err)
{
    struct rows rows;
    int rc = request_text(request, arg, out, err);
    if (!rc)
        rc = query_run(api->query, "study_find", (struct bind[]){BIND_TEXT(":name", *out)}, 1, &rows, err);
    if (rc)
        return rc;
    if (!rows.count) {
        rc = err_set(err, ERR_GONE, "there is no study \"%.64s\" in %s", *out, api->db);
        err_hint(err, "/api/studies lists them");
    }
    rows_fini(&rows);
    return rc;
}
