#include "cli/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

int rows_find(const struct rows *rows, const char *column)
{
    for (int c = 0; c < rows->cols; c++)
        if (strcmp(rows->names[c], column) == 0)
            return c;
    return -1;
}

static struct cell cell_from_json(const struct json *node)
{
    if (!node)
        return (struct cell){.kind = CELL_NULL};
    switch (json_type(node)) {
    case JSON_NUM: {
        double v = json_num(node);
        if (v == floor(v) && fabs(v) < 9e15)
            return (struct cell){.kind = CELL_INT, .integer = (int64_t)v};
        return (struct cell){.kind = CELL_NUM, .number = v};
    }
    case JSON_STR: return (struct cell){.kind = CELL_TEXT, .text = xstrdup(json_text(node))};
    case JSON_BOOL:
        return (struct cell){.kind = CELL_TEXT, .text = xstrdup(json_bool(node) ? "true" : "false")};
    default: return (struct cell){.kind = CELL_NULL};
    }
}

static struct cell cell_copy(const struct cell *cell)
{
    struct cell copy = *cell;
    if (copy.kind == CELL_TEXT)
        copy.text = xstrdup(copy.text);
    return copy;
}

/* ---- arranging ---- */

static void add_name(struct rows *out, const char *front, const char *name)
{
    out->names = xrealloc(out->names, (size_t)(out->cols + 1) * sizeof *out->names);
    out->names[out->cols++] = xasprintf("%s%s", front, name);
}

/* Is the name that of a column before it, or of one that stands under its own name after it? */
static bool is_taken(const struct rows *out, const struct rows_item *items, size_t count, const char *name)
{
    for (int c = 0; c < out->cols; c++)
        if (str_same_nocase(out->names[c], name))
            return true;
    for (size_t i = 0; i < count; i++)
        if (!items[i].keys && !items[i].clash &&
            str_same_nocase(items[i].as ? items[i].as : items[i].column, name))
            return true;
    return false;
}

static void add_names(const struct rows *in, const struct rows_item *items, size_t count, size_t i,
                      struct rows *out)
{
    const struct rows_item *item = &items[i];
    for (size_t k = 0; item->keys && k < item->keys->count; k++) {
        const char *name = item->keys->items[k];
        bool taken = item->clash && is_taken(out, items, count, name);
        add_name(out, taken ? item->clash : "", name);
    }
    if (item->keys || (strcmp(item->column, ROWS_RANK) != 0 && rows_find(in, item->column) < 0))
        return;
    const char *name = item->as ? item->as : item->column;
    add_name(out, item->clash && is_taken(out, items, count, name) ? item->clash : "", name);
}

static struct cell *spread(const struct cell *from, const struct text_list *keys, struct cell *to)
{
    const char *text = cell_text(from);
    struct json *object = *text ? json_parse(text, strlen(text), "params", NULL) : NULL;
    for (size_t k = 0; k < keys->count; k++)
        *to++ = cell_from_json(object ? json_get(object, keys->items[k]) : NULL);
    json_free(object);
    return to;
}

static struct cell *fill(const struct rows *in, size_t row, const struct rows_item *item, struct cell *to)
{
    int col = rows_find(in, item->column);
    if (item->keys) {
        static const struct cell none = {.kind = CELL_NULL};
        return spread(col < 0 ? &none : rows_cell(in, row, col), item->keys, to);
    }
    if (strcmp(item->column, ROWS_RANK) == 0)
        *to++ = (struct cell){.kind = CELL_INT, .integer = (int64_t)row + 1};
    else if (col >= 0)
        *to++ = cell_copy(rows_cell(in, row, col));
    return to;
}

void rows_arrange(const struct rows *in, const struct rows_item *items, size_t count, struct rows *out)
{
    *out = (struct rows){.count = in->count, .room = in->count};
    for (size_t i = 0; i < count; i++)
        add_names(in, items, count, i, out);
    out->cells = xcalloc(in->count * (size_t)out->cols + 1, sizeof *out->cells);
    struct cell *to = out->cells;
    for (size_t row = 0; row < in->count; row++)
        for (size_t i = 0; i < count; i++)
            to = fill(in, row, &items[i], to);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void rows_keys(const struct rows *in, const char *column, struct text_list *out)
{
    int col = rows_find(in, column);
    for (size_t row = 0; col >= 0 && row < in->count; row++) {
        const char *text = cell_text(rows_cell(in, row, col));
        struct json *object = *text ? json_parse(text, strlen(text), column, NULL) : NULL;
        for (const struct json *m = object ? json_first(object) : NULL; m; m = json_next(m)) {
            size_t i = 0;
            while (i < out->count && strcmp(out->items[i], json_key(m)) != 0)
                i++;
            if (i == out->count)
                text_list_add(out, xstrdup(json_key(m)));
        }
        json_free(object);
    }
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_text);
}

void rows_filter(struct rows *rows, bool (*keep)(const struct rows *rows, size_t row, void *arg), void *arg)
{
    size_t cols = (size_t)rows->cols, kept = 0;
    for (size_t row = 0; row < rows->count; row++) {
        struct cell *from = &rows->cells[row * cols];
        if (keep(rows, row, arg)) {
            memmove(&rows->cells[kept++ * cols], from, cols * sizeof *from);
            continue;
        }
        for (size_t c = 0; c < cols; c++)
            if (from[c].kind == CELL_TEXT)
                free(from[c].text);
    }
    rows->count = kept;
}

int rows_from_json(const struct json *json, struct rows *out, struct err *err)
{
    *out = (struct rows){0};
    struct jcur root = jcur_root(json, "answer"), columns = jcur_get(&root, "columns"),
                rows = jcur_get(&root, "rows");
    if (jcur_array(&columns, 1, 4096, err) || jcur_array(&rows, 0, 10000000, err))
        return ERR_PROTO;
    for (const struct json *n = json_first(columns.node); n; n = json_next(n))
        add_name(out, "", json_text(n));
    out->room = json_count(rows.node);
    out->cells = xcalloc(out->room * (size_t)out->cols + 1, sizeof *out->cells);
    for (const struct json *row = json_first(rows.node); row; row = json_next(row), out->count++) {
        struct cell *to = &out->cells[out->count * (size_t)out->cols];
        const struct json *n = json_first(row);
        for (int c = 0; c < out->cols; c++, n = n ? json_next(n) : NULL)
            to[c] = cell_from_json(n);
    }
    return 0;
}

const char *first_text(const struct rows *rows, const char *column)
{
    return cell_text(rows_named(rows, 0, column));
}

int64_t first_int(const struct rows *rows, const char *column)
{
    return cell_int(rows_named(rows, 0, column));
}
