/* bench/search/propose: milliseconds of processor time that one proposal takes at 200, 1,000 and 10,000 finished trials
 * of 20 parameters (10 log, 5 uniform, 5 int), median of 51; the history grows by one trial between two of them, as in
 * a study. Whether to look behind a wall is part of it; trials that do so (`probes`) take less and are not counted. `ratio` is to what Optuna 5's default sampler took for one trial of 20 parameters on a machine of two cores
 * (34.8 ms at 1,000, 346 ms at 10,000).
 *
 *   bench/search/propose [METHOD [MOST]]     default tpe 10000
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/json.h"
#include "common/rng.h"
#include "master/search/sampler.h"

enum { DIMS = 20, ROUNDS = 51 };

static double process_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static struct json *parsed(const char *text)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse(text, strlen(text), "bench", &err);
    if (!root) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return root;
}

static struct json *space_text(void)
{
    char text[2000] = "{";
    for (int i = 0; i < DIMS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"x%02d\":{%s}", i ? "," : "", i,
                 i < 10   ? "\"log\":[1e-5,1]"
                 : i < 15 ? "\"uniform\":[0,1]"
                          : "\"int\":[1,64]");
    strcat(text, "}");
    return parsed(text);
}

/* A bowl in the units of each axis. */
static double score_of(const struct space *space, const struct point *point)
{
    double sum = 0;
    for (int i = 0; i < DIMS; i++) {
        const struct param *p = &space->params[i];
        double z = (param_scale(p, point->v[i].num) - p->box.lo) / (p->box.hi - p->box.lo) - 0.3;
        sum += z * z;
    }
    return -sum;
}

static void tell(const struct space *space, struct history *history, const struct point *point)
{
    uint32_t trial = (uint32_t)history->count + 1;
    history_add(history, trial, trial, point, NULL, 0, 2 * trial);
    history_update(history, trial, HISTORY_SCORED, false, 1, score_of(space, point), 2 * trial + 1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *method, const struct search_def *def, const struct space *space, int finished,
                    double optuna_ms)
{
    struct history history = {0};
    struct proposal note;
    struct point point;
    struct err err = ERR_NONE;
    double ms[ROUNDS], u[DIMS];
    int probes = 0;
    struct sampler *sampler = sampler_new(def, space, 1, &err);
    point_init(&point, space);
    for (uint32_t t = 1; t <= (uint32_t)finished; t++) {
        struct rng rng = rng_at(1, t, 0, 0);
        for (int i = 0; i < DIMS; i++)
            u[i] = rng_unit(&rng);
        space_point(space, u, &point);
        tell(space, &history, &point);
    }
    for (int i = -1;
         i < ROUNDS;) { /* the first is not counted: what is kept between proposals is made there */
        double began = process_ms();
        if (sampler_propose(sampler, &history, (uint32_t)history.count + 1, &point, &note, &err)) {
            fprintf(stderr, "%s\n", err.text);
            exit(1);
        }
        double took = process_ms() - began;
        bool is_probe = strcmp(note.sampler, "probe") == 0 || strcmp(note.sampler, "scout") == 0;
        probes += is_probe;
        if (!is_probe && i >= 0)
            ms[i] = took;
        i += !is_probe;
        tell(space, &history, &point);
    }
    qsort(ms, ROUNDS, sizeof *ms, compare);
    printf(
        "{\"bench\":\"propose\",\"method\":\"%s\",\"finished\":%d,\"params\":%d,\"ms\":%.3f,\"max_ms\":%.3f,"
        "\"probes\":%d",
        method, finished, DIMS, ms[ROUNDS / 2], ms[ROUNDS - 1], probes);
    if (optuna_ms > 0)
        printf(",\"ratio\":%.4f", ms[ROUNDS / 2] / optuna_ms);
    printf("}\n");
    fflush(stdout);
    point_fini(&point);
    history_fini(&history);
    sampler_free(sampler);
}

int main(int argc, char **argv)
{
    static const struct {
        int finished;
        double optuna_ms;
    } sizes[] = {{200, 0}, {1000, 34.8}, {10000, 346}};
    const char *method = argc > 1 ? argv[1] : "tpe";
    int most = argc > 2 ? atoi(argv[2]) : 10000;
    char text[100];
    struct space space;
    struct search_def def;
    struct err err = ERR_NONE;
    snprintf(text, sizeof text, "{\"method\":\"%s\"}", method);
    struct json *space_json = space_text(), *search_json = parsed(text);
    struct jcur cur = jcur_root(space_json, "space"), search = jcur_root(search_json, "search");
    if (space_parse(&cur, &space, &err) || search_parse(&search, &space, &def, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    for (int k = 0; k < 3 && sizes[k].finished <= most; k++)
        measure(method, &def, &space, sizes[k].finished, sizes[k].optuna_ms);
    search_fini(&def);
    space_fini(&space);
    json_free(space_json);
    json_free(search_json);
    return 0;
}
