/* study_file: a study file as commands need it: read, overridden with --set, checked, as text, with its
 * folder.
 *
 * Ownership: the caller's storage, study_file_fini. */
#ifndef HONE_CLI_STUDY_FILE_H
#define HONE_CLI_STUDY_FILE_H

#include "cli/options.h"
#include "master/study_def.h"
#include "sql/store.h"

struct study_file {
    const char *path; /* borrowed */
    struct study_def def;
    struct str text; /* the definition as JSON, overrides applied */
    char *base;      /* folder of the file, absolute */
};

int study_file_load(const char *path, const struct text_list *sets, struct study_file *out, struct err *err);
/* What --no-check and --force say. */
enum study_checks checks_wanted(bool no_check, bool force);

void study_file_fini(struct study_file *file);

#endif
