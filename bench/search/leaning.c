/* Walls under samplers that learn: how often one moves for parameters that do nothing within the first 30
 * trials, and how far a search gets whose box ends where nothing is learned yet, as docs/walls.md prints it.
 *
 *   gcc -std=gnu17 -O2 -D_GNU_SOURCE -I. bench/search/leaning.c build/libhone.a -lcjson -lsodium -lm -o
 * /tmp/leaning /tmp/leaning METHOD SEEDS [SURFACE [v]]      v: one line for each probe and each wall that moved
 *
 *   asleep    accuracy of a training over log lr and width: chance up to a decade and a half below the best rate
 * 10^-1.7, a rise, a fall; noise sd 0.01; the box ends 2.3 decades below it asleep2   the same, the box ends 4.3
 * below lrsurf    docs/walls.md; the box ends one decade below the best rate dead      lrsurf in the right box
 * with two parameters that do next to nothing, noise 0 and 0.02 by turns noise     scores that are nothing but
 * noise, four parameters
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/rng.h"
#include "common/str.h"
#include "master/search/beyond.h"
#include "master/search/sampler.h"
#include "master/search/walls.h"

struct surface {
    const char *name, *space;
    double (*score)(const struct point *, double noise, struct rng *);
    int trials, first_dead, last_dead; /* of the parameters; no dead ones: first > last */
    double best;                       /* score without noise */
    double noise[2];                   /* of even and odd seeds */
};

static double asleep(const struct point *p, double noise, struct rng *rng)
{
    double x = log10(p->v[0].num), wide = log2(p->v[1].num / 8) / 4;
    double awake = 1 / (1 + exp(-3.5 * (x + 3.4 - 0.3 * wide))), late = fmax(0, x + 1.2);
    double accuracy = 0.34 + 0.01 * wide + (0.6 + 0.03 * wide) * awake * exp(-late * late * 3);
    return accuracy - 0.02 * (x + 1.7) * (x + 1.7) * awake + noise * rng_normal(rng);
}

static double lrsurf(const struct point *p, double noise, struct rng *rng)
{
    double d = log10(p->v[0].num), wd = log10(p->v[1].num) + 0.7 * d + 3;
    double e = 0.05 + 0.06 * d * d + 0.015 * wd * wd + 0.003 * p->v[2].num + 0.002 * log10(p->v[3].num);
    return d > 0.45 ? -INFINITY : -(fmin(e, 0.9) + noise * rng_normal(rng));
}

/* The same with two parameters that do nothing at all. */
static double lrsurf_dead(const struct point *p, double noise, struct rng *rng)
{
    double d = log10(p->v[0].num), wd = log10(p->v[1].num) + 0.7 * d + 3;
    double e = 0.05 + 0.06 * d * d + 0.015 * wd * wd;
    return d > 0.45 ? -INFINITY : -(fmin(e, 0.9) + noise * rng_normal(rng));
}

static double only_noise(const struct point *p, double noise, struct rng *rng)
{
    (void)p;
    return noise * rng_normal(rng);
}

#define SURF(range)                                                                 \
    "{\"lr\": {\"log\": [" range                                                    \
    "]}, \"wd\": {\"log\": [1e-6, 1]}, \"a\": {\"uniform\": [0, 1], \"boundary\": " \
    "\"expand\"}, \"b\": {\"log\": [1, 10]}}"
#define ASLEEP(range)                                                                                    \
    "{\"lr\": {\"log\": [" range "], \"limits\": [1e-9, 10]}, \"hidden\": {\"int\": [8, 128], \"log\": " \
    "true}}"

static const struct surface surfaces[] = {
    {"asleep", ASLEEP("1e-6, 1e-4"), asleep, 60, 1, 0, 0.96, {0.01, 0.01}},
    {"asleep2", ASLEEP("1e-8, 1e-6"), asleep, 60, 1, 0, 0.96, {0.01, 0.01}},
    {"lrsurf", SURF("1e-4, 0.1"), lrsurf, 60, 2, 3, -0.05, {0, 0.02}},
    {"dead", SURF("1e-4, 10"), lrsurf, 30, 2, 3, -0.05, {0, 0.02}},
    {"lrsurf0", SURF("1e-4, 0.1"), lrsurf_dead, 40, 2, 3, -0.05, {0, 0.02}},
    {"dead0", SURF("1e-4, 10"), lrsurf_dead, 30, 2, 3, -0.05, {0, 0.02}},
    {"noise", SURF("1e-4, 10"), only_noise, 30, 0, 3, 0, {1, 1}},
};

static struct json *parsed(const char *text)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse(text, strlen(text), "bench", &err);
    if (!root) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    return root;
}

struct outcome {
    int dead_moved, alive_moves, first_move, probes, scouts;
    double best;
};

static void tell(const struct space *space, const struct history *history, const struct box *box,
                 const struct wall_event *e, uint64_t seed, uint32_t trial)
{
    struct evidence ev;
    evidence_init(&ev, history);
    struct outside outside;
    outside_init(&outside, space, &ev, box, NULL);
    struct beyond there = beyond_wall(&outside, e->param, e->side);
    printf(
        "  seed %llu trial %u: %s (slope %.1f, lean %.2f; %d gain, %d do not, in sum %.2f, at most %.2f)\n",
        (unsigned long long)seed, trial, e->text, e->slope, e->lean, there.wins, there.losses, there.total,
        there.gain);
    outside_fini(&outside);
    evidence_fini(&ev);
}

static struct outcome study(const struct surface *surface, const struct json *search, uint64_t seed,
                            bool talks)
{
    struct outcome out = {.best = -INFINITY};
    struct err err = ERR_NONE;
    struct json *root = parsed(surface->space);
    struct jcur cur = jcur_root(root, "space"), search_cur = jcur_root(search, "search");
    struct space space;
    struct search_def def;
    if (space_parse(&cur, &space, &err) || search_parse(&search_cur, &space, &def, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    struct sampler *sampler = sampler_new(&def, &space, seed, &err);
    struct history history = {0};
    struct proposal note;
    struct point point;
    struct box box, next;
    struct wall_event e[16];
    bool moved[8] = {0};
    struct wall_rule rule = {BOUNDARY_DEFAULT, search_walls(&def).by_number};
    uint64_t seq = 0;
    point_init(&point, &space);
    box_init(&box, &space);
    for (uint32_t t = 1; t <= (uint32_t)surface->trials; t++) {
        struct rng rng = rng_at(seed, t, 0, 96);
        if (sampler_propose(sampler, &history, t, &point, &note, &err))
            exit(1);
        out.probes += strcmp(note.sampler, "probe") == 0;
        out.scouts += strcmp(note.sampler, "scout") == 0;
        double score = surface->score(&point, surface->noise[seed % 2], &rng);
        out.best = fmax(out.best, surface->score(&point, 0, &rng));
        if (talks && (strcmp(note.sampler, "probe") == 0 || strcmp(note.sampler, "scout") == 0))
            printf("  seed %llu trial %u: %.4f by %s: %s\n", (unsigned long long)seed, t, score, note.sampler,
                   note.why);
        history_add(&history, t, t, &point, note.fit, note.fit_count, ++seq);
        history_update(&history, t, isfinite(score) ? HISTORY_SCORED : HISTORY_BAD, false, 1, score, ++seq);
        if (!walls_due(t - 1, t))
            continue;
        box_clone(&next, &box, &space);
        int n = walls_look(&space, rule, &history, &box, &next, e, 16);
        for (int i = 0; i < n; i++) {
            if (talks)
                tell(&space, &history, &box, &e[i], seed, t);
            if (e[i].verdict != WALL_GROW)
                continue;
            bool is_dead = e[i].param >= surface->first_dead && e[i].param <= surface->last_dead;
            moved[e[i].param] |= is_dead && t <= 30;
            out.alive_moves += !is_dead;
            if (!is_dead && !out.first_move)
                out.first_move = (int)t;
        }
        if (!box_equal(&box, &next, &space))
            history_set_box(&history, &space, &next, 0, 0, ++seq);
        box_fini(&box);
        box = next;
    }
    for (int i = 0; i < 8; i++)
        out.dead_moved += moved[i];
    box_fini(&box);
    point_fini(&point);
    history_fini(&history);
    sampler_free(sampler);
    search_fini(&def);
    space_fini(&space);
    json_free(root);
    return out;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: leaning METHOD SEEDS [SURFACE [v]]\n");
        return 2;
    }
    int seeds = atoi(argv[2]);
    char *text = xasprintf("{\"method\": \"%s\"}", argv[1]);
    struct json *search = parsed(text);
    double *regret = xcalloc((size_t)seeds + 1, sizeof *regret);
    printf("| method | surface | regret: median | worst | moves | first move at | moved by 40, %% | dead "
           "moved, %% | probes | scouts |\n"
           "|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t k = 0; k < sizeof surfaces / sizeof surfaces[0]; k++) {
        const struct surface *s = &surfaces[k];
        if (argc > 3 && strcmp(argv[3], "all") != 0 && strcmp(argv[3], s->name) != 0)
            continue;
        int dead = 0, moves = 0, first = 0, movers = 0, soon = 0, probes = 0, scouts = 0,
            params = s->last_dead - s->first_dead + 1;
        for (int seed = 1; seed <= seeds; seed++) {
            struct outcome out = study(s, search, (uint64_t)seed, argc > 4);
            regret[seed - 1] = s->best - out.best;
            dead += out.dead_moved;
            moves += out.alive_moves;
            first += out.first_move;
            movers += out.first_move > 0;
            soon += out.first_move > 0 && out.first_move <= 40;
            probes += out.probes;
            scouts += out.scouts;
        }
        qsort(regret, (size_t)seeds, sizeof *regret, compare);
        printf("| %s | %s | %.4f | %.4f | %.2f | %.1f | %.1f | %.2f | %.2f | %.2f |\n", argv[1], s->name,
               regret[seeds / 2], regret[seeds - 1], (double)moves / seeds,
               movers ? (double)first / movers : 0, 100.0 * soon / seeds,
               params > 0 ? 100.0 * dead / (seeds * params) : 0, (double)probes / seeds,
               (double)scouts / seeds);
        fflush(stdout);
    }
    free(regret);
    json_free(search);
    free(text);
    return 0;
}
