/* front: the table of `hone best` where a study is ranked by several metrics: the trials that no other beats in every one
 * (pareto.h). The hypervolume has the product of the metrics' units. Ownership: front_fini frees. */
#ifndef HONE_CLI_FRONT_H
#define HONE_CLI_FRONT_H

#include "cli/source.h"

struct best_style;

/* Trial, each metric, how many trials it dominates, epochs, parameters, status, seconds, worker; the best by the first
 * metric first. No rows: the study has one metric, or no trial of it has ended with all of them. */
struct front {
    struct rows rows;
    int trials;         /* that ended with a score of each metric */
    int size;           /* of the front, whatever the limit */
    double hypervolume; /* that the front covers above `reference` */
    char *reference;    /* "val_acc 0.31, seconds 12.4": a tenth of the spread beyond the worst of each */
};

int front_load(struct source *source, const char *study, int64_t limit, struct front *out, struct err *err);
void front_show(const struct front *front, const struct best_style *style);
void front_fini(struct front *front);

#endif
