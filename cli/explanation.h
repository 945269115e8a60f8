/* explanation: what is known of a trial, and the sentences that say why it is as it is. They are made from its rows alone, and
 * from what the master said of one that waits.
 *
 * Ownership: explanation_fini frees everything but the study's name. */
#ifndef HONE_CLI_EXPLANATION_H
#define HONE_CLI_EXPLANATION_H

#include "cli/options.h"
#include "sql/query.h"

struct explanation {
    const char *study; /* borrowed */
    uint32_t trial;
    struct rows head, origin, events, attempts, queue, lineage, bracket, rung, about; /* about: its study */
    bool is_alone;                                                                    /* no master runs */
    char *master_says; /* NULL: none runs, or it has nothing to say */
    struct text_list origin_lines, life_lines, now_lines;
};

/* From the rows the lines: where it comes from, what happened to it, why it is where it is. */
void explanation_tell(struct explanation *e);
void explanation_fini(struct explanation *e);

#endif
