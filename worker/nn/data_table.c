#include "worker/nn/data_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

enum { READ_AHEAD = 1 << 16, END = -1000 }; /* END is no byte and no err_code */

int table_open(struct table *table, const char *path, struct err *err)
{
    *table = (struct table){.line = 1};
    int rc = data_file_open(&table->file, NULL, path, err);
    if (rc)
        return rc;
    table->buffer = xmalloc(READ_AHEAD);
    rc = data_file_some(&table->file, table->buffer, READ_AHEAD, &table->filled, err);
    if (!rc && table->filled >= 3 && !memcmp(table->buffer, "\xEF\xBB\xBF", 3))
        table->at = 3;
    return rc;
}

void table_close(struct table *table)
{
    data_file_close(&table->file);
    free(table->buffer);
    free(table->starts);
    str_fini(&table->text);
    *table = (struct table){0};
}

const char *table_cell(const struct table *table, int i)
{
    PRE(i >= 0 && i < table->cells);
    return table->text.text + table->starts[i];
}

/* The next byte without taking it, END, or an error code. */
static int peek(struct table *table, struct err *err)
{
    if (table->at == table->filled) {
        int rc = data_file_some(&table->file, table->buffer, READ_AHEAD, &table->filled, err);
        table->at = 0;
        if (rc)
            return rc;
        if (!table->filled)
            return END;
    }
    return (unsigned char)table->buffer[table->at];
}

static int row_fail(const struct table *table, const char *what, struct err *err)
{
    return err_set(err, ERR_BAD, "%s: line %lld: %s", table->file.path, (long long)table->row_line, what);
}

/* Takes the byte that peek showed into the row. */
static int keep(struct table *table, int byte, struct err *err)
{
    if (!byte) {
        row_fail(table, "a NUL byte: is this a text file?", err);
        return err_hint(err, "images are read by their folder, as idx:DIR or cifar10:DIR");
    }
    if (table->text.len >= TABLE_ROW_BYTES)
        return row_fail(table, "longer than 1 MiB: does a quote miss its partner?", err);
    table->at++;
    table->line += byte == '\n';
    str_addc(&table->text, (char)byte);
    return 0;
}

static bool is_plain(char byte)
{
    return byte && byte != ',' && byte != '\n' && byte != '\r';
}

/* Takes as many bytes of an unquoted cell as were read ahead: most cells are a few digits, most time is here. */
static int keep_run(struct table *table, int byte, struct err *err)
{
    size_t end = table->at;
    while (end < table->filled && is_plain(table->buffer[end]))
        end++;
    if (end == table->at || table->text.len + (end - table->at) > TABLE_ROW_BYTES)
        return keep(table, byte, err);
    str_addn(&table->text, table->buffer + table->at, end - table->at);
    table->at = end;
    return 0;
}

/* After the opening quote up to after the closing one. */
static int quoted(struct table *table, struct err *err)
{
    for (;;) {
        int byte = peek(table, err);
        if (byte == END)
            return row_fail(table, "a quote that never closes", err);
        if (byte < 0)
            return byte;
        if (byte == '"') {
            table->at++;
            if (peek(table, err) != '"')
                return 0;
        }
        int rc = keep(table, byte, err);
        if (rc)
            return rc;
    }
}

/* One cell; the byte after it (comma, line end, END) is left for the caller, who gets it. */
static int cell_read(struct table *table, struct err *err)
{
    if (table->cells >= TABLE_CELLS)
        return row_fail(table, "more than 65,536 cells", err);
    GROW(table->starts, table->room, (size_t)table->cells + 1);
    table->starts[table->cells++] = table->text.len;
    int byte = peek(table, err);
    if (byte == '"') {
        table->at++;
        int rc = quoted(table, err);
        if (rc)
            return rc;
        byte = peek(table, err);
        if (byte >= 0 && byte != ',' && byte != '\n' && byte != '\r')
            return row_fail(table, "text after a closing quote; a quote inside quotes is written twice", err);
    }
    while (byte >= 0 && byte != ',' && byte != '\n' && byte != '\r') {
        int rc = keep_run(table, byte, err);
        if (rc)
            return rc;
        byte = peek(table, err);
    }
    str_addn(&table->text, "", 1);
    return byte;
}

static void line_end_take(struct table *table)
{
    if (peek(table, NULL) == '\r')
        table->at++;
    if (peek(table, NULL) == '\n') {
        table->at++;
        table->line++;
    }
}

static int row_read(struct table *table, struct err *err)
{
    table->cells = 0;
    table->row_line = table->line;
    str_clear(&table->text);
    for (;;) {
        int byte = cell_read(table, err);
        if (byte < 0 && byte != END)
            return byte;
        if (byte != ',') {
            line_end_take(table);
            return 1;
        }
        table->at++;
    }
}

int table_next(struct table *table, struct err *err)
{
    for (;;) {
        int byte = peek(table, err);
        if (byte == END)
            return 0;
        if (byte < 0)
            return byte;
        if (byte != '\n' && byte != '\r')
            return row_read(table, err);
        line_end_take(table);
    }
}
