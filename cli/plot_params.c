/* Charts of parameters: the score over each, and each over the search, with the walls where they stand and stood. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plot.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "common/mem.h"

enum { TOP_SHARE = 10 };

/* A parameter's walls from one trial on. */
struct stand {
    double low, high;
    int64_t from; /* trials that were made before */
};

struct axis_of {
    struct plot *plot;
    const struct param *param;
    struct stand *stands;
    size_t count, room;
};

static void add_stand(struct axis_of *a, struct stand stand)
{
    GROW(a->stands, a->room, a->count + 1);
    a->stands[a->count++] = stand;
}

static void read_walls(struct axis_of *a)
{
    const struct rows *boxes = &a->plot->boxes;
    add_stand(a, (struct stand){a->param->low, a->param->high, 0});
    for (size_t row = 0; row < boxes->count; row++) {
        const char *text = cell_text(rows_named(boxes, row, "walls"));
        struct json *box = json_parse(text, strlen(text), "box", NULL);
        const struct json *wall = box ? json_get(box, a->param->name) : NULL, *low = json_get(wall, "low");
        const struct stand *last = &a->stands[a->count - 1];
        struct stand next = {json_num(low), json_num(json_get(wall, "high")),
                             cell_int(rows_named(boxes, row, "trials"))};
        if (low && (next.low != last->low || next.high != last->high))
            add_stand(a, next);
        json_free(box);
    }
}

static enum axis_scale scale_of(const struct param *param)
{
    switch (param->dist) {
    case DIST_LOG:
    case DIST_INT_LOG: return AXIS_LOG;
    case DIST_LOGIT: return AXIS_LOGIT;
    case DIST_CHOICE: return AXIS_NAMES;
    case DIST_UNIFORM:
    case DIST_INT:
    case DIST_VALUES: return AXIS_LINEAR;
    }
    return AXIS_LINEAR;
}

/* Where a trial lies on the axis; NaN: the parameter is off there. */
static double value_of(const struct axis_of *a, const struct json *params)
{
    const struct json *value = json_get(params, a->param->name);
    if (!value || json_type(value) == JSON_NULL)
        return NAN;
    if (a->param->dist != DIST_CHOICE)
        return json_type(value) == JSON_NUM ? json_num(value) : NAN;
    struct value found;
    bool known = json_type(value) == JSON_NUM ? value_from_num(a->param, json_num(value), &found)
                                              : value_from_text(a->param, json_text(value), &found);
    return known ? found.choice : NAN;
}

/* Points of one choice would cover each other: the golden ratio spreads them, the same at every look. */
static double spread(const struct axis_of *a, double value, int64_t trial)
{
    double turn = (double)trial * 0.6180339887498949;
    return a->param->dist == DIST_CHOICE ? value + (turn - floor(turn) - 0.5) * 0.5 : value;
}

/* From the outermost walls and points. */
static void fit(const struct axis_of *a, struct axis *axis, double low, double high)
{
    enum axis_scale scale = scale_of(a->param);
    snprintf(axis->title, sizeof axis->title, "%s", a->param->name);
    if (scale == AXIS_NAMES) {
        const char **names = plot_names(a->plot, a->param->choice_count);
        for (int i = 0; i < a->param->choice_count; i++)
            names[i] = a->param->choices[i].text;
        axis->names = names;
        axis->name_count = a->param->choice_count;
        axis_set(axis, AXIS_NAMES, -0.5, a->param->choice_count - 0.5);
        return;
    }
    for (size_t i = 0; i < a->count; i++) {
        low = fmin(low, a->stands[i].low);
        high = fmax(high, a->stands[i].high);
    }
    if (scale == AXIS_LOG && !(low > 0)) // 0 of or_zero: at the edge
        low = a->stands[0].low;
    axis->is_whole = param_is_int(a->param);
    axis_set(axis, scale, low, high);
    axis_air(axis, 0.03);
}

static void add_move(struct str *out, const char *side, double was, double is, int64_t from)
{
    char before[32], after[32];
    if (was == is)
        return;
    table_number(was, before);
    table_number(is, after);
    str_addf(out, "%s%s wall %s → %s after %lld trials", out->len ? "; " : "", side, before, after,
             (long long)from);
}

/* All of them where they have room, else how many and the newest. */
static void note_moves(const struct axis_of *a, struct chart *chart)
{
    struct str moves = {0}, newest = {0};
    for (size_t i = 1; i < a->count; i++) {
        const struct stand *was = &a->stands[i - 1], *is = &a->stands[i];
        str_clear(&newest);
        add_move(&newest, "bottom", was->low, is->low, is->from);
        add_move(&newest, "top", was->high, is->high, is->from);
        str_addf(&moves, "%s%s", moves.len ? "; " : "", str_text(&newest));
    }
    if (chart->note[0] && moves.len)
        str_copy(chart->note + strlen(chart->note), sizeof chart->note - strlen(chart->note), "; ");
    size_t len = strlen(chart->note), room = sizeof chart->note - len;
    if (moves.len < room)
        str_copy(chart->note + len, room, str_text(&moves));
    else
        snprintf(chart->note + len, room, "%zu moves, the newest: %s", a->count - 1, str_text(&newest));
    str_fini(&moves);
    str_fini(&newest);
}

/* ---- the score over the parameter ---- */

static void add_rules(const struct axis_of *a, struct chart *chart)
{
    const struct stand *now = &a->stands[a->count - 1];
    for (size_t i = 0; i < a->count; i++) {
        char text[SERIES_NAME], number[32];
        for (int side = 0; side < 2; side++) {
            double at = side ? a->stands[i].high : a->stands[i].low;
            bool was = at != (side ? now->high : now->low);
            bool again = i > 0 && at == (side ? a->stands[i - 1].high : a->stands[i - 1].low);
            table_number(at, number);
            snprintf(text, sizeof text, "%s wall%s: %s", side ? "top" : "bottom", was ? ", moved since" : "",
                     number);
            if (!again)
                chart_rule(chart, at, was, text);
        }
    }
}

static void add_scores(const struct axis_of *a, struct chart *chart)
{
    const struct plot *plot = a->plot;
    size_t count;
    size_t *ranking = plot_ranking(plot, &count);
    struct series *of[2];
    chart_add(chart, SERIES_DOTS, (struct style){HUE_NONE, FACE_FAINT}, "others");
    chart_add(chart, SERIES_DOTS, (struct style){HUE_RED, FACE_BOLD}, "best tenth");
    of[0] = &chart->series[0];
    of[1] = &chart->series[1];
    for (size_t i = count; i-- > 0;) {
        const char *text = cell_text(rows_named(&plot->trials, ranking[i], "params"));
        struct json *params = json_parse(text, strlen(text), "params", NULL);
        double x = value_of(a, params);
        int64_t trial = plot_trial(plot, ranking[i]);
        if (!isnan(x))
            series_point(of[i * TOP_SHARE < count], spread(a, x, trial), plot_score(plot, ranking[i]), trial);
        json_free(params);
    }
    free(ranking);
}

static void draw_scores(struct axis_of *a)
{
    static const char *const scales[] = {"", ", log scale", ", logit scale", ""};
    struct chart *chart = plot_add(a->plot);
    double low, high;
    add_scores(a, chart);
    if (!chart_span_x(chart, &low, &high))
        low = a->param->low, high = a->param->high;
    fit(a, &chart->x, low, high);
    plot_fit_scores(a->plot, chart, &chart->y);
    if (a->param->dist != DIST_CHOICE)
        add_rules(a, chart);
    note_moves(a, chart);
    snprintf(chart->y.title, sizeof chart->y.title, "%s", plot_metric(a->plot));
    snprintf(chart->title, sizeof chart->title, "%s over %s%s", plot_metric(a->plot), a->param->name,
             scales[chart->x.scale]);
}

/* ---- the parameter over the search ---- */

static void add_values(const struct axis_of *a, struct chart *chart)
{
    const struct plot *plot = a->plot;
    size_t count;
    size_t *ranking = plot_ranking(plot, &count);
    bool *top = xcalloc(plot->trials.count + 1, sizeof *top);
    for (size_t i = 0; i < count; i++)
        top[ranking[i]] = i * TOP_SHARE < count;
    chart_add(chart, SERIES_DOTS, (struct style){HUE_NONE, FACE_FAINT}, "trials");
    chart_add(chart, SERIES_DOTS, (struct style){HUE_RED, FACE_BOLD}, "best tenth");
    for (size_t row = 0; row < plot->trials.count; row++) {
        const char *text = cell_text(rows_named(&plot->trials, row, "params"));
        struct json *params = json_parse(text, strlen(text), "params", NULL);
        double y = value_of(a, params);
        int64_t trial = plot_trial(plot, row);
        if (!isnan(y))
            series_point(&chart->series[top[row]], (double)trial, y, trial);
        json_free(params);
    }
    free(top);
    free(ranking);
}

static void add_wall(const struct axis_of *a, struct chart *chart, bool is_high, double last)
{
    struct series *wall =
        chart_add(chart, SERIES_STEPS, (struct style){.hue = HUE_BLUE}, is_high ? "top" : "bottom");
    for (size_t i = 0; i < a->count; i++)
        series_point(wall, (double)a->stands[i].from, is_high ? a->stands[i].high : a->stands[i].low, 0);
    series_point(wall, last, wall->y[wall->count - 1], 0);
}

static void draw_walls(struct axis_of *a)
{
    struct chart *chart = plot_add(a->plot);
    double low, high, last = 1;
    add_values(a, chart);
    if (chart_span_x(chart, &low, &high))
        last = high;
    if (!chart_span_y(chart, &low, &high))
        low = a->param->low, high = a->param->high;
    chart->x.is_whole = true;
    axis_set(&chart->x, AXIS_LINEAR, 0, last);
    fit(a, &chart->y, low, high);
    add_wall(a, chart, true, last);
    add_wall(a, chart, false, last);
    note_moves(a, chart);
    snprintf(chart->x.title, sizeof chart->x.title, "trial");
    snprintf(chart->title, sizeof chart->title, "%s by trial, and its walls", a->param->name);
}

/* ---- which ---- */

static bool is_asked(const struct plot *plot, const char *name)
{
    for (size_t i = 0; plot->only && i < plot->only->count; i++)
        if (strcmp(plot->only->items[i], name) == 0)
            return true;
    return !plot->only || !plot->only->count;
}

static int check_only(const struct plot *plot, struct err *err)
{
    for (size_t i = 0; plot->only && i < plot->only->count; i++) {
        struct text_list names = {0};
        if (space_find(&plot->def.space, plot->only->items[i]) >= 0)
            continue;
        for (int k = 0; k < plot->def.space.count; k++)
            text_list_add(&names, plot->def.space.params[k].name);
        text_list_add(&names, NULL);
        const char *near = nearest_name(plot->only->items[i], names.items);
        err_set(err, ERR_BAD, "--param: study \"%s\" has no parameter \"%.64s\"", plot->study,
                plot->only->items[i]);
        if (near)
            err_hint(err, "did you mean %s?", near);
        text_list_fini(&names);
        return ERR_BAD;
    }
    return 0;
}

static int draw_each(struct plot *plot, bool is_walls, struct err *err)
{
    int rc = check_only(plot, err);
    for (int i = 0; i < plot->def.space.count && !rc; i++) {
        struct axis_of a = {.plot = plot, .param = &plot->def.space.params[i]};
        if (!is_asked(plot, a.param->name) || (is_walls && a.param->dist == DIST_CHOICE))
            continue;
        read_walls(&a);
        (is_walls ? draw_walls : draw_scores)(&a);
        free(a.stands);
    }
    if (!rc && !plot->count)
        rc = err_set(err, ERR_NO, "study \"%s\" has no parameter with walls among these", plot->study);
    return rc;
}

int plot_params(struct plot *plot, struct err *err)
{
    return draw_each(plot, false, err);
}

int plot_walls(struct plot *plot, struct err *err)
{
    return draw_each(plot, true, err);
}
