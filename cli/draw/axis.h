/* axis: numbers on a line of a picture: where each lies, and which of them are written beside it.
 *
 * What is written is round: steps of 1, 2 or 5 times a power of ten; decades on a log axis (1, 2, 5 of each where there are
 * few); 0.1, 0.5, 0.9, 0.99 on a logit axis; every name, or every second, third, ... on an axis of names.
 *
 * Pure. Refuses nothing: a range without width is widened, one that a scale cannot have is made linear. Ownership: plain
 * values; names are borrowed. */
#ifndef HONE_CLI_DRAW_AXIS_H
#define HONE_CLI_DRAW_AXIS_H

#include <stdbool.h>

enum axis_scale {
    AXIS_LINEAR,
    AXIS_LOG,   /* 0 < low */
    AXIS_LOGIT, /* 0 < low, high < 1 */
    AXIS_NAMES, /* name i lies at i */
};

enum { AXIS_TITLE = 80, AXIS_TICKS_MAX = 32, TICK_TEXT = 24 };

struct axis {
    char title[AXIS_TITLE];
    enum axis_scale scale;
    double low, high; /* of the picture */
    bool is_whole;    /* no ticks between whole numbers */
    const char *const *names;
    int name_count;
};

struct tick {
    double at;
    char text[TICK_TEXT];
};

/* The axis from low to high, or somewhat further. */
void axis_set(struct axis *axis, enum axis_scale scale, double low, double high);
/* A bit of air at both ends, so that no point lies on the frame; `share` of the length each. */
void axis_air(struct axis *axis, double share);

/* 0 at low, 1 at high, on the axis' own scale; beyond it less or more. NaN where it has no place. */
double axis_place(const struct axis *axis, double x);
double axis_at(const struct axis *axis, double place); /* and back */

/* At most `most` of them, rising; how many. */
int axis_ticks(const struct axis *axis, int most, struct tick out[AXIS_TICKS_MAX]);

/* "1e-5", "0.25", "20000": at most 6 digits. */
void axis_number(double x, char out[TICK_TEXT]);

#endif
