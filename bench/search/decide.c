/* bench/search/decide: microseconds of processor time that a free slot's question takes (who runs on from a rung?) with
 * 1,000, 10,000 and 100,000 trials of up to 81 epochs: one JSON line for each, median and 99th percentile of 2,000. What
 * has changed since the last question is taken in there. `anew` is ASHA's answer from nothing but the history (median of
 * 21), as replay asks it; `ratio` is the median over it.
 *
 *   bench/search/decide
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/mem.h"
#include "common/rng.h"
#include "master/search/ladder.h"
#include "master/search/prune.h"

enum { EPOCHS = 81, SLOTS = 8, ROUNDS = 2000, ANEW = 21 };

static double process_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct world {
    struct prune_def def;
    struct history history;
    struct ladder ladder;
    struct point point;
    struct rng rng;
    uint64_t seq;
    uint32_t started, busy[SLOTS];
};

/* Better with every epoch, to an end of its own. */
static double score_of(uint32_t trial, int epoch)
{
    struct rng rng = rng_at(7, trial, 0, 0);
    return 1 - rng_unit(&rng) - exp(-0.1 * epoch);
}

static void begin(struct world *w, int slot)
{
    uint32_t trial = ++w->started;
    history_add(&w->history, trial, trial, &w->point, NULL, 0, ++w->seq);
    history_set_until(&w->history, trial, prune_first_until(&w->def, trial, EPOCHS), ++w->seq);
    w->busy[slot] = trial;
}

/* Up to the end of its job. */
static void train(struct world *w, uint32_t trial)
{
    const struct entry *e = history_find(&w->history, trial);
    for (int epoch = e->epochs + 1, until = e->until; epoch <= until; epoch++)
        history_update(&w->history, trial, epoch == EPOCHS ? HISTORY_SCORED : HISTORY_PENDING, false, epoch,
                       score_of(trial, epoch), ++w->seq);
}

static void drop_lost(struct world *w)
{
    struct asha_job job;
    while (w->def.method == PRUNE_HYPERBAND &&
           (job = hyperband_lost(&w->def.hyperband, &w->history, true)).verdict == ASHA_DROP) {
        const struct entry *e = history_find(&w->history, job.trial);
        history_update(&w->history, job.trial, HISTORY_SCORED, true, e->epochs, e->score, ++w->seq);
    }
}

/* A slot is through with its job and takes the next. Returns what the decision took. */
static double turn(struct world *w)
{
    int slot = (int)rng_below(&w->rng, SLOTS);
    if (w->busy[slot])
        train(w, w->busy[slot]);
    double began = process_us();
    drop_lost(w);
    struct asha_job job = prune_next(&w->def, &w->history, &w->ladder, true);
    double took = process_us() - began;
    if (job.verdict != ASHA_RESUME) {
        begin(w, slot);
        return took;
    }
    history_set_until(&w->history, job.trial, job.until, ++w->seq);
    w->busy[slot] = job.trial;
    return took;
}

static double anew(struct world *w)
{
    double us[ANEW];
    for (int i = 0; i < ANEW; i++) {
        double began = process_us();
        prune_next(&w->def, &w->history, NULL, true);
        us[i] = process_us() - began;
    }
    qsort(us, ANEW, sizeof *us, compare);
    return us[ANEW / 2];
}

static void tell(const char *what, struct world *w, uint32_t trials, double *us)
{
    qsort(us, ROUNDS, sizeof *us, compare);
    printf("{\"bench\":\"decide\",\"method\":\"%s\",\"trials\":%u,\"us\":%.2f,\"p99_us\":%.2f", what, trials,
           us[ROUNDS / 2], us[ROUNDS * 99 / 100]);
    if (w->def.method == PRUNE_ASHA) {
        double scratch = anew(w);
        printf(",\"anew_us\":%.1f,\"ratio\":%.5f", scratch, us[ROUNDS / 2] / scratch);
    }
    printf("}\n");
    fflush(stdout);
}

static void promotion(const struct prune_def *def, const char *what, uint32_t trials)
{
    static double us[ROUNDS];
    struct world w = {.def = *def, .rng = rng_at(1, 0, 0, 0)};
    while (w.started < trials)
        turn(&w);
    for (int i = 0; i < ROUNDS; i++)
        us[i] = turn(&w);
    tell(what, &w, trials, us);
    history_fini(&w.history);
    ladder_fini(&w.ladder);
}

int main(void)
{
    static const uint32_t sizes[] = {1000, 10000, 100000};
    struct prune_def asha = {.method = PRUNE_ASHA, .promotes = true},
                     hyperband = {.method = PRUNE_HYPERBAND, .promotes = true};
    asha_init(&asha.asha, 3, 1, EPOCHS);
    hyperband_init(&hyperband.hyperband, 3, 1, EPOCHS);
    for (int k = 0; k < 3; k++)
        promotion(&asha, "asha", sizes[k]);
    for (int k = 0; k < 3; k++)
        promotion(&hyperband, "hyperband", sizes[k]);
    return 0;
}
