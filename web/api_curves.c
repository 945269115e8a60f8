/* curves: what trials reported, epoch by epoch. */
#include "web/api_parts.h"

#include <stdio.h>
#include <string.h>

static void put_point(struct jw *w, const struct rows *rows, size_t row)
{
    jw_array(w, NULL);
    cell_json(w, NULL, rows_named(rows, row, "epoch"));
    cell_json(w, NULL, rows_named(rows, row, "value"));
    cell_json(w, NULL, rows_named(rows, row, "seconds"));
    jw_close_array(w);
}

/* Rows that follow each other with the same `by` are one curve of that name. */
void api_put_curves(struct jw *w, const struct rows *rows, const char *by)
{
    const struct cell *last = NULL;
    jw_object(w, "curves");
    for (size_t row = 0; row < rows->count; row++) {
        const struct cell *name = rows_named(rows, row, by);
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)cell_int(name));
        if (last && (last->integer != name->integer || strcmp(cell_text(last), cell_text(name)) != 0))
            jw_close_array(w);
        if (!last || last->integer != name->integer || strcmp(cell_text(last), cell_text(name)) != 0)
            jw_array(w, name->kind == CELL_TEXT ? name->text : number);
        put_point(w, rows, row);
        last = name;
    }
    if (last)
        jw_close_array(w);
    jw_close_object(w);
}

static void list_numbers(const uint32_t *numbers, int count, struct str *out)
{
    for (int i = 0; i < count; i++)
        str_addf(out, "%c%u", i ? ',' : '[', numbers[i]);
    str_addc(out, ']');
}

int api_curves(const struct api *api, const struct request *request, struct jw *w, struct err *err)
{
    const char *study;
    uint32_t numbers[API_CURVES_MOST];
    struct rows rows;
    struct str list = {0};
    int rc = api_named_study(api, request, "study", &study, err);
    int count = rc ? rc : request_numbers(request, "trials", numbers, API_CURVES_MOST, err);
    if (count < 0)
        return count;
    list_numbers(numbers, count, &list);
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_TEXT(":trials", str_text(&list)),
                           BIND_TEXT(":metric", request_arg(request, "metric"))};
    rc = query_run(api->query, "dash_curves", binds, 3, &rows, err);
    str_fini(&list);
    if (rc)
        return rc;
    api_put_curves(w, &rows, "trial");
    rows_fini(&rows);
    return 0;
}
