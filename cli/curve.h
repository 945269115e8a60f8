/* curve: one trial's learning curve as a line of text and as a table.
 *
 * Ownership: rows are the caller's. */
#ifndef HONE_CLI_CURVE_H
#define HONE_CLI_CURVE_H

#include "common/str.h"
#include "sql/query.h"

/* ▁▂▃▅▇, at most `width` marks (the mean of the epochs each stands for), low to high; a gap where there is no
 * number. */
void curve_spark(const double *values, size_t count, size_t width, struct str *out);

/* From the rows of trial_curve (one per epoch and metric) to one row per epoch and a column per metric, the
 * study's own first. */
void curve_table(const struct rows *curve, const char *metric, struct rows *out);

/* At most `most` rows: the first, the last and some between, evenly. */
void curve_thin(struct rows *rows, size_t most);

#endif
