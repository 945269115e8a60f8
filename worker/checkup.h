/* checkup: one CHECK on its way through a slot: which runs it takes, and what their lines amount to.
 *
 * The built-in trainer is asked ({"check":…}) and answers with results. A command knows nothing of checks and is seen
 * by what it does, in up to three runs with the same point and seed:
 *   first     one epoch reports the metric (G4); a second one, for comparison, if there are checkpoints
 *   again     the same seed gives the same numbers after epoch 1 (G5); killed right then
 *   resumed   from that checkpoint: epoch 2 is the first run's (G6)
 * A smoke check is the first run alone, of one epoch. Where an epoch takes minutes the second and third run are left
 * out and said to be: a study of ten-hour trainings must not wait for days.
 *
 * A run that a signal ended, or whose slot has died, says nothing of the trainer yet: somebody may have killed it, or the
 * system for memory. It is run once more, and only what happens twice is wrong; else it is told as suspicious.
 *
 * Pure, like the session that drives it: lines go in, lines for the slot come out. Ownership: heap; texts of the
 * place are borrowed for checkup_new alone. */
#ifndef HONE_WORKER_CHECKUP_H
#define HONE_WORKER_CHECKUP_H

#include <stdbool.h>

#include "common/check_result.h"
#include "proto/message.h"
#include "worker/held.h"

enum { CHECKUP_RESULTS_MAX = 200, CHECKUP_RUNS = 3 };

/* One run as its lines told it. */
struct checkup_run {
    struct json *metrics[2]; /* of epochs 1 and 2; NULL: not reported */
    struct json *checkpoint; /* of epoch 1, or NULL */
    double seconds;          /* of epoch 1 */
};

struct checkup {
    struct msg_check check;
    char *base, *dir; /* on this host */
    int64_t grace_ms;
    const char *may;       /* permit.h; borrowed from the worker's options */
    bool builtin, patient; /* patient: long epochs are no reason to leave anything out */
    int runs;              /* begun so far */
    struct checkup_run run[CHECKUP_RUNS];
    struct check_result results[CHECKUP_RESULTS_MAX];
    int count;
    int kept;       /* results of the runs before this one */
    bool retried;   /* a run was repeated */
    char died[200]; /* how it ended the first time; "": it did not */

    /* the session's */
    int slot;       /* -1: waits for one */
    bool abandoned; /* nobody wants to hear of it any more */
};

/* Takes the trees out of `check`. */
struct checkup *checkup_new(struct msg_check *check, const struct held_place *place);
void checkup_free(struct checkup *checkup); /* NULL is fine */

/* Appends the line that starts the next run; false if there is none left. */
bool checkup_next(struct checkup *checkup, struct str *out);
/* What the slot says of the run: {"epoch":…} and {"check":…}, which may make it say something in turn, and {"end":…}. */
void checkup_on_line(struct checkup *checkup, struct json *line, struct str *out);
void checkup_on_end(struct checkup *checkup, const struct json *end);
/* The slot itself has died. True: it is to begin anew in another one. */
bool checkup_on_gone(struct checkup *checkup);

enum verdict checkup_worst(const struct checkup *checkup);
/* The list that CHECKED carries; the caller frees it. */
struct json *checkup_tell(const struct checkup *checkup);

#endif
