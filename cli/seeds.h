/* seeds: one configuration of a study trained again with other seeds, as trials of the same study beyond its search
 * (master/extra.h): by the master that runs on the database, else by one in this process with workers beside it, as
 * `hone run` has them. What was trained before is not trained again, so that an interrupted command goes on when it is
 * given once more. */
#ifndef HONE_CLI_SEEDS_H
#define HONE_CLI_SEEDS_H

#include "cli/source.h"

struct seeds {
    const char *db, *master, *dir; /* as the options say */
    int count;                     /* trainings besides the search's own */
    int workers;                   /* of a master in this process; -1: one per core */
    bool quiet;                    /* progress goes to standard error */
};

/* Returns when none is left to train. ERR_NO, and signals_status() says more: interrupted. */
int seeds_train(const struct seeds *seeds, struct source *source, const char *study, uint32_t trial,
                struct err *err);

#endif
