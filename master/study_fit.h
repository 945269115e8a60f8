/* study_fit: do the parts of a study go together? Each part has been read and is right by itself (study_def.c);
 * here is what has no place beside what, and why: methods that compare trials at rungs beside those that stop them,
 * several metrics beside what ranks along one line, points to try first that the
 * space does not have, metrics that the built-in trainer does not report.
 *
 * Refuses with file, path and a way out. Pure; owns nothing.
 */
#ifndef HONE_MASTER_STUDY_FIT_H
#define HONE_MASTER_STUDY_FIT_H

#include "master/study_def.h"

/* 0, or ERR_BAD with the first pair that does not fit. A search that nothing would ever end does not either. */
int study_fit(const struct jcur *root, const struct study_def *def, struct err *err);

#endif
