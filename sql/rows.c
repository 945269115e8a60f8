#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "sql/query.h"

const struct cell *rows_cell(const struct rows *rows, size_t row, int col)
{
    PRE(row < rows->count && col >= 0 && col < rows->cols);
    return &rows->cells[row * (size_t)rows->cols + (size_t)col];
}

const struct cell *rows_named(const struct rows *rows, size_t row, const char *col)
{
    for (int i = 0; i < rows->cols; i++)
        if (strcmp(rows->names[i], col) == 0)
            return rows_cell(rows, row, i);
    return NULL;
}

int64_t cell_int(const struct cell *cell)
{
    if (!cell || cell->kind == CELL_NULL || cell->kind == CELL_TEXT)
        return 0;
    return cell->kind == CELL_INT ? cell->integer : (int64_t)cell->number;
}

double cell_num(const struct cell *cell)
{
    if (!cell || cell->kind == CELL_NULL || cell->kind == CELL_TEXT)
        return NAN;
    return cell->kind == CELL_INT ? (double)cell->integer : cell->number;
}

const char *cell_text(const struct cell *cell)
{
    return cell && cell->kind == CELL_TEXT ? cell->text : "";
}

void rows_fini(struct rows *rows)
{
    for (size_t i = 0; i < rows->count * (size_t)rows->cols; i++)
        free(rows->cells[i].text);
    for (int i = 0; i < rows->cols; i++)
        free(rows->names[i]);
    free(rows->cells);
    free(rows->names);
    *rows = (struct rows){0};
}
