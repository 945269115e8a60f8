/* ladder: the rungs of a study in order, kept so while results come in.
 *
 * What successive halving asks at every free slot (who of a rung is next, who is among its best third) is answered from
 * lists that are sorted already: a change of a trial costs two binary searches and one move of memory for each rung it stands
 * at, a question one more, whatever the number of trials. The lists are a cache: they are a function of (rungs, history), and
 * a ladder made anew says the same (tests/unit/test_prune).
 *
 * Follows one history by its list of changes (history.h); where that does not reach back far enough, or the rungs are others,
 * it begins again. Do not show it a view. Ownership: ladder_fini frees; fine on {0}, which is a ladder that knows nothing.
 */
#ifndef HONE_MASTER_SEARCH_LADDER_H
#define HONE_MASTER_SEARCH_LADDER_H

#include "master/search/asha.h"

/* A trial at a rung. */
struct standing {
    double score; /* there; -INFINITY: bad */
    uint32_t trial;
};

/* By falling score, ties by number. */
struct standings {
    struct standing *list;
    size_t count, room;
};

struct ladder {
    struct asha asha;
    struct standings all[ASHA_RUNGS];     /* who has a score there */
    struct standings waiting[ASHA_RUNGS]; /* of those, who is paused there: may be resumed */
    double *score;                        /* [trial - 1][rungs], what `all` has; NAN: not there */
    size_t trials, room;
    uint64_t seen; /* changes of the history */
};

void ladder_fini(struct ladder *ladder);

/* Takes in what has changed. */
void ladder_follow(struct ladder *ladder, const struct asha *asha, const struct history *history);

/* Places before a standing, it itself apart. */
size_t standings_before(const struct standings *standings, struct standing standing);
/* The place of a trial at rung k, from 0; -1: not there. */
int ladder_place(const struct ladder *ladder, int k, uint32_t trial);

#endif
