#include "cli/draw/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"

void chart_fini(struct chart *chart)
{
    for (size_t i = 0; i < chart->count; i++) {
        free(chart->series[i].x);
        free(chart->series[i].y);
        free(chart->series[i].of);
    }
    free(chart->series);
    free(chart->rules);
    *chart = (struct chart){0};
}

struct series *chart_add(struct chart *chart, enum series_kind kind, struct style style, const char *name)
{
    GROW(chart->series, chart->room, chart->count + 1);
    struct series *series = &chart->series[chart->count++];
    *series = (struct series){.kind = kind, .style = style};
    snprintf(series->name, sizeof series->name, "%s", name);
    return series;
}

void series_point(struct series *series, double x, double y, int64_t of)
{
    GROW(series->x, series->room_x, series->count + 1);
    GROW(series->y, series->room_y, series->count + 1);
    GROW(series->of, series->room_of, series->count + 1);
    series->x[series->count] = x;
    series->y[series->count] = y;
    series->of[series->count++] = of;
}

void chart_rule(struct chart *chart, double at, bool was, const char *text)
{
    GROW(chart->rules, chart->rule_room, chart->rule_count + 1);
    struct rule *rule = &chart->rules[chart->rule_count++];
    *rule = (struct rule){.at = at, .was = was};
    snprintf(rule->text, sizeof rule->text, "%s", text);
}

static bool span_of(const struct chart *chart, bool is_x, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t s = 0; s < chart->count; s++)
        for (size_t i = 0; i < chart->series[s].count; i++) {
            double v = is_x ? chart->series[s].x[i] : chart->series[s].y[i];
            if (isfinite(v)) {
                *low = fmin(*low, v);
                *high = fmax(*high, v);
            }
        }
    return *low <= *high;
}

bool chart_span_x(const struct chart *chart, double *low, double *high)
{
    return span_of(chart, true, low, high);
}

bool chart_span_y(const struct chart *chart, double *low, double *high)
{
    return span_of(chart, false, low, high);
}

static bool is_beyond(const struct axis *axis, double v)
{
    double place = axis_place(axis, v);
    return isfinite(v) && !(place >= -1e-9 && place <= 1 + 1e-9);
}

size_t chart_beyond(const struct chart *chart)
{
    size_t count = 0;
    for (size_t s = 0; s < chart->count; s++)
        for (size_t i = 0; i < chart->series[s].count; i++)
            count +=
                is_beyond(&chart->x, chart->series[s].x[i]) || is_beyond(&chart->y, chart->series[s].y[i]);
    return count;
}

/* ---- for programs ---- */

static void axis_json(const struct axis *axis, const char *key, struct jw *w)
{
    static const char *const scales[] = {"linear", "log", "logit", "names"};
    jw_object(w, key);
    jw_text(w, "title", axis->title);
    jw_text(w, "scale", scales[axis->scale]);
    jw_num(w, "low", axis->low);
    jw_num(w, "high", axis->high);
    if (axis->scale == AXIS_NAMES) {
        jw_array(w, "names");
        for (int i = 0; i < axis->name_count; i++)
            jw_text(w, NULL, axis->names[i]);
        jw_close_array(w);
    }
    jw_close_object(w);
}

static void series_json(const struct series *series, struct jw *w)
{
    static const char *const kinds[] = {"dots", "line", "steps"};
    jw_object(w, NULL);
    jw_text(w, "name", series->name);
    jw_text(w, "kind", kinds[series->kind]);
    jw_array(w, "points");
    for (size_t i = 0; i < series->count; i++) {
        jw_array(w, NULL);
        jw_num(w, NULL, series->x[i]);
        jw_num(w, NULL, series->y[i]);
        if (series->of[i])
            jw_int(w, NULL, series->of[i]);
        jw_close_array(w);
    }
    jw_close_array(w);
    jw_close_object(w);
}

void chart_json(const struct chart *chart, struct jw *w)
{
    jw_object(w, NULL);
    jw_text(w, "title", chart->title);
    jw_text(w, "note", chart->note);
    axis_json(&chart->x, "x", w);
    axis_json(&chart->y, "y", w);
    jw_array(w, "series");
    for (size_t s = 0; s < chart->count; s++)
        series_json(&chart->series[s], w);
    jw_close_array(w);
    jw_array(w, "walls");
    for (size_t i = 0; i < chart->rule_count; i++) {
        jw_object(w, NULL);
        jw_num(w, "at", chart->rules[i].at);
        jw_bool(w, "moved", chart->rules[i].was);
        jw_text(w, "text", chart->rules[i].text);
        jw_close_object(w);
    }
    jw_close_array(w);
    jw_close_object(w);
}
