/* objective: what a simulated trial scores.
 *
 *   branin, hartmann6, rosenlog4, lrsurf     functions with known optima, minimised (turned over where the study
 *                                            maximises), of the study's numeric parameters in their order
 *   table:FILE                               a table of the families HPOBench-MLP and HPOLib-FCNet: gzip or plain
 *                                            little-endian float32, row-major over the axes, last the repetition; the
 *                                            parameters are named as the axes, the nearest entry of each axis counts
 *   study:NAME                               the curve of the nearest finished trial of that study, on each
 *                                            parameter's own scale
 *   a program                                reads one JSON of params per line and answers one JSON per line, the metric
 *                                            a number or a list with one per epoch
 *
 * A function's learning curve starts at value + |value| + 1 and comes down to it over the full training. Refuses spaces
 * that do not fit. Ownership: heap; the definition is borrowed.
 */
#ifndef HONE_CLI_OBJECTIVE_H
#define HONE_CLI_OBJECTIVE_H

#include "master/study_def.h"

struct objective;

struct objective_options {
    const char *name;    /* NULL with a program */
    const char *program; /* for the shell; NULL: none */
    const char *db;      /* of study:NAME */
    double noise;        /* standard deviation, drawn by point and seed */
};

int objective_open(const struct objective_options *options, const struct study_def *def,
                   struct objective **out, struct err *err);
void objective_free(struct objective *objective);

/* As the rehearsal wants it: the metric after an epoch, NaN if diverged. */
double objective_value(void *objective, const struct json *params, uint64_t seed, int epoch, int epochs);
/* The same without noise. */
double objective_truth(struct objective *objective, const struct json *params, uint64_t seed, int epochs);

/* Why it gave up (a program that ended, an answer that cannot be read); NULL: it did not. */
const struct err *objective_failed(const struct objective *objective);

#endif
