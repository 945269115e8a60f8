/* trial: all about one, as `hone show --json` says it, with every metric's curve and the end of its log; and the rest
 * that is one table each. */
#include "web/api_parts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/mem.h"

/* The last bytes of a file, from the first whole line on. A trainer writes there: what is no plain file (a FIFO would
 * hold us up, a link lead elsewhere) is not read. */
static void read_end(const char *path, size_t most, struct str *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        char *bytes = xmalloc(most);
        off_t from = st.st_size > (off_t)most ? st.st_size - (off_t)most : 0;
        ssize_t got = pread(fd, bytes, most, from);
        const char *line = from && got > 0 ? memchr(bytes, '\n', (size_t)got) : NULL;
        for (ssize_t i = line ? line + 1 - bytes : 0; i < got; i++)
            str_addc(out, bytes[i] ? bytes[i] : '?');
        free(bytes);
    }
    close(fd);
}

static void put_log(const struct api *api, const struct rows *head, struct jw *w)
{
    struct str log = {0};
    char *path = xasprintf("%s.d/%s/t%05lld/a%lld/log", api->db, cell_text(rows_named(head, 0, "study")),
                           (long long)cell_int(rows_named(head, 0, "trial")),
                           (long long)cell_int(rows_named(head, 0, "attempts")));
    read_end(path, API_LOG_BYTES, &log);
    jw_text(w, "log", log.len ? log.text : NULL);
    str_fini(&log);
    free(path);
}

static void put_params(const struct rows *params, struct jw *w)
{
    jw_object(w, "params");
    for (size_t row = 0; row < params->count; row++)
        cell_json(w, cell_text(rows_named(params, row, "name")), rows_named(params, row, "value"));
    jw_close_object(w);
}

static int put_parts(const struct api *api, const struct bind binds[2], struct jw *w, struct err *err)
{
    static const struct {
        const char *key, *statement;
    } parts[] = {{"lineage", "trial_lineage"},
                 {"attempts", "trial_attempts"},
                 {"findings", "trial_findings"},
                 {"events", "trial_events"},
                 {"checkpoints", "trial_checkpoints"}};
    struct rows rows;
    int rc = 0;
    for (size_t i = 0; i < COUNT_OF(parts) && !rc; i++) {
        rc = query_run(api->query, parts[i].statement, binds, 2, &rows, err);
        if (!rc)
            rows_json(w, parts[i].key, &rows);
        rows_fini(&rows);
    }
    return rc;
}

static int put_rows(const struct api *api, const char *statement, const struct bind binds[2],
                    void (*put)(const struct rows *rows, struct jw *w), struct jw *w, struct err *err)
{
    struct rows rows;
    int rc = query_run(api->query, statement, binds, 2, &rows, err);
    if (!rc)
        put(&rows, w);
    rows_fini(&rows);
    return rc;
}

static void put_curves(const struct rows *rows, struct jw *w)
{
    api_put_curves(w, rows, "metric");
}

int api_trial(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study;
    int64_t trial;
    struct rows head;
    int rc = api_named_study(api, request, "study", &study, err);
    if (!rc)
        rc = request_whole(request, &(struct request_range){"trial", 1, UINT32_MAX, 0}, &trial, err);
    if (rc)
        return rc;
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":trial", trial)};
    rc = query_run(api->query, "trial_head", binds, 2, &head, err);
    if (!rc && !head.count)
        rc = err_set(err, ERR_GONE, "study \"%.64s\" has no trial %lld", study, (long long)trial);
    if (!rc) {
        row_json(w, "trial", &head, 0);
        put_log(api, &head, w);
        rc = put_rows(api, "trial_params", binds, put_params, w, err);
    }
    rows_fini(&head);
    if (!rc)
        rc = put_rows(api, "dash_trial_curves", binds, put_curves, w, err);
    return rc ? rc : put_parts(api, binds, w, err);
}

int api_workers(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    struct rows rows;
    (void)request;
    int rc = query_run(api->query, "workers", NULL, 0, &rows, err);
    if (!rc)
        rows_json(w, "workers", &rows);
    rows_fini(&rows);
    return rc;
}

/* That there is not enough to tell yet is an answer. */
int api_importances(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study, *list;
    int rc = api_named_study(api, request, "study", &study, err);
    if (!rc && !api->importance)
        rc = err_set(err, ERR_GONE, "importance is not computed here");
    if (!rc)
        rc = jobs_ask(api->importance, study, api->version, api->now_ms, &list, err);
    if (rc && rc != ERR_NO)
        return rc;
    jw_raw(w, "importance", rc ? "[]" : list);
    jw_text(w, "note", rc ? err->text : NULL);
    return 0;
}
