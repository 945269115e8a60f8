/* What the tests of master/search share: spaces and searches from a line of JSON, and the statistics of the
 * oracles. Seeds are fixed and nothing is run again, so each bound is for one test at alpha = 1e-3. */
#ifndef HONE_TESTS_UNIT_SEARCH_H
#define HONE_TESTS_UNIT_SEARCH_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/mem.h"
#include "master/search/sampler.h"

/* A test whose JSON must be right. */
static inline struct space space_of(const char *text)
{
    struct err err = ERR_NONE;
    struct space space;
    struct json *root = json_parse(text, strlen(text), "study.json", &err);
    struct jcur cur = jcur_root(root, "study.json");
    if (!root || space_parse(&cur, &space, &err))
        fail_msg("%s (%s)", err.text, err.hint);
    json_free(root);
    return space;
}

static inline struct search_def search_of(const char *text, const struct space *space)
{
    struct err err = ERR_NONE;
    struct search_def def;
    struct json *root = json_parse(text, strlen(text), "study.json", &err);
    struct jcur cur = jcur_root(root, "study.json");
    if (!root || search_parse(&cur, space, &def, &err))
        fail_msg("%s (%s)", err.text, err.hint);
    json_free(root);
    return def;
}

/* The complaint must have both pieces in it; returns the code. */
static inline void expect_complaint(const struct err *err, int rc, const char *text, const char *hint)
{
    assert_int_equal(rc, ERR_BAD);
    if (!strstr(err->text, text))
        fail_msg("\"%s\" does not say \"%s\"", err->text, text);
    if (hint && !strstr(err->hint, hint))
        fail_msg("hint \"%s\" does not say \"%s\" (%s)", err->hint, hint, err->text);
}

static inline int compare_num(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov-Smirnov distance of n numbers from the uniform law on [lo, hi]; sorts them. */
static inline double ks_uniform(double *x, int n, double lo, double hi)
{
    double worst = 0;
    qsort(x, (size_t)n, sizeof *x, compare_num);
    for (int i = 0; i < n; i++) {
        double u = (x[i] - lo) / (hi - lo);
        worst = fmax(worst, fmax(fabs(u - (double)i / n), fabs(u - (double)(i + 1) / n)));
    }
    return worst;
}

static inline double correlation(const double *x, const double *y, int n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < n; i++) {
        mx += x[i] / n;
        my += y[i] / n;
    }
    for (int i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    return xy / sqrt(xx * yy);
}

#endif
