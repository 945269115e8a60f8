/* submission: what becomes of a study file that is handed in: a new study, one that goes on, or a refusal. */
#ifndef HONE_MASTER_SUBMISSION_H
#define HONE_MASTER_SUBMISSION_H

#include "master/studies.h"

struct submission {
    const char *file; /* as errors name it */
    const char *base; /* folder that relative paths of the study mean */
    bool fresh;       /* under another name if this one is taken */
    enum study_checks checks;
};
/* Adds a study (takes the inside of `def`) or finds it again; ERR_BAD if one of this name is another (see
 * server_submit). */
int submission_take(struct studies *studies, struct turn *turn, struct study_def *def,
                    const struct submission *how, struct study **out, struct err *err);

#endif
