/* hyperband: successive halving with several beginnings (Li, Jamieson, DeSalvo, Rostamizadeh, Talwalkar, "Hyperband", JMLR
 * 18, 2018), by promotion. Where rungs of few epochs rank badly, the brackets that begin higher save the search; where
 * they rank well, the first bracket does most of the work.
 *
 * The rungs are ASHA's (asha.h): r, r eta, …, R. Bracket b of the B = count(rungs) brackets begins at rung b with
 * n_b = ceil(B eta^s / (s + 1)) trials, s = B - 1 - b, and lets exactly floor(n_b / eta^i) of them run to its i-th rung
 * (at least one to the last): R = 81, eta = 3 gives 81, 34, 15, 8 and 5 trials, and (81, 1)(27, 3)(9, 9)(3, 27)(1, 81)
 * epochs in the first. Trials belong to brackets by number: the first 81 to the first, the next 34 to the second, …, and
 * again from the front, so that bracket and budget of a trial follow from its number alone, whatever the number of workers.
 *
 * A rung is decided when each of its trials has a score there or has ended, and the bracket is full or no further trial
 * will come: the numbers are exact, never those of who was early (that is "asha"). A slot does not wait for it: the
 * trials of the next bracket begin meanwhile, as in BOHB (Falkner, Klein, Hutter, ICML 2018). A bracket that the study's
 * end cuts short halves what it has. Cancelled and deleted trials are no members.
 *
 * Pure functions of the history. Ownership: plain values. */
#ifndef HONE_MASTER_SEARCH_HYPERBAND_H
#define HONE_MASTER_SEARCH_HYPERBAND_H

#include "master/search/asha.h"

struct hyperband {
    struct asha rungs;
    int64_t trials[ASHA_RUNGS]; /* of bracket b; one for each rung */
    int64_t round;              /* trials of all brackets together */
};

/* PRE: as asha_init. */
void hyperband_init(struct hyperband *hyperband, int eta, int min_epochs, int max_epochs);

/* Where a trial belongs. */
struct bracket {
    int64_t round;        /* from 0 */
    int begins;           /* its first rung */
    int64_t trials;       /* planned */
    uint32_t first_trial; /* numbers first_trial .. first_trial + trials - 1 */
};
struct bracket hyperband_bracket(const struct hyperband *hyperband, uint32_t trial);

/* How many of a bracket's n trials run to its i-th rung. */
int64_t hyperband_kept(const struct hyperband *hyperband, int64_t n, int i);

/* The best paused trial that may run on now (ASHA_RESUME), or one that did not make it at a decided rung (ASHA_DROP); else
 * ASHA_WAIT. `more`: further trials will come, so a bracket that is not full has to wait for them. */
struct asha_job hyperband_next(const struct hyperband *hyperband, const struct history *history, bool more);
struct asha_job hyperband_lost(const struct hyperband *hyperband, const struct history *history, bool more);

#endif
