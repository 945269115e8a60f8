/* plot: charts of a study: what is read for them, and one function for each kind.
 *
 *   history  each trial's score, and the best so far
 *   curve    the metric by epoch, of the best trials
 *   params   the score over each parameter, on the parameter's own scale, with the walls
 *   walls    each parameter by trial, and where its walls stood
 *   front    of several metrics, the first two against each other
 *
 * Ownership: plot_fini frees, charts included. */
#ifndef HONE_CLI_PLOT_H
#define HONE_CLI_PLOT_H

#include "cli/draw/chart.h"
#include "cli/options.h"
#include "cli/source.h"
#include "master/study_def.h"

struct plot {
    struct source *source; /* borrowed */
    char *study;
    struct study_def def;
    bool maximize;
    int64_t most;                 /* curves */
    const struct text_list *only; /* parameters; empty: all. Borrowed */
    struct rows trials, boxes;
    struct chart *charts;
    size_t count, room;
    const char ***names; /* of choices, one list for each chart that has an axis of them */
    size_t names_count, names_room;
};

/* `study`: its name; NULL or "": the newest. */
int plot_load(struct source *source, const char *study, struct plot *out, struct err *err);
void plot_fini(struct plot *plot);

typedef int plot_kind(struct plot *plot, struct err *err);
plot_kind plot_history, plot_curve, plot_params, plot_walls, plot_front;

/* ---- for them ---- */

struct chart *plot_add(struct plot *plot);             /* borrowed until the next */
const char **plot_names(struct plot *plot, int count); /* room for as many; the plot's own */
const char *plot_metric(const struct plot *plot);
/* NaN: it has none. */
double plot_score(const struct plot *plot, size_t row);
int64_t plot_trial(const struct plot *plot, size_t row);
/* Is a the better score? NaN is worse than any number. */
bool plot_better(const struct plot *plot, double a, double b);
/* Rows of trials with a score, the best first. The caller frees. */
size_t *plot_ranking(const struct plot *plot, size_t *count);
/* Scores along an axis: all of them, or, where a few are far worse than the others, without those; then the chart's note says
 * so. Scores that span decades stand on a log scale. */
void plot_fit_scores(const struct plot *plot, struct chart *chart, struct axis *axis);

#endif
