#include "cli/draw/svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/glyph.h"
#include "common/check.h"

/* Units of the picture: those of a 96 dpi screen. */
enum {
    WIDE = 860,
    TALL = 470,
    NARROW = 480,
    SHORT = 330,
    TOP = 56,
    BOTTOM = 58,
    RIGHT = 24,
    LABEL_PER_CHAR = 7,
    NAME_GAP = 8,
    NAME_HEIGHT = 14,
    DOT_RADIUS = 3,
};

static const char style_sheet[] =
    "<style>\n"
    "  svg { --ink: #1c1f24; --soft: #5b6470; --grid: #e3e6ea; --paper: #ffffff; --wall: #1c1f24; --moved: "
    "#98a0aa;\n"
    "    --h0: #8a929c; --h1: #0072b2; --h2: #d55e00; --h3: #009e73; --h4: #b85c94; --h5: #c98500; --h6: "
    "#3a97cf;\n"
    "    font: 12px system-ui, sans-serif; background: var(--paper) }\n"
    "  @media (prefers-color-scheme: dark) { svg { --ink: #e8eaed; --soft: #a3abb5; --grid: #33383f; "
    "--paper: #16181c;\n"
    "    --wall: #e8eaed; --moved: #6d757f; --h0: #8a929c; --h1: #56b4e9; --h2: #ff8f4a; --h3: #2cc295; "
    "--h4: #e08fc0;\n"
    "    --h5: #e69f00; --h6: #9ad4f5 } }\n"
    "  text { fill: var(--soft) } .title { fill: var(--ink); font-size: 15px; font-weight: 600 }\n"
    "  .axis { font-size: 12px } .grid { stroke: var(--grid) } .frame { stroke: var(--soft) }\n"
    "  .wall { stroke: var(--wall); stroke-width: 1.5 } .moved { stroke: var(--moved); stroke-dasharray: 5 4 "
    "}\n"
    "  path { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round } .faint { opacity: "
    ".55 }\n"
    "  .l0 { stroke: var(--h0) } .l1 { stroke: var(--h1) } .l2 { stroke: var(--h2) } .l3 { stroke: var(--h3) "
    "}\n"
    "  .l4 { stroke: var(--h4) } .l5 { stroke: var(--h5) } .l6 { stroke: var(--h6) }\n"
    "  .d0 { fill: var(--h0) } .d1 { fill: var(--h1) } .d2 { fill: var(--h2) } .d3 { fill: var(--h3) }\n"
    "  .d4 { fill: var(--h4) } .d5 { fill: var(--h5) } .d6 { fill: var(--h6) }\n"
    "</style>\n";

struct panel {
    const struct chart *chart;
    double left, top, width, height; /* of the frame */
    struct str *out;
};

static void escape(struct str *out, const char *text)
{
    for (struct glyph g = glyph_at(text); g.bytes; text += g.bytes, g = glyph_at(text)) {
        if (g.is_control)
            str_addc(out, '?');
        else if (*text == '&')
            str_add(out, "&amp;");
        else if (*text == '<')
            str_add(out, "&lt;");
        else if (*text == '>')
            str_add(out, "&gt;");
        else if (*text == '"')
            str_add(out, "&quot;");
        else
            str_addn(out, text, g.bytes);
    }
}

static void text_at(const struct panel *p, double x, double y, const char *how, const char *text)
{
    str_addf(p->out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, how);
    escape(p->out, text);
    str_add(p->out, "</text>\n");
}

static void line(const struct panel *p, const char *class, double x1, double y1, double x2, double y2)
{
    str_addf(p->out, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1,
             x2, y2);
}

static double held(const struct axis *axis, double v)
{
    double place = axis_place(axis, v);
    if (isnan(place))
        return isnan(v) ? NAN : 0; // zero, on a log axis
    return place < 0 ? 0 : place > 1 ? 1 : place;
}

static double at_x(const struct panel *p, double x)
{
    return p->left + held(&p->chart->x, x) * p->width;
}

static double at_y(const struct panel *p, double y)
{
    return p->top + (1 - held(&p->chart->y, y)) * p->height;
}

/* ---- axes ---- */

static void draw_y(const struct panel *p)
{
    struct tick ticks[AXIS_TICKS_MAX];
    int count = axis_ticks(&p->chart->y, (int)(p->height / 45), ticks);
    for (int i = 0; i < count; i++) {
        double y = at_y(p, ticks[i].at);
        line(p, "grid", p->left, y, p->left + p->width, y);
        text_at(p, p->left - 8, y + 4, "text-anchor=\"end\"", ticks[i].text);
    }
}

static bool x_fits(const struct panel *p, const struct tick *ticks, int count)
{
    double free_from = -INFINITY;
    for (int i = 0; i < count; i++) {
        double half = (double)glyph_columns(ticks[i].text) * LABEL_PER_CHAR / 2, x = at_x(p, ticks[i].at);
        if (x - half < free_from)
            return false;
        free_from = x + half + LABEL_PER_CHAR;
    }
    return true;
}

static void draw_x(const struct panel *p)
{
    struct tick ticks[AXIS_TICKS_MAX];
    int most = (int)(p->width / 60), count = axis_ticks(&p->chart->x, most, ticks);
    while (!x_fits(p, ticks, count) && most > 2)
        count = axis_ticks(&p->chart->x, --most, ticks);
    for (int i = 0; i < count; i++) {
        double x = at_x(p, ticks[i].at);
        line(p, "grid", x, p->top, x, p->top + p->height);
        text_at(p, x, p->top + p->height + 18, "text-anchor=\"middle\"", ticks[i].text);
    }
}

static void draw_frame(const struct panel *p)
{
    double bottom = p->top + p->height;
    line(p, "frame", p->left, bottom, p->left + p->width, bottom);
    line(p, "frame", p->left, p->top, p->left, bottom);
    text_at(p, p->left, p->top - 30, "class=\"title\"", p->chart->title);
    text_at(p, p->left + p->width, bottom + 36, "class=\"axis\" text-anchor=\"end\"", p->chart->x.title);
    text_at(p, p->left, p->top - 10, "class=\"axis\"", p->chart->y.title);
    if (p->chart->note[0])
        text_at(p, p->left, bottom + 52, "class=\"axis\"", p->chart->note);
}

/* ---- what lies between ---- */

static void draw_rules(const struct panel *p)
{
    for (size_t i = 0; i < p->chart->rule_count; i++) {
        const struct rule *rule = &p->chart->rules[i];
        double place = axis_place(&p->chart->x, rule->at);
        if (!(place >= -1e-9 && place <= 1 + 1e-9))
            continue;
        double x = p->left + place * p->width;
        str_add(p->out, "<g><title>");
        escape(p->out, rule->text);
        str_add(p->out, "</title>");
        line(p, rule->was ? "wall moved" : "wall", x, p->top, x, p->top + p->height);
        str_add(p->out, "</g>\n");
    }
}

static void draw_dots(const struct panel *p, const struct series *s)
{
    str_addf(p->out, "<g class=\"d%d%s\">\n", (int)s->style.hue, s->style.face & FACE_FAINT ? " faint" : "");
    for (size_t i = 0; i < s->count; i++) {
        char x[TICK_TEXT], y[TICK_TEXT];
        if (isnan(s->x[i]) || isnan(s->y[i]))
            continue;
        axis_number(s->x[i], x);
        axis_number(s->y[i], y);
        str_addf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"><title>", at_x(p, s->x[i]),
                 at_y(p, s->y[i]), DOT_RADIUS);
        if (s->of[i])
            str_addf(p->out, "trial %lld: ", (long long)s->of[i]);
        str_addf(p->out, "%s, %s</title></circle>\n", x, y);
    }
    str_add(p->out, "</g>\n");
}

static void draw_path(const struct panel *p, const struct series *s)
{
    bool down = false;
    str_addf(p->out, "<path class=\"l%d%s\" d=\"", (int)s->style.hue,
             s->style.face & FACE_FAINT ? " faint" : "");
    for (size_t i = 0; i < s->count; i++) {
        bool there = !isnan(s->x[i]) && !isnan(s->y[i]);
        if (there && down && s->kind == SERIES_STEPS)
            str_addf(p->out, "H%.1fV%.1f", at_x(p, s->x[i]), at_y(p, s->y[i]));
        else if (there)
            str_addf(p->out, "%c%.1f %.1f", down ? 'L' : 'M', at_x(p, s->x[i]), at_y(p, s->y[i]));
        down = there;
    }
    str_add(p->out, "\"/>\n");
}

struct name {
    double y;
    const struct series *series;
};

static int by_height(const void *a, const void *b)
{
    const struct name *p = a, *q = b;
    return (p->y > q->y) - (p->y < q->y);
}

/* From the top, each at its line's end or below the one before. */
static void draw_names(const struct panel *p)
{
    enum { MOST = 64 };
    struct name names[MOST];
    size_t count = 0;
    for (size_t i = 0; i < p->chart->count && count < MOST; i++) {
        const struct series *s = &p->chart->series[i];
        double y = s->count ? at_y(p, s->y[s->count - 1]) : NAN;
        if (s->kind != SERIES_DOTS && s->name[0] && !isnan(y))
            names[count++] = (struct name){y, s};
    }
    qsort(names, count, sizeof *names, by_height);
    for (size_t i = 0; i < count; i++) {
        char how[64];
        if (i && names[i].y < names[i - 1].y + NAME_HEIGHT)
            names[i].y = names[i - 1].y + NAME_HEIGHT;
        snprintf(how, sizeof how, "class=\"axis\" style=\"fill: var(--h%d)\"",
                 (int)names[i].series->style.hue);
        text_at(p, p->left + p->width + NAME_GAP, names[i].y + 4, how, names[i].series->name);
    }
}

/* ---- the whole ---- */

static size_t longest_name(const struct chart *chart)
{
    size_t most = 0;
    for (size_t i = 0; i < chart->count; i++) {
        size_t width = chart->series[i].kind == SERIES_DOTS ? 0 : glyph_columns(chart->series[i].name);
        most = width > most ? width : most;
    }
    return most;
}

static double label_width(const struct chart *chart)
{
    struct tick ticks[AXIS_TICKS_MAX];
    int count = axis_ticks(&chart->y, 8, ticks);
    size_t most = 4;
    for (int i = 0; i < count; i++)
        most = glyph_columns(ticks[i].text) > most ? glyph_columns(ticks[i].text) : most;
    return (double)most * LABEL_PER_CHAR + 18;
}

static void draw_panel(const struct chart *chart, double x, double y, double width, double height,
                       struct str *out)
{
    struct panel p = {.chart = chart, .left = x + label_width(chart), .top = y + TOP, .out = out};
    size_t names = longest_name(chart);
    p.width = x + width - RIGHT - p.left - (names ? NAME_GAP + (double)names * LABEL_PER_CHAR : 0);
    p.height = height - TOP - BOTTOM;
    draw_x(&p);
    draw_y(&p);
    draw_rules(&p);
    for (size_t i = 0; i < chart->count; i++) {
        if (chart->series[i].kind == SERIES_DOTS)
            draw_dots(&p, &chart->series[i]);
        else
            draw_path(&p, &chart->series[i]);
    }
    draw_frame(&p);
    draw_names(&p);
}

void svg_print(const struct chart *charts, size_t count, const char *title, struct str *out)
{
    size_t across = count > 1 ? 2 : 1, down = (count + across - 1) / across;
    double width = count > 1 ? NARROW : WIDE, height = count > 1 ? SHORT : TALL;
    str_addf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
        "role=\"img\">\n<title>",
        width * (double)across, height * (double)down, width * (double)across, height * (double)down);
    escape(out, title);
    str_addf(out, "</title>\n%s", style_sheet);
    str_add(out, "<rect width=\"100%\" height=\"100%\" style=\"fill: var(--paper)\"/>\n");
    for (size_t i = 0; i < count; i++)
        draw_panel(&charts[i], width * (double)(i % across), height * (double)(i / across), width, height,
                   out);
    str_add(out, "</svg>\n");
}

void svg_page(const struct chart *charts, size_t count, const char *title, struct str *out)
{
    str_add(out, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" "
                 "content=\"light dark\">\n<title>");
    escape(out, title);
    str_add(out, "</title>\n<style>body { margin: 0; display: grid; place-items: center } "
                 "svg { max-width: 100%; height: auto }\n"
                 "  @media (prefers-color-scheme: dark) { body { background: #16181c } }</style>\n");
    svg_print(charts, count, title, out);
    str_add(out, "</html>\n");
}
