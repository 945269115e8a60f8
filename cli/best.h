/* best: what a study has found, for `hone best` and for the end of `hone run`: its groups where points were repeated, its
 * front with several metrics, else its trials.
 *
 *   trials   rank, trial, score, best_epoch, epochs, each parameter, status, seconds, worker
 *   groups   rank, trial (the first), score (mean of the repeats that are complete), spread (their standard deviation),
 *            repeats, members (their trials, "4 19 20"), p_best, each parameter
 *   front    see front.h
 *
 * Ownership: best_fini. */
#ifndef HONE_CLI_BEST_H
#define HONE_CLI_BEST_H

#include <stdbool.h>

#include "cli/front.h"
#include "cli/source.h"

struct best_style {
    bool csv, json;
    int64_t limit; /* 0: all */
};

enum best_kind { BEST_TRIALS, BEST_GROUPS, BEST_FRONT };

struct best {
    enum best_kind kind;
    char *study, *metric;
    struct rows rows;   /* of trials and groups */
    struct front front; /* of BEST_FRONT */
};

/* `study`: its name; NULL or "": the newest. limit 0: all. No rows: nothing has a score. */
int best_load(struct source *source, const char *study, int64_t limit, struct best *out, struct err *err);
const struct rows *best_rows(const struct best *best);
void best_show(const struct best *best, const struct best_style *style);
void best_fini(struct best *best);

#endif
