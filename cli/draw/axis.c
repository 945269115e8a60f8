#include "cli/draw/axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"

/* ---- places ---- */

static double scaled(enum axis_scale scale, double x)
{
    switch (scale) {
    case AXIS_LOG: return x > 0 ? log10(x) : NAN;
    case AXIS_LOGIT: return x > 0 && x < 1 ? log(x / (1 - x)) : NAN;
    case AXIS_LINEAR:
    case AXIS_NAMES: return x;
    }
    UNREACHABLE();
}

static double unscaled(enum axis_scale scale, double t)
{
    switch (scale) {
    case AXIS_LOG: return pow(10, t);
    case AXIS_LOGIT: return 1 / (1 + exp(-t));
    case AXIS_LINEAR:
    case AXIS_NAMES: return t;
    }
    UNREACHABLE();
}

void axis_set(struct axis *axis, enum axis_scale scale, double low, double high)
{
    bool fits = isfinite(scaled(scale, low)) && isfinite(scaled(scale, high));
    axis->scale = fits ? scale : AXIS_LINEAR;
    axis->low = isfinite(low) ? low : 0;
    axis->high = isfinite(high) ? high : axis->low;
    if (axis->high > axis->low)
        return;
    double size = fabs(axis->low) > 0 ? fabs(axis->low) / 10 : 1;
    axis->low = axis->scale == AXIS_LINEAR ? axis->low - size : axis->low;
    axis_air(axis, 0.1);
    axis->high = axis->high > axis->low ? axis->high : axis->low + size;
}

void axis_air(struct axis *axis, double share)
{
    double low = scaled(axis->scale, axis->low), high = scaled(axis->scale, axis->high);
    double air = (high - low) * share;
    axis->low = unscaled(axis->scale, low - air);
    axis->high = unscaled(axis->scale, high + air);
}

double axis_place(const struct axis *axis, double x)
{
    double low = scaled(axis->scale, axis->low), high = scaled(axis->scale, axis->high);
    return (scaled(axis->scale, x) - low) / (high - low);
}

double axis_at(const struct axis *axis, double place)
{
    double low = scaled(axis->scale, axis->low), high = scaled(axis->scale, axis->high);
    return unscaled(axis->scale, low + place * (high - low));
}

/* ---- what is written ---- */

void axis_number(double x, char out[TICK_TEXT])
{
    snprintf(out, TICK_TEXT, "%.6g", x + 0.0); /* no -0 */
    char *e = strchr(out, 'e');
    if (!e)
        return;
    long power = strtol(e + 1, NULL, 10); // "1e-05" is shorter as 1e-5
    snprintf(e, TICK_TEXT - (size_t)(e - out), "e%ld", power);
}

struct ticks {
    struct tick *list;
    int count, most;
    const struct axis *axis;
};

/* False: it is one too many. */
static bool add(struct ticks *ticks, double at)
{
    double place = axis_place(ticks->axis, at);
    if (!(place >= -1e-9 && place <= 1 + 1e-9))
        return true;
    if (ticks->count == ticks->most)
        return false;
    struct tick *tick = &ticks->list[ticks->count++];
    tick->at = at;
    axis_number(at, tick->text);
    return true;
}

static bool add_steps(struct ticks *ticks, double step)
{
    const struct axis *axis = ticks->axis;
    ticks->count = 0;
    double first = ceil(axis->low / step - 1e-9), last = floor(axis->high / step + 1e-9);
    if (last - first >= ticks->most)
        return false;
    for (double i = first; i <= last; i++)
        add(ticks, i * step);
    return true;
}

static void linear_ticks(struct ticks *ticks)
{
    const struct axis *axis = ticks->axis;
    double power = pow(10, floor(log10((axis->high - axis->low) / ticks->most)));
    static const double rounds[] = {1, 2, 5, 10, 20, 50, 100};
    for (size_t i = 0; i < COUNT_OF(rounds); i++)
        if ((!axis->is_whole || rounds[i] * power >= 1) && add_steps(ticks, rounds[i] * power))
            return;
}

/* 1, 10, 100 or, where there are few of these, some numbers between. */
static bool add_decades(struct ticks *ticks, const double *within, int count, int stride)
{
    const struct axis *axis = ticks->axis;
    ticks->count = 0;
    int first = (int)floor(log10(axis->low)), last = (int)ceil(log10(axis->high));
    for (int d = first; d <= last; d++)
        for (int i = 0; i < count && (d % stride == 0); i++)
            if (!add(ticks, within[i] * pow(10, d)))
                return false;
    return true;
}

static void log_ticks(struct ticks *ticks)
{
    static const double all[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, some[] = {1, 2, 5}, half[] = {1, 3}, one[] = {1};
    static const struct {
        const double *within;
        int count, least; /* fewer decades than this */
    } tries[] = {{all, 9, 1}, {some, 3, 3}, {half, 2, 4}};
    double decades = log10(ticks->axis->high / ticks->axis->low);
    for (size_t i = 0; i < COUNT_OF(tries); i++)
        if (decades < tries[i].least && add_decades(ticks, tries[i].within, tries[i].count, 1) &&
            ticks->count > 1)
            return;
    for (int stride = 1; stride < 400; stride++)
        if (add_decades(ticks, one, 1, stride) && ticks->count > 1)
            return;
    linear_ticks(ticks);
}

static void logit_ticks(struct ticks *ticks)
{
    static const double sets[][11] = {
        {0.001, 0.01, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999},
        {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999},
        {0.01, 0.5, 0.99},
    };
    for (size_t i = 0; i < COUNT_OF(sets); i++) {
        bool all = true;
        ticks->count = 0;
        for (int k = 0; k < 11 && sets[i][k] > 0 && all; k++)
            all = add(ticks, sets[i][k]);
        if (all && ticks->count > 1)
            return;
    }
    linear_ticks(ticks);
}

static void name_ticks(struct ticks *ticks)
{
    const struct axis *axis = ticks->axis;
    int stride = 1;
    while ((axis->name_count + stride - 1) / stride > ticks->most)
        stride++;
    for (int i = 0; i < axis->name_count; i += stride)
        if (add(ticks, i))
            snprintf(ticks->list[ticks->count - 1].text, TICK_TEXT, "%s", axis->names[i]);
}

int axis_ticks(const struct axis *axis, int most, struct tick out[AXIS_TICKS_MAX])
{
    struct ticks ticks = {.list = out, .most = most < 2 ? 2 : most, .axis = axis};
    ticks.most = ticks.most > AXIS_TICKS_MAX ? AXIS_TICKS_MAX : ticks.most;
    switch (axis->scale) {
    case AXIS_LINEAR: linear_ticks(&ticks); break;
    case AXIS_LOG: log_ticks(&ticks); break;
    case AXIS_LOGIT: logit_ticks(&ticks); break;
    case AXIS_NAMES: name_ticks(&ticks); break;
    }
    return ticks.count;
}
