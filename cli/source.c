#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "common/mem.h"

struct source {
    struct query *query; /* NULL: the master is asked */
    char *master;
    int64_t wait_ms; /* for an answer of its */
};

int source_open(const char *db, const char *master, struct source **out, struct err *err)
{
    struct source source = {.master = master ? xstrdup(master) : NULL, .wait_ms = REMOTE_CALL_MS};
    if (!master) {
        int rc = query_open(db, &source.query, err);
        if (rc == ERR_GONE) {
            rc = err->code = ERR_REACH; // exit status 3, like a database that cannot be opened
            err_hint(
                err,
                "hone run STUDY.json makes one; --db FILE or HONE_DB names another, --master ADDR a master");
        }
        if (rc == ERR_REACH)
            source.master = address_beside(db);
        if (source.master)
            rc = 0;
        if (rc == ERR_REACH && !err->hint[0])
            err_hint(err, "only its master reads it: ask it with --master");
        if (rc)
            return rc;
    }
    *out = xmalloc(sizeof source);
    **out = source;
    return 0;
}

void source_free(struct source *source)
{
    if (!source)
        return;
    query_close(source->query);
    free(source->master);
    free(source);
}

void source_hurry(struct source *source, int64_t wait_ms)
{
    source->wait_ms = wait_ms;
}

/* ---- the master's way ---- */

static int ask(struct source *source, struct json *args, struct rows *out, struct err *err)
{
    struct msg_answer answer;
    int rc = remote_call(source->master, "query", args, source->wait_ms, &answer, err);
    json_free(args);
    if (rc)
        return rc;
    rc = rows_from_json(answer.result, out, err);
    answer_fini(&answer);
    return rc;
}

static struct json *binds_json(const char *name, const struct bind *binds, int count)
{
    struct json *args = json_new_object(), *values = json_new_object();
    json_put_text(args, "name", name);
    for (int i = 0; i < count; i++) {
        const struct cell *value = &binds[i].value;
        if (value->kind == CELL_TEXT)
            json_put_text(values, binds[i].name, value->text);
        else if (value->kind != CELL_NULL)
            json_put_num(values, binds[i].name, cell_num(value));
    }
    json_put(args, "binds", values);
    json_free(values);
    return args;
}

int source_run(struct source *source, const char *name, const struct bind *binds, int count, struct rows *out,
               struct err *err)
{
    if (source->query)
        return query_run(source->query, name, binds, count, out, err);
    return ask(source, binds_json(name, binds, count), out, err);
}

int source_sql(struct source *source, const char *sql, size_t max_rows, struct rows *out, struct err *err)
{
    if (source->query)
        return query_sql(source->query, sql, max_rows, out, err);
    struct json *args = json_new_object();
    json_put_text(args, "sql", sql);
    json_put_num(args, "limit", (double)max_rows);
    return ask(source, args, out, err);
}

/* ---- which study ---- */

static int no_study(struct source *source, const char *name, struct err *err)
{
    struct rows rows;
    struct text_list names = {0};
    err_set(err, ERR_GONE,
            name ? "there is no study \"%.64s\" in this database" : "there is no study in this database%s",
            name ? name : "");
    if (source_run(source, "study_names", NULL, 0, &rows, NULL))
        return ERR_GONE;
    for (size_t row = 0; row < rows.count; row++)
        text_list_add(&names, cell_text(rows_cell(&rows, row, 0)));
    text_list_add(&names, NULL);
    const char *near = name ? nearest_name(name, names.items) : NULL;
    if (near)
        err_hint(err, "did you mean %s?", near);
    else if (name && name[strspn(name, "0123456789")] == '\0')
        err_hint(err, "a trial is STUDY/%s, a count of rows -n %s; `hone studies` lists the studies", name,
                 name);
    else
        err_hint(err, name ? "`hone studies` lists them" : "`hone run STUDY.json` makes one");
    text_list_fini(&names);
    rows_fini(&rows);
    return ERR_GONE;
}

int source_unreadable(const struct rows *head, struct err *err)
{
    if (!*first_text(head, "unreadable"))
        return 0;
    err_set(err, ERR_BAD, "study \"%s\" is unreadable: %s", first_text(head, "study"),
            first_text(head, "unreadable"));
    return err_hint(err, "%s", first_text(head, "unreadable_hint"));
}

int source_study(struct source *source, const char *name, struct rows *out, struct err *err)
{
    name = name && *name ? name : NULL;
    int rc = source_run(source, "study_find", (struct bind[]){BIND_TEXT(":name", name)}, 1, out, err);
    if (rc || out->count)
        return rc;
    rows_fini(out);
    return no_study(source, name, err);
}

int source_read_study(struct source *source, const char *name, struct rows *out, struct err *err)
{
    struct err why = ERR_NONE;
    int rc = source_study(source, name, out, err);
    if (!rc && source_unreadable(out, &why))
        fprintf(stderr, "%s\n", why.text);
    return rc;
}

int source_ended(struct source *source, const char *name, bool *ended, struct err *err)
{
    struct rows head;
    int rc = source_study(source, name, &head, err);
    if (rc)
        return rc;
    *ended = *first_text(&head, "end_reason");
    rows_fini(&head);
    return 0;
}

int source_params(struct source *source, const char *study, struct text_list *out, struct err *err)
{
    struct rows rows;
    int rc = source_run(source, "space", (struct bind[]){BIND_TEXT(":study", study)}, 1, &rows, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < rows.count; row++)
        text_list_add(out, xstrdup(cell_text(rows_named(&rows, row, "name"))));
    rows_fini(&rows);
    return 0;
}
