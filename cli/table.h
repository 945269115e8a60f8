/* table: the same rows as an aligned table, as CSV or as JSON.
 *
 * CSV (RFC 4180, ended by \n) and JSON (an array of objects, one a line) carry every column and every digit.
 * The table is for people: numbers stand on their decimal points with four digits, times and sizes have
 * units, a column is shortened and then left out where the terminal is too narrow, and the last line says so.
 * What the database holds is not trusted with the terminal: control characters become '?'.
 *
 * Ownership: everything is borrowed, the caller frees `out`.
 */
#ifndef HONE_CLI_TABLE_H
#define HONE_CLI_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "common/json.h"
#include "common/str.h"
#include "sql/query.h"

enum table_format { TABLE_TEXT, TABLE_CSV, TABLE_JSON };

struct table_style {
    enum table_format format;
    int width;           /* columns of the terminal; 0: as wide as it gets */
    bool colour;         /* status names */
    const char *in_full; /* the option that prints what a narrow terminal has no room for; NULL: --csv */
};

/* How a column looks in TABLE_TEXT; columns without a row here are plain. */
enum column_kind {
    COLUMN_PLAIN,
    COLUMN_DURATION_MS,
    COLUMN_SECONDS,
    COLUMN_TIME_MS,
    COLUMN_BYTES,
    COLUMN_IF_ANY,    /* not shown if every cell is null or 0 */
    COLUMN_DATA_ONLY, /* CSV and JSON alone */
};

struct column {
    const char *name;
    enum column_kind kind;
    const char *title; /* NULL: the name */
};

/* `columns` ends with a NULL name; NULL: all plain. */
void table_print(const struct rows *rows, const struct column *columns, const struct table_style *style,
                 struct str *out);

/* To standard output, in the style asked for. */
void table_show(const struct rows *rows, const struct column *columns, bool csv, bool json);
/* The same for one of several tables of a command, which has them all in --json and none in --csv. */
void table_show_part(const struct rows *rows, const struct column *columns);

/* "1.234e-05": four digits, as in tables. */
void table_number(double value, char out[32]);

/* Appends text with control characters replaced, at most so many columns wide ("abc…"); 0: no bound. */
void table_clean(struct str *out, const char *text, size_t max_columns);

#endif
