/* study_trainer: the "trainer" of a study file: a program of the user's own, or the built-in one with its options.
 *
 * Refuses placeholders that no parameter backs, and parameters that the built-in trainer would never see; both with
 * path, value and hint. Reads `def` (space, repeat) and sets its trainer_seed; owns nothing.
 */
#ifndef HONE_MASTER_STUDY_TRAINER_H
#define HONE_MASTER_STUDY_TRAINER_H

#include "common/json.h"
#include "master/study_def.h"

int study_trainer_parse(const struct jcur *root, struct study_def *def, struct err *err);

#endif
