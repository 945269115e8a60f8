/* data_table: the cells of a comma-separated table, row by row, streamed.
 *
 * RFC 4180 with \n or \r\n: a cell in quotes may hold commas, line ends and doubled quotes. Blank lines are
 * skipped, a byte order mark is too. Cells know their line, so that every complaint can name it.
 * Refuses: rows over 1 MiB or 65,536 cells, a quote that never closes, NUL bytes.
 * Ownership: the cells of a row are borrowed until the next one; table_close frees.
 */
#ifndef HONE_WORKER_NN_DATA_TABLE_H
#define HONE_WORKER_NN_DATA_TABLE_H

#include "common/str.h"
#include "worker/nn/data_file.h"

enum { TABLE_ROW_BYTES = 1 << 20, TABLE_CELLS = 1 << 16 };

struct table {
    struct data_file file;
    char *buffer; /* bytes read ahead: buffer[at .. filled) */
    size_t at, filled;
    int64_t line;    /* of the next byte, from 1 */
    struct str text; /* the row's cells, each ended by NUL */
    size_t *starts;  /* (cells) offsets of the cells in text */
    size_t room;
    int cells;        /* of the row just read */
    int64_t row_line; /* where it began */
};

int table_open(struct table *table, const char *path, struct err *err);
void table_close(struct table *table);

/* 1: a row was read; 0: no row is left; negative: an error. */
int table_next(struct table *table, struct err *err);
const char *table_cell(const struct table *table, int i);

#endif
