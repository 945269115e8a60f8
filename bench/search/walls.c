/* Power against false alarms of the test in master/search/walls.c, as docs/walls.md prints it: how often the
 * wall of a learning rate is seen to be in the way within 40 random trials, and that of a parameter that does
 * nothing within 30, at every fourth trial from the twelfth on, for a grid of thresholds.
 *
 *   gcc -std=gnu17 -O2 -D_GNU_SOURCE -I. bench/search/walls.c build/libhone.a -lcjson -lsodium -lm -o
 * /tmp/walls
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/rng.h"
#include "master/search/walls.h"

enum { LOOKS = 8, FIRST = 12, EVERY = 4 };

/* The strongest lean and slope at each look; both sides of a dead parameter, the top of lr. */
struct looks {
    double slope[2][LOOKS], lean[2][LOOKS], plain[2][LOOKS];
};

static struct space space_of(double low, double high)
{
    char text[300];
    struct err err = ERR_NONE;
    struct space space = {0};
    snprintf(text, sizeof text,
             "{\"lr\": {\"log\": [1e%g, 1e%g]}, \"wd\": {\"log\": [1e-6, 1]}, \"a\": {\"uniform\": [0, 1]}, "
             "\"b\": "
             "{\"log\": [1, 10]}}",
             low, high);
    struct json *root = json_parse(text, strlen(text), "bench", &err);
    struct jcur cur = jcur_root(root, "bench");
    if (!root || space_parse(&cur, &space, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    json_free(root);
    return space;
}

/* lrsurf: error of a training, least at lr = 1, diverging above 10^0.45; a and b do next to nothing. */
static double lrsurf(const struct point *p, double noise, struct rng *rng)
{
    double d = log10(p->v[0].num), wd = log10(p->v[1].num) + 0.7 * d + 3;
    double e = 0.05 + 0.06 * d * d + 0.015 * wd * wd + 0.003 * p->v[2].num + 0.002 * log10(p->v[3].num);
    return d > 0.45 ? -INFINITY : -(fmin(e, 0.9) + noise * rng_normal(rng));
}

/* The rule of old, for comparison: the best and half of the top in the outer tenth, and the rank trend. */
static double plain_rule(const struct wall_event *e)
{
    double best = e->side > 0 ? e->best : 1 - e->best;
    return best > 0.9 && e->trend >= 0.35;
}

static void study(double low, double high, double noise, uint64_t seed, int trials, int param,
                  struct looks *out)
{
    struct space space = space_of(low, high);
    struct history history = {0};
    struct box box;
    struct point point;
    box_init(&box, &space);
    point_init(&point, &space);
    memset(out, 0, sizeof *out);
    for (uint32_t t = 1; t <= (uint32_t)trials; t++) {
        struct rng rng = rng_at(seed, t, 0, 0);
        double u[4];
        for (int i = 0; i < 4; i++)
            u[i] = rng_unit(&rng);
        box_point(&box, &space, u, &point);
        double score = lrsurf(&point, noise, &rng);
        history_add(&history, t, t, &point, NULL, 0, 2 * t);
        history_update(&history, t, score > -INFINITY ? HISTORY_SCORED : HISTORY_BAD, false, 1, score,
                       2 * t + 1);
        for (int s = 0; s < 2 && walls_due(t - 1, t); s++) {
            struct wall_event e;
            int look = ((int)t - FIRST) / EVERY;
            if (!wall_measure(&space, &history, &box, param, s ? 1 : -1, &e) || e.verdict == WALL_DIVERGED)
                continue;
            out->slope[s][look] = e.slope;
            out->lean[s][look] = e.lean;
            out->plain[s][look] = plain_rule(&e);
        }
    }
    point_fini(&point);
    box_fini(&box);
    history_fini(&history);
    space_fini(&space);
}

static double fired(const struct looks *all, int n, int first_side, double slope, double lean, bool plain)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool fires = false;
        for (int s = first_side; s < 2; s++)
            for (int k = 0; k < LOOKS; k++)
                fires |=
                    plain ? all[i].plain[s][k] > 0 : all[i].slope[s][k] > slope && all[i].lean[s][k] > lean;
        count += fires;
    }
    return 100.0 * count / n;
}

int main(void)
{
    enum { POWER = 200, DEAD = 4000, CASES = 10 };
    static const double slopes[] = {1.5, 2, 2.5, 3, 3.5, 4}, leans[] = {0.5, 0.7, 0.78, 0.85};
    static struct looks runs[CASES][DEAD];
    static const double low[] = {-4, -6, -3}, noise[] = {0, 0.02, 0.05};
    for (int c = 0; c < 9; c++)
        for (int i = 0; i < POWER; i++)
            study(low[c / 3], -1, noise[c % 3], 10000 + (uint64_t)i, 40, 0, &runs[c][i]);
    for (int i = 0; i < DEAD; i++)
        study(-4, 1, i % 2 ? 0.02 : 0, 20000 + (uint64_t)i, 30, 2 + i / 2 % 2, &runs[9][i]);
    printf(
        "| slope t > | lean > | 3 dec, 0 | 3 dec, .02 | 3 dec, .05 | 5 dec, 0 | 5 dec, .02 | 5 dec, .05 "
        "| 2 dec, 0 | 2 dec, .02 | 2 dec, .05 | dead |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    printf("| best in the outer tenth, trend > .35 | |");
    for (int c = 0; c < 9; c++)
        printf(" %.1f |", fired(runs[c], POWER, 1, 0, 0, true));
    printf(" %.2f |\n", fired(runs[9], DEAD, 0, 0, 0, true));
    for (int s = 0; s < 6; s++)
        for (int l = 0; l < 4; l++) {
            printf("| %.1f | %.2f |", slopes[s], leans[l]);
            for (int c = 0; c < 9; c++)
                printf(" %.1f |", fired(runs[c], POWER, 1, slopes[s], leans[l], false));
            printf(" %.2f |\n", fired(runs[9], DEAD, 0, slopes[s], leans[l], false));
        }
    return 0;
}
