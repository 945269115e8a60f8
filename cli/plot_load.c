/* What is read for a chart, and what its kinds share. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plot.h"
#include "cli/rows.h"
#include "common/mem.h"

int plot_load(struct source *source, const char *study, struct plot *out, struct err *err)
{
    struct rows head;
    *out = (struct plot){.source = source};
    int rc = source_read_study(source, study, &head, err);
    if (rc)
        return rc;
    const char *definition = first_text(&head, "definition");
    out->study = xstrdup(first_text(&head, "study"));
    out->maximize = strcmp(first_text(&head, "goal"), "maximize") == 0;
    rc = study_def_parse(definition, strlen(definition), out->study, &out->def, err);
    struct bind binds[] = {BIND_TEXT(":study", out->study), BIND_TEXT(":status", NULL)};
    if (!rc)
        rc = source_run(source, "trials", binds, 2, &out->trials, err);
    if (!rc)
        rc = source_run(source, "boxes", binds, 1, &out->boxes, err);
    rows_fini(&head);
    if (rc)
        plot_fini(out);
    return rc;
}

void plot_fini(struct plot *plot)
{
    for (size_t i = 0; i < plot->count; i++)
        chart_fini(&plot->charts[i]);
    free(plot->charts);
    for (size_t i = 0; i < plot->names_count; i++)
        free(plot->names[i]);
    free(plot->names);
    rows_fini(&plot->trials);
    rows_fini(&plot->boxes);
    study_def_fini(&plot->def);
    free(plot->study);
    *plot = (struct plot){0};
}

struct chart *plot_add(struct plot *plot)
{
    GROW(plot->charts, plot->room, plot->count + 1);
    plot->charts[plot->count] = (struct chart){0};
    return &plot->charts[plot->count++];
}

const char **plot_names(struct plot *plot, int count)
{
    GROW(plot->names, plot->names_room, plot->names_count + 1);
    return plot->names[plot->names_count++] = xcalloc((size_t)count + 1, sizeof **plot->names);
}

/* ---- scores ---- */

const char *plot_metric(const struct plot *plot)
{
    return plot->trials.count ? cell_text(rows_named(&plot->trials, 0, "metric")) : "score";
}

double plot_score(const struct plot *plot, size_t row)
{
    return cell_num(rows_named(&plot->trials, row, "score"));
}

int64_t plot_trial(const struct plot *plot, size_t row)
{
    return cell_int(rows_named(&plot->trials, row, "trial"));
}

bool plot_better(const struct plot *plot, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a) && isnan(b);
    return plot->maximize ? a > b : a < b;
}

struct place {
    double score; /* less is better */
    size_t row;
};

static int by_score(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    return p->score != q->score ? (p->score > q->score) - (p->score < q->score)
                                : (p->row > q->row) - (p->row < q->row);
}

size_t *plot_ranking(const struct plot *plot, size_t *count)
{
    struct place *places = xcalloc(plot->trials.count + 1, sizeof *places);
    size_t *rows = xcalloc(plot->trials.count + 1, sizeof *rows);
    *count = 0;
    for (size_t row = 0; row < plot->trials.count; row++) {
        double score = plot_score(plot, row);
        if (!isnan(score))
            places[(*count)++] = (struct place){plot->maximize ? -score : score, row};
    }
    qsort(places, *count, sizeof *places, by_score);
    for (size_t i = 0; i < *count; i++)
        rows[i] = places[i].row;
    free(places);
    return rows;
}

/* How much worse than the best, in units of what the median is worse, a score may be and still widen the axis. */
static const double FAR_OFF = 4;
/* From this ratio of the ends on, positive losses stand on a log scale. */
static const double DECADES = 50;

void plot_fit_scores(const struct plot *plot, struct chart *chart, struct axis *axis)
{
    double low, high;
    size_t count;
    size_t *ranking = plot_ranking(plot, &count);
    if (!chart_span_y(chart, &low, &high))
        low = 0, high = 1;
    if (count > 2) {
        double best = plot_score(plot, ranking[0]), median = plot_score(plot, ranking[count / 2]);
        double bound = best + FAR_OFF * (median - best);
        if (median != best && plot->maximize)
            low = fmax(low, bound);
        else if (median != best)
            high = fmin(high, bound);
    }
    free(ranking);
    axis_set(axis, !plot->maximize && low > 0 && high > DECADES * low ? AXIS_LOG : AXIS_LINEAR, low, high);
    bool is_share = low >= 0 && high <= 1 && plot->maximize;
    axis_air(axis, 0.04);
    if (is_share && axis->high > 1)
        axis->high = 1;
    size_t beyond = chart_beyond(chart);
    if (beyond)
        snprintf(chart->note, sizeof chart->note, "%zu far worse than the others %s drawn at the edge",
                 beyond, beyond == 1 ? "is" : "are");
}
