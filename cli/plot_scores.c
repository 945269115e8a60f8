/* Charts of scores: by trial, by epoch, and one metric against another. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plot.h"
#include "cli/rows.h"
#include "common/mem.h"
#include "master/search/pareto.h"

static const struct style dim = {HUE_NONE, FACE_FAINT}, best_style = {HUE_BLUE, FACE_BOLD};

static int no_scores(const struct plot *plot, struct err *err)
{
    err_set(err, ERR_NO, "no trial of study \"%s\" has a score yet", plot->study);
    return err_hint(err, "`hone trials -s %s` says what they do", plot->study);
}

static void put_title(struct axis *axis, const char *title)
{
    snprintf(axis->title, sizeof axis->title, "%s", title);
}

/* ---- history ---- */

static void add_history(const struct plot *plot, struct chart *chart)
{
    double best = NAN, last = 0;
    struct series *dots = chart_add(chart, SERIES_DOTS, dim, "trials");
    for (size_t row = 0; row < plot->trials.count; row++) {
        last = (double)plot_trial(plot, row);
        if (!isnan(plot_score(plot, row)))
            series_point(dots, last, plot_score(plot, row), plot_trial(plot, row));
    }
    struct series *steps = chart_add(chart, SERIES_STEPS, best_style, "best");
    for (size_t row = 0; row < plot->trials.count; row++)
        if (plot_better(plot, plot_score(plot, row), best)) {
            best = plot_score(plot, row);
            series_point(steps, (double)plot_trial(plot, row), best, plot_trial(plot, row));
        }
    if (steps->count && steps->x[steps->count - 1] < last)
        series_point(steps, last, best, steps->of[steps->count - 1]);
}

int plot_history(struct plot *plot, struct err *err)
{
    struct chart *chart = plot_add(plot);
    double low, high;
    add_history(plot, chart);
    if (!chart_span_x(chart, &low, &high))
        return no_scores(plot, err);
    chart->x.is_whole = true;
    axis_set(&chart->x, AXIS_LINEAR, 0, high);
    plot_fit_scores(plot, chart, &chart->y);
    put_title(&chart->x, "trial");
    put_title(&chart->y, plot_metric(plot));
    snprintf(chart->title, sizeof chart->title, "%s: %s of %zu trials, and the best so far", plot->study,
             plot_metric(plot), plot->trials.count);
    return 0;
}

/* ---- curve ---- */

static int add_curve(const struct plot *plot, struct chart *chart, int64_t trial, enum hue hue,
                     struct err *err)
{
    char name[24];
    struct rows curve;
    struct bind binds[] = {BIND_TEXT(":study", plot->study), BIND_INT(":trial", trial)};
    int rc = source_run(plot->source, "trial_curve", binds, 2, &curve, err);
    if (rc)
        return rc;
    snprintf(name, sizeof name, "%lld", (long long)trial);
    struct series *line = chart_add(chart, SERIES_LINE, (struct style){.hue = hue}, name);
    for (size_t row = 0; row < curve.count; row++)
        if (strcmp(cell_text(rows_named(&curve, row, "metric")), plot_metric(plot)) == 0)
            series_point(line, cell_num(rows_named(&curve, row, "epoch")),
                         cell_num(rows_named(&curve, row, "value")), trial);
    rows_fini(&curve);
    return 0;
}

int plot_curve(struct plot *plot, struct err *err)
{
    size_t count;
    size_t *ranking = plot_ranking(plot, &count);
    struct chart *chart = plot_add(plot);
    size_t most = plot->most < (int64_t)count ? (size_t)plot->most : count;
    double low, high;
    int rc = 0;
    for (size_t i = 0; i < most && !rc; i++)
        rc = add_curve(plot, chart, plot_trial(plot, ranking[i]), HUE_BLUE + (enum hue)(i % (HUE_COUNT - 1)),
                       err);
    free(ranking);
    if (!rc && !chart_span_x(chart, &low, &high))
        rc = no_scores(plot, err);
    if (rc)
        return rc;
    chart->x.is_whole = true;
    axis_set(&chart->x, AXIS_LINEAR, low, high);
    plot_fit_scores(plot, chart, &chart->y);
    chart->note[0] = '\0'; // the first epochs of a curve are no trials
    put_title(&chart->x, "epoch");
    put_title(&chart->y, plot_metric(plot));
    snprintf(chart->title, sizeof chart->title, "%s: %s by epoch, the best %zu of %zu trials", plot->study,
             plot_metric(plot), most, plot->trials.count);
    return 0;
}

/* ---- front ---- */

struct pairs {
    double *y; /* [count][2], more always better */
    int *rank;
    size_t count;
};

static double own_sign(const struct json *goals, size_t k, double y)
{
    return strcmp(json_text(json_get(json_at(goals, k), "goal")), "minimize") == 0 ? 0 - y : y;
}

/* The front as stairs: by the first metric, which falls as the second rises. */
static void add_front(struct chart *chart, const struct pairs *p, const struct json *goals,
                      const struct rows *found)
{
    struct series *all = chart_add(chart, SERIES_DOTS, dim, "beaten");
    for (size_t i = 0; i < p->count; i++)
        if (p->rank[i])
            series_point(all, own_sign(goals, 0, p->y[2 * i]), own_sign(goals, 1, p->y[2 * i + 1]),
                         cell_int(rows_named(found, i, "trial")));
    struct series *stairs = chart_add(chart, SERIES_STEPS, best_style, "front");
    for (double last = INFINITY;;) {
        size_t next = p->count;
        for (size_t i = 0; i < p->count; i++)
            if (!p->rank[i] && p->y[2 * i] < last && (next == p->count || p->y[2 * i] > p->y[2 * next]))
                next = i;
        if (next == p->count)
            break;
        last = p->y[2 * next];
        series_point(stairs, own_sign(goals, 0, last), own_sign(goals, 1, p->y[2 * next + 1]),
                     cell_int(rows_named(found, next, "trial")));
    }
    struct series *dots = chart_add(chart, SERIES_DOTS, best_style, "front");
    stairs = &chart->series[chart->count - 2]; // the list may have moved
    for (size_t i = 0; i < stairs->count; i++)
        series_point(dots, stairs->x[i], stairs->y[i], stairs->of[i]);
}

static void fit_metric(struct axis *axis, double low, double high)
{
    axis_set(axis, low > 0 && high > 50 * low ? AXIS_LOG : AXIS_LINEAR, low, high);
    axis_air(axis, 0.04);
}

static void draw_front(struct plot *plot, const struct rows *found, const struct json *goals)
{
    struct pairs p = {xcalloc(2 * found->count, sizeof *p.y), xcalloc(found->count, sizeof *p.rank),
                      found->count};
    struct chart *chart = plot_add(plot);
    double low = 0, high = 1;
    for (size_t i = 0; i < p.count; i++) {
        p.y[2 * i] = cell_num(rows_named(found, i, "y1"));
        p.y[2 * i + 1] = cell_num(rows_named(found, i, "y2"));
    }
    pareto_ranks(p.y, (int)p.count, 2, p.rank);
    add_front(chart, &p, goals, found);
    chart_span_x(chart, &low, &high);
    fit_metric(&chart->x, low, high);
    chart_span_y(chart, &low, &high);
    fit_metric(&chart->y, low, high);
    put_title(&chart->x, json_text(json_get(json_at(goals, 0), "name")));
    put_title(&chart->y, json_text(json_get(json_at(goals, 1), "name")));
    snprintf(chart->title, sizeof chart->title, "%s: %s over %s, the front of %zu trials", plot->study,
             chart->y.title, chart->x.title, p.count);
    if (json_count(goals) > 2)
        snprintf(chart->note, sizeof chart->note, "the front of these two metrics; the study has a third, %s",
                 json_text(json_get(json_at(goals, 2), "name")));
    free(p.y);
    free(p.rank);
}

int plot_front(struct plot *plot, struct err *err)
{
    struct rows found;
    struct bind binds[] = {BIND_TEXT(":study", plot->study)};
    int rc = source_run(plot->source, "best_front", binds, 1, &found, err);
    if (rc)
        return rc;
    if (found.count) {
        const char *text = first_text(&found, "goals");
        struct json *goals = json_parse(text, strlen(text), "goals", err);
        if (goals)
            draw_front(plot, &found, goals);
        rc = goals ? 0 : ERR_BAD;
        json_free(goals);
    } else {
        rc = err_set(err, ERR_NO, "study \"%s\" has no trial with scores of two metrics", plot->study);
        err_hint(err, "\"metric\": [{...}, {...}] makes a front; `hone plot %s history` shows one metric",
                 plot->study);
    }
    rows_fini(&found);
    return rc;
}
