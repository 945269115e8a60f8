/* submission: what becomes of a study file that is handed in: a new study, one that goes on, or a refusal. */
#ifndef HONE_MASTER_SUBMISSION_H
#define HONE_MASTER_SUBMISSION_H

#include "master/studies.h"

struct submission {
    const char *file; /* the study file's name, for messages */
    const char *base; /* the folder its relative paths resolve against */
    bool fresh;       /* as name-2, name-3, … if there is one of its name */
    /* Other than WANTED it is stored with the study, and stays; one that failed its checks is checked again. */
    enum study_checks checks;
};
/* Adds a study (takes the inside of `def`) or finds it again; ERR_BAD if one of this name is another. */
int submission_take(struct studies *studies, struct turn *turn, struct study_def *def,
                    const struct submission *how, struct study **out, struct err *err);

#endif
