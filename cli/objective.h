/* objective: what a simulated trial scores, in each of the study's metrics.
 *
 *   branin, … dtlz2   functions (functions.h), turned over where a metric is maximised
 *   table:FILE,…      what others' trainings scored (hpo_table.h), one file for each metric
 *   study:NAME        the curve of the nearest finished trial of that study, on each parameter's own scale; each metric
 *                     must be one that it has reported, ranked by it or not
 *   a program         reads one JSON of params per line and answers one JSON per line, each metric a number or a list with
 *                     one per epoch
 *
 * A function's learning curve starts at value + |value| + 1 and comes down to it over the full training. Refuses spaces
 * and metrics that do not fit. Ownership: heap; the definition is borrowed.
 */
#ifndef HONE_CLI_OBJECTIVE_H
#define HONE_CLI_OBJECTIVE_H

#include "master/study_def.h"

struct objective;

struct objective_options {
    const char *name;    /* NULL with a program */
    const char *program; /* for the shell; NULL: none */
    const char *db;      /* of study:NAME */
    double noise;        /* standard deviation, drawn by point, seed and metric */
};

int objective_open(const struct objective_options *options, const struct study_def *def,
                   struct objective **out, struct err *err);
void objective_free(struct objective *objective);

/* As the rehearsal wants it: the metric after an epoch, NaN if diverged. */
double objective_value(void *objective, const struct json *params, uint64_t seed, int epoch, int epochs);
/* The same of further metric k, from 0. */
double objective_further(void *objective, int k, const struct json *params, uint64_t seed, int epoch,
                         int epochs);
/* Of metric k, 0 the first, without noise. */
double objective_truth(struct objective *objective, int k, const struct json *params, uint64_t seed,
                       int epochs);

/* Why it gave up (a program that ended, an answer that cannot be read); NULL: it did not. */
const struct err *objective_failed(const struct objective *objective);

#endif
