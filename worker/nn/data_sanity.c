#include "worker/nn/data_sanity.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"

/* ---- classes ---- */

static int *classes_count(const struct dataset *set, int classes)
{
    int *count = xcalloc((size_t)classes + 1, sizeof *count);
    for (int i = 0; i < set->n; i++)
        count[set->y[i]]++;
    return count;
}

static int classes_absent(const int *count, int classes)
{
    int absent = 0;
    for (int c = 0; c < classes; c++)
        absent += !count[c];
    return absent;
}

static void balance_measure(const struct data_split *split, struct data_sanity *out)
{
    int classes = out->classes, most = 0;
    int *train = classes_count(&split->train, classes), *val = classes_count(&split->val, classes);
    for (int c = 1; c < classes; c++) {
        if (train[c] > train[out->largest])
            out->largest = c;
        if (train[c] < train[out->smallest])
            out->smallest = c;
    }
    for (int c = 0; c < classes; c++)
        most = val[c] > most ? val[c] : most;
    out->largest_count = train[out->largest];
    out->smallest_count = train[out->smallest];
    out->absent_train = classes_absent(train, classes);
    out->absent_val = classes_absent(val, classes);
    out->chance = out->val ? (double)most / out->val : 0;
    free(train);
    free(val);
}

/* ---- features ---- */

static void constant_measure(const struct dataset *train, struct data_sanity *out)
{
    int width = dataset_width(train);
    bool *varies = xcalloc((size_t)width, sizeof *varies);
    for (int i = 1; i < train->n; i++)
        for (int f = 0; f < width; f++)
            varies[f] |= train->x[(size_t)i * (size_t)width + (size_t)f] != train->x[f];
    for (int f = width; f-- > 0;)
        if (!varies[f]) {
            out->constant++;
            out->first_constant = f;
        }
    free(varies);
}

static void finite_measure(const struct dataset *set, const char *part, struct data_sanity *out)
{
    size_t width = set->n ? (size_t)dataset_width(set) : 0, count = (size_t)set->n * width;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(set->x[i]))
            continue;
        if (!out->not_finite++) {
            out->first_part = part;
            out->first_row = (int)(i / width);
            out->first_feature = (int)(i % width);
        }
    }
}

/* ---- duplicates: an open-addressing table of the training rows by fingerprint ---- */

struct row_table {
    const struct dataset *set;
    size_t bytes;    /* of a row */
    uint32_t mask;   /* slots - 1; a power of two, at least twice the rows */
    int32_t *rows;   /* (mask + 1), -1: empty */
    uint64_t *print; /* (n) by row */
};

static uint64_t row_print(const float *row, size_t bytes)
{
    uint64_t print = bytes;
    const unsigned char *at = (const unsigned char *)row;
    for (; bytes >= sizeof print; bytes -= sizeof print, at += sizeof print) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        print = hash_mix(print, word);
    }
    uint64_t rest = 0;
    memcpy(&rest, at, bytes);
    return hash_mix(print, rest);
}

static const float *row_of(const struct row_table *table, int row)
{
    return table->set->x + (size_t)row * (table->bytes / sizeof(float));
}

/* The row's slot: where an equal one is, or the empty one where it belongs. */
static uint32_t row_slot(const struct row_table *table, const float *row, uint64_t print)
{
    uint32_t slot = (uint32_t)(print >> 32) & table->mask;
    for (; table->rows[slot] >= 0; slot = (slot + 1) & table->mask) {
        int there = table->rows[slot];
        if (table->print[there] == print && !memcmp(row_of(table, there), row, table->bytes))
            break;
    }
    return slot;
}

static void row_table_fill(struct row_table *table, struct data_sanity *out)
{
    for (int i = 0; i < table->set->n; i++) {
        const float *row = row_of(table, i);
        table->print[i] = row_print(row, table->bytes);
        uint32_t slot = row_slot(table, row, table->print[i]);
        if (table->rows[slot] < 0) {
            table->rows[slot] = i;
            continue;
        }
        out->repeated++;
        out->contradictions += table->set->y[i] != table->set->y[table->rows[slot]];
    }
}

static int rows_shared(const struct row_table *table, const struct dataset *set)
{
    int shared = 0;
    for (int i = 0; i < set->n; i++) {
        const float *row = set->x + (size_t)i * (table->bytes / sizeof(float));
        shared += table->rows[row_slot(table, row, row_print(row, table->bytes))] >= 0;
    }
    return shared;
}

static void duplicates_measure(const struct data_split *split, struct data_sanity *out)
{
    struct row_table table = {
        .set = &split->train, .bytes = (size_t)out->features * sizeof(float), .mask = 1};
    while (table.mask < 2 * (uint32_t)split->train.n)
        table.mask = table.mask << 1 | 1;
    table.rows = xmalloc(((size_t)table.mask + 1) * sizeof *table.rows);
    table.print = xcalloc((size_t)split->train.n + 1, sizeof *table.print);
    memset(table.rows, 0xff, ((size_t)table.mask + 1) * sizeof *table.rows);
    row_table_fill(&table, out);
    out->shared_val = rows_shared(&table, &split->val);
    out->shared_test = rows_shared(&table, &split->test);
    free(table.rows);
    free(table.print);
}

void data_sanity_measure(const struct data_split *split, struct data_sanity *out)
{
    *out = (struct data_sanity){.train = split->train.n,
                                .val = split->val.n,
                                .test = split->test.n,
                                .features = dataset_width(&split->train),
                                .classes = split->train.classes,
                                .first_constant = -1,
                                .first_row = -1,
                                .first_feature = -1};
    balance_measure(split, out);
    constant_measure(&split->train, out);
    finite_measure(&split->train, "train", out);
    finite_measure(&split->val, "validation", out);
    finite_measure(&split->test, "test", out);
    duplicates_measure(split, out);
}

/* ---- judgement ---- */

static struct sanity_finding *found(struct sanity_finding *out, enum sanity_verdict verdict,
                                    const char *check, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static struct sanity_finding *found(struct sanity_finding *out, enum sanity_verdict verdict,
                                    const char *check, const char *fmt, ...)
{
    *out = (struct sanity_finding){.verdict = verdict};
    snprintf(out->check, sizeof out->check, "%s", check);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, ap);
    va_end(ap);
    return out;
}

static void hint(struct sanity_finding *out, const char *text)
{
    if (out->verdict != SANITY_OK)
        snprintf(out->hint, sizeof out->hint, "%s", text);
}

/* Ten to one is where plain accuracy starts to flatter; a class without samples cannot be learned at all. */
static void balance_judge(const struct data_sanity *s, struct sanity_finding *out)
{
    bool lopsided = s->largest_count > 10LL * s->smallest_count;
    found(out,
          s->absent_train             ? SANITY_FAIL
          : lopsided || s->absent_val ? SANITY_WARN
                                      : SANITY_OK,
          "balance",
          "%d classes; class %d has %d training samples, class %d has %d; always guessing one class gets "
          "%.3g on "
          "validation",
          s->classes, s->largest, s->largest_count, s->smallest, s->smallest_count, s->chance);
    hint(out, s->absent_train ? "a class has no training sample: more data, or leave that class out"
              : lopsided      ? "compare accuracies with the constant guess; look at the confusion matrix"
                              : "a class has no validation sample: a larger validation part, or folds");
}

static void constant_judge(const struct data_sanity *s, struct sanity_finding *out)
{
    bool many = 2LL * s->constant > s->features;
    if (s->constant)
        found(out,
              s->constant == s->features ? SANITY_FAIL
              : many                     ? SANITY_WARN
                                         : SANITY_OK,
              "constant", "%d of %d features never change in the training part (the first is number %d)",
              s->constant, s->features, s->first_constant + 1);
    else
        found(out, SANITY_OK, "constant", "all %d features vary", s->features);
    hint(out, "were the right columns read? constant features carry nothing");
}

static void finite_judge(const struct data_sanity *s, struct sanity_finding *out)
{
    if (s->not_finite)
        found(out, SANITY_FAIL, "finite",
              "%lld values are NaN or infinite, the first in the %s part: row %d, feature %d",
              (long long)s->not_finite, s->first_part, s->first_row + 1, s->first_feature + 1);
    else
        found(out, SANITY_OK, "finite", "no NaN, no infinity");
    hint(out, "repair or leave out these samples: one of them turns every weight into NaN");
}

/* A few samples twice are normal; a percent makes validation look too good. */
static void duplicates_judge(const struct data_sanity *s, struct sanity_finding *out)
{
    bool leak = 100LL * s->shared_val > s->val || 100LL * s->shared_test > s->test;
    found(
        out,
        leak                              ? SANITY_FAIL
        : s->shared_val || s->shared_test ? SANITY_WARN
                                          : SANITY_OK,
        "duplicates",
        "%d of %d validation and %d of %d test samples are training samples, too; %d repeats within training",
        s->shared_val, s->val, s->shared_test, s->test, s->repeated);
    hint(out, "validation rewards learning by heart: remove the duplicates before splitting");
}

static void labels_judge(const struct data_sanity *s, struct sanity_finding *out)
{
    found(out, s->contradictions ? SANITY_WARN : SANITY_OK, "labels",
          s->contradictions ? "%d training samples repeat an earlier one with another label"
                            : "equal samples have equal labels (%d exceptions)",
          s->contradictions);
    hint(out, "these cannot both be right: look at them");
}

void data_sanity_judge(const struct data_sanity *sanity, struct sanity_finding out[SANITY_CHECKS])
{
    balance_judge(sanity, &out[0]);
    constant_judge(sanity, &out[1]);
    finite_judge(sanity, &out[2]);
    duplicates_judge(sanity, &out[3]);
    labels_judge(sanity, &out[4]);
}
