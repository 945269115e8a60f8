/* pace: how far simulated searches were after so many trials: the best so far, or, of several metrics, the front and the
 * hypervolume it covers.
 *
 * What was best is chosen by what was seen, and told by what it is worth without noise. Hypervolume counts from a reference
 * point: given, or a tenth of the spread beyond the worst of each metric over all runs; only with a given one do two
 * calls compare. Ownership: heap; the definition is borrowed. */
#ifndef HONE_CLI_PACE_H
#define HONE_CLI_PACE_H

#include "cli/objective.h"
#include "master/study.h"

struct pace;

struct pace *pace_new(const struct study_def *def, int runs);
void pace_free(struct pace *pace); /* NULL is fine */

/* "0.9,12": a value for each metric, from which hypervolume counts. */
int pace_set_reference(struct pace *pace, const char *text, struct err *err);
/* What a run, from 0, has come to. `objective`: asked what trials are worth; NULL: what was seen, there is no noise. */
void pace_take(struct pace *pace, int run, const struct study *study, struct objective *objective);
/* Columns trials, epochs, front (of several metrics), and best or hypervolume, or its quartiles over the runs. */
void pace_show(struct pace *pace, bool csv, bool json);

#endif
