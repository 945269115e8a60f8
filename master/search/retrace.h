/* retrace: a history shown again as it stood at one seq after the other. What history_as_of makes anew each time, at the
 * cost of all trials, is carried on here from one moment to the next: all of them together cost what the history is long. Going
 * back begins again at the front.
 *
 * Ownership: retrace_fini frees; the history is borrowed, does not change meanwhile and is not lean. Fine on {0}. */
#ifndef HONE_MASTER_SEARCH_RETRACE_H
#define HONE_MASTER_SEARCH_RETRACE_H

#include "master/search/history.h"

/* An entry is there from this seq on, with so many steps of its log. */
struct retrace_step {
    uint64_t seq;
    uint32_t entry, steps;
};

struct retrace {
    const struct history *history;
    struct history view;
    struct retrace_step *steps; /* in order; those before `next` are in the view */
    size_t count, next;
};

void retrace_init(struct retrace *retrace, const struct history *history);
void retrace_fini(struct retrace *retrace);

/* What history_as_of gives. Borrowed until the next call. */
const struct history *retrace_to(struct retrace *retrace, uint64_t seq);

#endif
