/* submission: how somebody wants a study taken in. */
#ifndef HONE_MASTER_SUBMISSION_H
#define HONE_MASTER_SUBMISSION_H

#include <stdbool.h>

#include "sql/store.h"

struct submission {
    const char *file; /* the study file's name, for messages */
    const char *base; /* the folder its relative paths resolve against */
    bool fresh;       /* as name-2, name-3, … if there is one of its name */
    /* Other than WANTED it is stored with the study, and stays; one that failed its checks is checked again. */
    enum study_checks checks;
};

#endif
