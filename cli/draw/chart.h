/* chart: points, lines and walls over two axes; one description of it for the terminal (chart_onto), for a file (svg.h) and
 * for programs (chart_json).
 *
 * A point beyond the axes is drawn at their end and counted, never left out in silence.
 *
 * Ownership: chart_fini frees what the functions here put in. */
#ifndef HONE_CLI_DRAW_CHART_H
#define HONE_CLI_DRAW_CHART_H

#include "cli/draw/axis.h"
#include "cli/draw/sheet.h"
#include "common/json.h"

enum series_kind {
    SERIES_DOTS,
    SERIES_LINE,  /* from point to point; NaN is a gap */
    SERIES_STEPS, /* level to the next point */
};

enum { SERIES_NAME = 72, CHART_TITLE = 200 };

struct series {
    enum series_kind kind;
    char name[SERIES_NAME]; /* stands at the end of a line; "": without */
    struct style style;
    size_t count, room_x, room_y, room_of;
    double *x, *y;
    int64_t *of; /* the trial that each point is of; 0: none */
};

/* A wall: across the chart at one value of x. */
struct rule {
    double at;
    bool was; /* it stood there once, and has moved */
    char text[SERIES_NAME];
};

struct chart {
    char title[CHART_TITLE], note[CHART_TITLE];
    struct axis x, y;
    struct series *series;
    size_t count, room;
    struct rule *rules;
    size_t rule_count, rule_room;
};

void chart_fini(struct chart *chart);
/* Borrowed until the next one is added. */
struct series *chart_add(struct chart *chart, enum series_kind kind, struct style style, const char *name);
void series_point(struct series *series, double x, double y, int64_t of);
void chart_rule(struct chart *chart, double at, bool was, const char *text);

/* The least and the most of all points; false: there is none. */
bool chart_span_x(const struct chart *chart, double *low, double *high);
bool chart_span_y(const struct chart *chart, double *low, double *high);
/* How many points lie beyond the axes. */
size_t chart_beyond(const struct chart *chart);

enum { CHART_COLS_LEAST = 24 };

/* In so many rows and columns of the sheet, title and axes included; title and note are broken at blanks where there is room for
 * it. Less than 6 rows or CHART_COLS_LEAST columns: nothing but the title. */
void chart_onto(const struct chart *chart, struct sheet *sheet, int row, int col, int rows, int cols);
void chart_json(const struct chart *chart, struct jw *w);

#endif
