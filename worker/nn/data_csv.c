/* Tables: every column but one is a number and a feature, one is the label. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/nn/data_labels.h"
#include "worker/nn/data_source.h"
#include "worker/nn/data_table.h"

enum { BAD_SHOWN = 4, LABEL_BYTES = 255, NO_LABEL = -1 };

static const char none[] = "none"; /* ?label=none: samples to predict */

/* One file being read. The test file borrows columns, names and labels of the training file. */
struct csv {
    struct table table;
    const struct csv *training; /* NULL: this is the training file */
    int columns, label;         /* label: index of its column; NO_LABEL: there is none */
    char **names;               /* (columns) or NULL: no header */
    struct labels labels;
    float *x;    /* (rows, features) */
    int32_t *id; /* (rows) */
    size_t x_room, id_room;
    int rows;
    struct str bad; /* the first few bad cells, as text */
    int64_t bad_count;
};

static size_t features_of(const struct csv *csv)
{
    return (size_t)csv->columns - (csv->label != NO_LABEL);
}

static void csv_fini(struct csv *csv)
{
    for (int i = 0; csv->names && i < csv->columns; i++)
        free(csv->names[i]);
    free(csv->names);
    free(csv->x);
    free(csv->id);
    labels_fini(&csv->labels);
    str_fini(&csv->bad);
    table_close(&csv->table);
}

/* A number as people write it: neither hexadecimal, nor nan, nor inf; spaces around it are fine. */
static bool cell_number(const char *cell, double *value)
{
    if (cell[strspn(cell, "0123456789+-.eE \t")])
        return false;
    char *end;
    *value = strtod(cell, &end);
    return end != cell && !end[strspn(end, " \t")] && isfinite(*value);
}

static void cell_bad(struct csv *csv, int column, const char *what)
{
    if (csv->bad_count++ >= BAD_SHOWN)
        return;
    str_addf(&csv->bad, "%sline %lld, column %d", csv->bad.len ? "; " : "", (long long)csv->table.row_line,
             column + 1);
    if (csv->names)
        str_addf(&csv->bad, " (%.24s)", csv->names[column]);
    str_addf(&csv->bad, ": \"%.24s\" %s", table_cell(&csv->table, column), what);
}

/* Copy without the spaces around it. */
static void trimmed(const char *cell, char out[LABEL_BYTES + 1])
{
    cell += strspn(cell, " \t");
    size_t len = strlen(cell);
    while (len && strchr(" \t", cell[len - 1]))
        len--;
    snprintf(out, LABEL_BYTES + 1, "%.*s", (int)len, cell);
}

static int too_many_labels(const struct csv *csv, struct err *err)
{
    err_set(err, ERR_BAD, "%s: column %d has more than %d different labels", csv->table.file.path,
            csv->label + 1, LABELS_MAX);
    return err_hint(err, "is this the label? choose its column with ?label=NAME or ?label=NUMBER");
}

static int label_read(struct csv *csv, struct err *err)
{
    char text[LABEL_BYTES + 1];
    csv->id[csv->rows] = 0;
    if (csv->label == NO_LABEL) {
        labels_add(&csv->labels, "");
        return 0;
    }
    const char *cell = table_cell(&csv->table, csv->label);
    if (strlen(cell) > LABEL_BYTES) {
        cell_bad(csv, csv->label, "is too long for a label");
        return 0;
    }
    trimmed(cell, text);
    if (!*text) {
        cell_bad(csv, csv->label, "is no label");
        return 0;
    }
    int id = csv->training ? labels_find(&csv->training->labels, text) : labels_add(&csv->labels, text);
    if (id < 0 && !csv->training)
        return too_many_labels(csv, err);
    if (id < 0)
        cell_bad(csv, csv->label, "is no label of the training file");
    else
        csv->id[csv->rows] = id;
    return 0;
}

static void features_read(struct csv *csv)
{
    float *x = csv->x + (size_t)csv->rows * features_of(csv);
    for (int i = 0; i < csv->columns; i++) {
        double value;
        if (i == csv->label)
            continue;
        *x = 0;
        if (!cell_number(table_cell(&csv->table, i), &value))
            cell_bad(csv, i, "is not a finite number");
        else if (fabs(value) > 3e38)
            cell_bad(csv, i, "is too large for single precision");
        else
            *x = (float)value;
        x++;
    }
}

static int row_add(struct csv *csv, struct err *err)
{
    if (csv->table.cells != csv->columns)
        return err_set(err, ERR_BAD, "%s: line %lld: expected %d cells as in the first row, found %d",
                       csv->table.file.path, (long long)csv->table.row_line, csv->columns, csv->table.cells);
    size_t values = ((size_t)csv->rows + 1) * features_of(csv);
    if (values > (size_t)DATA_MAX_VALUES)
        return err_set(err, ERR_BAD, "%s: line %lld: more than 2^30 values", csv->table.file.path,
                       (long long)csv->table.row_line);
    GROW(csv->x, csv->x_room, values);
    GROW(csv->id, csv->id_room, (size_t)csv->rows + 1);
    features_read(csv);
    int rc = label_read(csv, err);
    csv->rows++;
    return rc;
}

/* A first row without a single number is a header; naming the label column says that there is one. */
static bool row_is_header(const struct csv *csv, const struct data_spec *spec)
{
    double number;
    if (spec->header != HEADER_AUTO)
        return spec->header == HEADER_YES;
    if (*spec->label && strcmp(spec->label, none) && !cell_number(spec->label, &number))
        return true;
    for (int i = 0; i < csv->table.cells; i++)
        if (cell_number(table_cell(&csv->table, i), &number))
            return false;
    return true;
}

static void names_read(struct csv *csv)
{
    csv->names = xcalloc((size_t)csv->columns, sizeof *csv->names);
    for (int i = 0; i < csv->columns; i++) {
        char name[LABEL_BYTES + 1];
        trimmed(table_cell(&csv->table, i), name);
        csv->names[i] = xstrdup(name);
    }
}

static int label_missing(const struct csv *csv, const char *label, struct err *err)
{
    err_set(err, ERR_BAD, "%s: line %lld: no column \"%.60s\"", csv->table.file.path,
            (long long)csv->table.row_line, label);
    struct str list = {0};
    for (int i = 0; csv->names && i < csv->columns && list.len < 200; i++)
        str_addf(&list, "%s%.40s", i ? ", " : "", csv->names[i]);
    if (csv->names)
        err_hint(err, "its %d columns are %s%s", csv->columns, str_text(&list),
                 list.len < 200 ? "" : ", ...");
    else
        err_hint(err, "the file has no header: choose a column by its number, 1 .. %d", csv->columns);
    str_fini(&list);
    return ERR_BAD;
}

/* By name, else by number from 1; the last column where nothing is said. */
static int label_choose(struct csv *csv, const char *label, struct err *err)
{
    csv->label = csv->columns - 1;
    if (!*label)
        return 0;
    for (int i = 0; csv->names && i < csv->columns; i++)
        if (!strcmp(csv->names[i], label)) {
            csv->label = i;
            return 0;
        }
    if (!strcmp(label, none)) {
        csv->label = NO_LABEL;
        return 0;
    }
    char *end;
    long number = strtol(label, &end, 10);
    if (*end || number < 1 || number > csv->columns)
        return label_missing(csv, label, err);
    csv->label = (int)number - 1;
    return 0;
}

static int same_header(const struct csv *csv, struct err *err)
{
    const struct csv *training = csv->training;
    if (csv->columns != training->columns)
        return err_set(err, ERR_BAD, "%s: line 1: expected %d columns as in %s, found %d",
                       csv->table.file.path, training->columns, training->table.file.path, csv->columns);
    for (int i = 0; csv->names && training->names && i < csv->columns; i++)
        if (strcmp(csv->names[i], training->names[i]))
            return err_set(
                err, ERR_BAD, "%s: line 1, column %d: expected \"%.60s\" as in %s, found \"%.60s\"",
                csv->table.file.path, i + 1, training->names[i], training->table.file.path, csv->names[i]);
    return 0;
}

/* Columns, names and label column from the first row; *is_data says that it is a sample, too. */
static int first_row(struct csv *csv, const struct data_spec *spec, bool *is_data, struct err *err)
{
    csv->columns = csv->table.cells;
    if (csv->columns < (strcmp(spec->label, none) ? 2 : 1)) {
        err_set(err, ERR_BAD, "%s: line %lld: expected at least one feature and a label, found one column",
                csv->table.file.path, (long long)csv->table.row_line);
        return err_hint(err, "cells are separated by commas");
    }
    *is_data = !row_is_header(csv, spec);
    if (!*is_data)
        names_read(csv);
    if (csv->training) {
        csv->label = csv->training->label;
        return same_header(csv, err);
    }
    return label_choose(csv, spec->label, err);
}

static int bad_cells(const struct csv *csv, struct err *err)
{
    if (!csv->bad_count)
        return 0;
    err_set(err, ERR_BAD, "%s: %s", csv->table.file.path, str_text(&csv->bad));
    if (csv->bad_count > BAD_SHOWN)
        return err_hint(err,
                        "and %lld more bad cells; is the label column right (?label=), is there a header "
                        "(?header=yes)?",
                        (long long)csv->bad_count - BAD_SHOWN);
    return err_hint(err,
                    "features are numbers; rows with missing values must be completed or taken out first");
}

static int csv_open(struct csv *csv, const struct data_spec *spec, const char *path, struct err *err)
{
    int rc = table_open(&csv->table, path, err);
    rc = rc ? rc : table_next(&csv->table, err);
    if (!rc)
        return err_set(err, ERR_BAD, "%s: is empty", path);
    bool is_data = false;
    rc = rc < 0 ? rc : first_row(csv, spec, &is_data, err);
    return rc || !is_data ? rc : row_add(csv, err);
}

static int csv_take_rows(struct csv *csv, const struct data_spec *spec, const char *path, struct err *err)
{
    int rc = csv_open(csv, spec, path, err);
    while (!rc) {
        rc = table_next(&csv->table, err);
        if (!rc)
            break;
        rc = rc < 0 ? rc : row_add(csv, err);
    }
    if (!rc)
        rc = bad_cells(csv, err);
    if (!rc && !csv->rows)
        rc = err_set(err, ERR_BAD, "%s: has a header and no rows", path);
    return rc;
}

/* Moves the rows out; ids become classes. */
static void csv_give(struct csv *csv, const int32_t *rank, int classes, struct dataset *out)
{
    *out = (struct dataset){.x = csv->x,
                            .y = csv->id,
                            .n = csv->rows,
                            .channels = (int)features_of(csv),
                            .height = 1,
                            .width = 1,
                            .classes = classes};
    for (int i = 0; i < csv->rows; i++)
        out->y[i] = rank[out->y[i]];
    csv->x = NULL;
    csv->id = NULL;
}

int csv_read(const struct data_spec *spec, const char *path, const char *test_path, struct data_source *out,
             struct err *err)
{
    struct csv train = {0}, test = {.training = &train};
    int rc = csv_take_rows(&train, spec, path, err);
    if (!rc && test_path)
        rc = csv_take_rows(&test, spec, test_path, err);
    if (!rc) {
        int classes = train.labels.count;
        int32_t *rank = xcalloc((size_t)classes, sizeof *rank);
        out->labels = labels_take(&train.labels, rank);
        csv_give(&train, rank, classes, &out->train);
        if (test_path)
            csv_give(&test, rank, classes, &out->test);
        free(rank);
    }
    csv_fini(&test);
    csv_fini(&train);
    return rc;
}
