#include "sql/row_json.h"

void cell_json(struct jw *w, const char *key, const struct cell *cell)
{
    switch (cell->kind) {
    case CELL_NULL: jw_null(w, key); break;
    case CELL_INT: jw_int(w, key, cell->integer); break;
    case CELL_NUM: jw_num(w, key, cell->number); break;
    case CELL_TEXT: jw_text(w, key, cell->text); break;
    }
}

void row_json(struct jw *w, const char *key, const struct rows *rows, size_t row)
{
    jw_object(w, key);
    for (int c = 0; c < rows->cols; c++)
        cell_json(w, rows->names[c], rows_cell(rows, row, c));
    jw_close_object(w);
}

void rows_json(struct jw *w, const char *key, const struct rows *rows)
{
    jw_array(w, key);
    for (size_t row = 0; row < rows->count; row++)
        row_json(w, NULL, rows, row);
    jw_close_array(w);
}
