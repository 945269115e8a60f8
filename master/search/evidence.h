/* evidence: a history as models read it: one observation for each group (a point with its repeats), in the
 * order of trial numbers. The score of repeats is the mean of those that have one; a group is bad where all
 * that ended are bad, pending while none has ended.
 *
 * Under rungs (asha, hyperband) a paused trial has a result. What is compared is the score at the highest rung at which
 * at least max(10, parameters + 2) trials have one (Falkner, Klein, Hutter, "BOHB", ICML 2018, has d + 1), also of those
 * that went further. BOHB ignores whoever did not get there; here they stand behind, as if pruned, never better than the
 * worst that did: most were beaten at a lower rung, and a model that forgets them goes back there.
 *
 * Refuses nothing. Ownership: evidence_init allocates, evidence_fini frees; points are borrowed from the
 * history.
 */
#ifndef HONE_MASTER_SEARCH_EVIDENCE_H
#define HONE_MASTER_SEARCH_EVIDENCE_H

#include "master/search/history.h"

struct observed {
    const struct point *point;
    uint32_t trial, group;    /* lowest trial number of the group */
    int entry;                /* its place among the history's entries */
    enum history_state state; /* PENDING, SCORED or BAD; cancelled ones are not here */
    bool pruned;              /* no repeat ran to its end */
    int epochs;               /* most of any repeat */
    double score;             /* -INFINITY unless SCORED */
    double more
        [HISTORY_MORE]; /* further metrics; of a group's first repeat: studies with several have no groups */
    int repeats;        /* that the score is the mean of */
};

struct evidence {
    struct observed *list; /* by rising trial number */
    int count;
    int finished; /* SCORED or BAD */
    int pending;
};

void evidence_init(struct evidence *evidence, const struct history *history);
void evidence_fini(struct evidence *evidence);

/* Its scores, all maximised; a bad one has -INFINITY for each. */
void observed_scores(const struct observed *observed, int metrics, double *out);

/* Indices of the finished ones, best first: complete ones by score, then pruned ones by epochs and score,
 * then bad ones; ties go to the lower trial number. `order` has room for `count`. Returns evidence->finished.
 */
int evidence_rank(const struct evidence *evidence, int *order);

/* The first `most` of them, which are few: no more of the rest is known than that it is no better. Returns how many. */
int evidence_best(const struct evidence *evidence, int most, int *order);

/* The same with several metrics: by Pareto rank; of the front that reaches over the first `below`, those that cover most of
 * what it covers, above a reference as far below its worst as it is long; then by trial number. Bad ones last. */
int evidence_rank_front(const struct evidence *evidence, int metrics, int below, int *order);

#endif
