#include "master/reading.h"

#include "sql/query.h"

enum { BINDS_MAX = 16, ROWS_MAX = 100000, ANSWER_MAX_BYTES = MSG_MAX_BYTES - 4096 };

static int read_binds(const struct jcur *binds, struct bind out[BINDS_MAX], int *count, struct err *err)
{
    *count = 0;
    if (!jcur_has(binds))
        return 0;
    if (jcur_object(binds, BINDS_MAX, err))
        return ERR_BAD;
    for (const struct json *b = json_first(binds->node); b; b = json_next(b)) {
        double num = json_num(b);
        struct bind *bind = &out[(*count)++];
        if (json_type(b) == JSON_STR)
            *bind = BIND_TEXT(json_key(b), json_text(b));
        else if (json_type(b) == JSON_NUM && num == (double)(int64_t)num)
            *bind = BIND_INT(json_key(b), (int64_t)num);
        else if (json_type(b) == JSON_NUM)
            *bind = BIND_NUM(json_key(b), num);
        else
            (*count)--; /* null: not bound */
    }
    return 0;
}

static int run(struct query *query, const struct jcur *args, struct rows *out, struct err *err)
{
    struct jcur name = jcur_get(args, "name"), sql = jcur_get(args, "sql"), binds = jcur_get(args, "binds");
    struct jcur limit = jcur_get(args, "limit");
    struct bind bind[BINDS_MAX];
    const char *text;
    int count;
    int64_t most = ROWS_MAX;
    if (jcur_has(&name)) {
        if (jcur_text(&name, 64, &text, err) || read_binds(&binds, bind, &count, err))
            return ERR_BAD;
        return query_run(query, text, bind, count, out, err);
    }
    if (jcur_text(&sql, 1 << 16, &text, err) ||
        (jcur_has(&limit) && jcur_int(&limit, 0, ROWS_MAX, &most, err)))
        return ERR_BAD;
    return query_sql(query, text, most ? (size_t)most : ROWS_MAX, out, err);
}

static void write_cell(struct jw *w, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NULL: jw_null(w, NULL); break;
    case CELL_INT: jw_int(w, NULL, cell->integer); break;
    case CELL_NUM: jw_num(w, NULL, cell->number); break;
    case CELL_TEXT: jw_text(w, NULL, cell->text); break;
    }
}

static int write_rows(const struct rows *rows, struct str *text, struct err *err)
{
    struct jw w = jw_to(text);
    jw_object(&w, NULL);
    jw_array(&w, "columns");
    for (int c = 0; c < rows->cols; c++)
        jw_text(&w, NULL, rows->names[c]);
    jw_close_array(&w);
    jw_array(&w, "rows");
    for (size_t r = 0; r < rows->count; r++) {
        jw_array(&w, NULL);
        for (int c = 0; c < rows->cols; c++)
            write_cell(&w, rows_cell(rows, r, c));
        jw_close_array(&w);
        if (text->len > ANSWER_MAX_BYTES) {
            err_set(err, ERR_BAD, "the answer is larger than one message (row %zu of %zu)", r + 1,
                    rows->count);
            return err_hint(err, "ask for fewer rows or columns, or copy the database with `hone backup`");
        }
    }
    jw_close_array(&w);
    jw_close_object(&w);
    return 0;
}

void reading_answer(struct store *store, const struct msg_call *call, struct msg_answer *answer)
{
    struct jcur args = jcur_root(call->args, "query");
    struct query *query = NULL;
    struct rows rows = {0};
    struct str text = {0};
    struct err err = ERR_NONE;
    int rc = query_of_store(store, &query, &err);
    if (!rc)
        rc = run(query, &args, &rows, &err);
    if (!rc)
        rc = write_rows(&rows, &text, &err);
    if (!rc)
        answer->result = json_parse(str_text(&text), text.len, "rows", NULL);
    msg_answer_outcome(answer, call->id, rc, &err);
    rows_fini(&rows);
    query_close(query);
    str_fini(&text);
}
