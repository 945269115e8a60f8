#include "cli/curve.h"

#include <math.h>
#include <string.h>

#include "cli/options.h"
#include "cli/rows.h"
#include "common/check.h"
#include "common/mem.h"

static double mean_of(const double *values, size_t from, size_t to)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = from; i < to; i++) {
        if (isfinite(values[i])) {
            sum += values[i];
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}

void curve_spark(const double *values, size_t count, size_t width, struct str *out)
{
    static const char *const marks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double low = INFINITY, high = -INFINITY;
    size_t n = count < width ? count : width;
    for (size_t i = 0; i < n; i++) {
        double v = mean_of(values, i * count / n, (i + 1) * count / n);
        low = v < low ? v : low;
        high = v > high ? v : high;
    }
    for (size_t i = 0; i < n; i++) {
        double v = mean_of(values, i * count / n, (i + 1) * count / n);
        if (isnan(v))
            str_addc(out, ' ');
        else
            str_add(out, marks[high > low ? (size_t)((v - low) / (high - low) * 7.999) : 3]);
    }
}

/* ---- the table ---- */

static void names_of(const struct rows *curve, const char *metric, struct text_list *out)
{
    text_list_add(out, metric);
    for (size_t row = 0; row < curve->count; row++) {
        const char *name = cell_text(rows_named(curve, row, "metric"));
        size_t i = 0;
        while (i < out->count && strcmp(out->items[i], name) != 0)
            i++;
        if (i == out->count)
            text_list_add(out, name);
    }
}

static size_t index_of(const struct text_list *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return i;
    return 0;
}

/* Rows of one epoch stand together. `own`: what the master knows of an epoch, unless the trainer reports
 * such a metric. */
static void fill(const struct rows *curve, const struct text_list *names, const struct text_list *own,
                 struct rows *out)
{
    size_t cols = (size_t)out->cols;
    int64_t epoch = -1;
    for (size_t row = 0; row < curve->count; row++) {
        int64_t at = cell_int(rows_named(curve, row, "epoch"));
        if (at != epoch)
            out->cells[out->count++ * cols] = (struct cell){.kind = CELL_INT, .integer = epoch = at};
        struct cell *to = &out->cells[(out->count - 1) * cols];
        to[1 + index_of(names, cell_text(rows_named(curve, row, "metric")))] =
            *rows_named(curve, row, "value");
        for (size_t i = 0; i < own->count; i++)
            to[1 + names->count + i] = *rows_named(curve, row, own->items[i]);
    }
}

static void own_names(const struct text_list *metrics, struct text_list *out)
{
    static const char *const own[] = {"seconds", "attempt"};
    for (size_t i = 0; i < COUNT_OF(own); i++) {
        size_t m = 0;
        while (m < metrics->count && strcmp(metrics->items[m], own[i]) != 0)
            m++;
        if (m == metrics->count)
            text_list_add(out, own[i]);
    }
}

void curve_table(const struct rows *curve, const char *metric, struct rows *out)
{
    struct text_list names = {0}, own = {0};
    names_of(curve, metric, &names);
    own_names(&names, &own);
    *out = (struct rows){.cols = (int)(1 + names.count + own.count), .room = curve->count};
    out->names = xcalloc((size_t)out->cols, sizeof *out->names);
    out->names[0] = xstrdup("epoch");
    for (size_t i = 0; i < names.count; i++)
        out->names[1 + i] = xstrdup(names.items[i]);
    for (size_t i = 0; i < own.count; i++)
        out->names[1 + names.count + i] = xstrdup(own.items[i]);
    out->cells = xcalloc(curve->count * (size_t)out->cols + 1, sizeof *out->cells);
    fill(curve, &names, &own, out);
    text_list_fini(&names);
    text_list_fini(&own);
}

static bool is_kept(const struct rows *rows, size_t row, void *arg)
{
    size_t most = *(size_t *)arg, last = rows->count - 1;
    return row == last || row * (most - 1) / last != (row ? (row - 1) * (most - 1) / last : (size_t)-1);
}

void curve_thin(struct rows *rows, size_t most)
{
    if (rows->count > most && most > 1)
        rows_filter(rows, is_kept, &most);
}
