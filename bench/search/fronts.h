/* fronts: functions of several metrics whose best front is known, each metric to be minimised: those of Zitzler, Deb, Thiele
 * (Evol. Comput. 8, 2000) and Deb, Thiele, Laumanns, Zitzler (CEC 2002), and two made-up ones of models and what they cost.
 * Of problems from zdt4 on, what `auto` does was measured after its rule was chosen. */
#ifndef HONE_BENCH_FRONTS_H
#define HONE_BENCH_FRONTS_H

#include <math.h>

#include "master/search/pareto.h"
#include "master/search/point.h"

/* Every metric is minimised. */
struct problem {
    const char *name, *space;
    int metrics;
    void (*f)(const struct point *point, double *out);
    void (*front)(double u, double v, double *out); /* a point of the best there is */
    double reference[PARETO_MAX];
};

/* ---- functions: Zitzler, Deb, Thiele (2000); Deb, Thiele, Laumanns, Zitzler (2002) ---- */

#define AXIS(name) "\"" name "\": {\"uniform\": [0, 1]}"
#define SIX "{" AXIS("a") "," AXIS("b") "," AXIS("c") "," AXIS("d") "," AXIS("e") "," AXIS("f") "}"
#define TEN                                                                                       \
    "{" AXIS("a") "," AXIS("b") "," AXIS("c") "," AXIS("d") "," AXIS("e") "," AXIS("f") "," AXIS( \
        "g") "," AXIS("h") "," AXIS("i") "," AXIS("j") "}"

static double far_away(const struct point *p)
{
    double g = 0;
    for (int i = 1; i < p->count; i++)
        g += p->v[i].num;
    return 1 + 9 * g / (p->count - 1);
}

static void zdt1(const struct point *p, double *out)
{
    double g = far_away(p);
    out[0] = p->v[0].num;
    out[1] = g * (1 - sqrt(out[0] / g));
}

static void zdt2(const struct point *p, double *out)
{
    double g = far_away(p);
    out[0] = p->v[0].num;
    out[1] = g * (1 - out[0] / g * out[0] / g);
}

static void zdt3(const struct point *p, double *out)
{
    double g = far_away(p);
    out[0] = p->v[0].num;
    out[1] = g * (1 - sqrt(out[0] / g) - out[0] / g * sin(10 * M_PI * out[0]));
}

static void dtlz2(const struct point *p, double *out)
{
    double g = 0, a = p->v[0].num * M_PI / 2, b = p->v[1].num * M_PI / 2;
    for (int i = 2; i < p->count; i++)
        g += (p->v[i].num - 0.5) * (p->v[i].num - 0.5);
    out[0] = (1 + g) * cos(a) * cos(b);
    out[1] = (1 + g) * cos(a) * sin(b);
    out[2] = (1 + g) * sin(a);
}

/* A net: error by learning rate, penalty and size, against the logarithm of what it costs. */
static double net_error(double lr, double l2, double hidden, double depth)
{
    double d = log10(lr) + 1.5 + 0.3 * log2(depth), w = log10(l2) + 4;
    return fmin(0.9, 0.02 + 0.05 * d * d + 0.01 * w * w + 0.5 / sqrt(hidden * depth));
}

static void net(const struct point *p, double *out)
{
    double hidden = p->v[2].num, depth = p->v[3].num;
    out[0] = net_error(p->v[0].num, p->v[1].num, hidden, depth);
    out[1] = log10(hidden * hidden * depth);
}

static void front_zdt1(double u, double v, double *out)
{
    (void)v;
    out[0] = u;
    out[1] = 1 - sqrt(u);
}

static void front_zdt2(double u, double v, double *out)
{
    (void)v;
    out[0] = u;
    out[1] = 1 - u * u;
}

static void front_zdt3(double u, double v, double *out)
{
    (void)v;
    out[0] = u;
    out[1] = 1 - sqrt(u) - u * sin(10 * M_PI * u);
}

static void front_dtlz2(double u, double v, double *out)
{
    out[0] = cos(u * M_PI / 2) * cos(v * M_PI / 2);
    out[1] = cos(u * M_PI / 2) * sin(v * M_PI / 2);
    out[2] = sin(u * M_PI / 2);
}

static void front_net(double u, double v, double *out)
{
    double hidden = round(16 * pow(64, u)), depth = 1 + floor(v * 6);
    out[0] = 0.02 + 0.5 / sqrt(hidden * depth);
    out[1] = log10(hidden * hidden * depth);
}

/* ---- problems that no rule was chosen by ---- */

/* As zdt1, but with a wavy floor: 21^9 local fronts. */
static void zdt4(const struct point *p, double *out)
{
    double g = 1 + 10 * (p->count - 1);
    for (int i = 1; i < p->count; i++)
        g += p->v[i].num * p->v[i].num - 10 * cos(4 * M_PI * p->v[i].num);
    out[0] = p->v[0].num;
    out[1] = g * (1 - sqrt(out[0] / g));
}

/* Points crowd at one end of the front and far from it. */
static void zdt6(const struct point *p, double *out)
{
    double g = (far_away(p) - 1) / 9, a = p->v[0].num;
    g = 1 + 9 * pow(g, 0.25);
    out[0] = 1 - exp(-4 * a) * pow(sin(6 * M_PI * a), 6);
    out[1] = g * (1 - out[0] / g * out[0] / g);
}

static double islands(double a, double b, double g)
{
    return (1 + g) * (3 - a / (1 + g) * (1 + sin(3 * M_PI * a)) - b / (1 + g) * (1 + sin(3 * M_PI * b)));
}

static void dtlz7(const struct point *p, double *out)
{
    double g = 0;
    for (int i = 2; i < p->count; i++)
        g += p->v[i].num;
    out[0] = p->v[0].num;
    out[1] = p->v[1].num;
    out[2] = islands(out[0], out[1], 1 + 9 * g / (p->count - 2));
}

/* Error, seconds and bytes of one of four kinds of model, each with a rate and a size of its own liking. */
static void kinds_at(int kind, double size, double off, double *out)
{
    static const double floor_at[] = {0.2, 0.12, 0.08, 0.04}, slow[] = {0, 0.5, 0.8, 1.6},
                        big[] = {0, 0.2, 1, 1.2};
    out[0] = fmin(1, floor_at[kind] + 0.3 * pow(size, -0.5) + off);
    out[1] = slow[kind] + 0.6 * log10(size);
    out[2] = big[kind] + 0.3 * log10(size);
}

static void kinds(const struct point *p, double *out)
{
    static const double batch_off[] = {0.02, 0, 0.01, 0.04};
    double lr = log10(p->v[1].num) + 2.5 - 0.4 * p->v[0].choice, drop = p->v[3].num - 0.1 * p->v[0].choice;
    kinds_at(p->v[0].choice, p->v[2].num, 0.06 * lr * lr + 0.2 * drop * drop + batch_off[p->v[4].choice],
             out);
}

static void front_zdt6(double u, double v, double *out)
{
    (void)v;
    out[0] = 0.2807753191 + u * (1 - 0.2807753191);
    out[1] = 1 - out[0] * out[0];
}

static void front_dtlz7(double u, double v, double *out)
{
    out[0] = u;
    out[1] = v;
    out[2] = islands(u, v, 1);
}

static void front_kinds(double u, double v, double *out)
{
    int slice = (int)round(63 * v); /* every size of every kind */
    kinds_at(slice % 4, round(pow(512, fmin(1, u + (slice / 4) / 992.0))), 0, out);
}

#define WIDE_AXIS(name) "\"" name "\": {\"uniform\": [-5, 5]}"

static const struct problem problems[] = {
    {"zdt1", TEN, 2, zdt1, front_zdt1, {1.1, 7}},
    {"zdt2", TEN, 2, zdt2, front_zdt2, {1.1, 7}},
    {"zdt3", TEN, 2, zdt3, front_zdt3, {1.1, 7}},
    {"dtlz2", SIX, 3, dtlz2, front_dtlz2, {2, 2, 2}},
    {"net",
     "{\"lr\": {\"log\": [1e-6, 10]}, \"l2\": {\"log\": [1e-7, 1]}, \"hidden\": {\"int\": [16, 1024], "
     "\"log\": true},"
     " \"depth\": {\"int\": [1, 6]}}",
     2,
     net,
     front_net,
     {0.9, 7}},
    {"zdt4",
     "{" AXIS("a") "," WIDE_AXIS("b") "," WIDE_AXIS("c") "," WIDE_AXIS("d") "," WIDE_AXIS("e") "," WIDE_AXIS(
         "f") "," WIDE_AXIS("g") "," WIDE_AXIS("h") "," WIDE_AXIS("i") "," WIDE_AXIS("j") "}",
     2,
     zdt4,
     front_zdt1,
     {1.1, 150}},
    {"zdt6", TEN, 2, zdt6, front_zdt6, {1.1, 10}},
    {"dtlz7", SIX, 3, dtlz7, front_dtlz7, {1.1, 1.1, 25}},
    {"kinds",
     "{\"kind\": {\"choice\": [\"linear\", \"trees\", \"net\", \"deep\"]}, \"lr\": {\"log\": [1e-5, 10]},"
     " \"size\": {\"int\": [1, 512], \"log\": true}, \"dropout\": {\"uniform\": [0, 0.9]},"
     " \"batch\": {\"choice\": [16, 64, 256, 1024]}}",
     3,
     kinds,
     front_kinds,
     {1, 4, 3}},
};

#endif
