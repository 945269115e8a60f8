/* importance: what `hone importance STUDY --json` prints, for whoever shows it elsewhere. ERR_NO: too few trials have ended.
 * For a process of its own: once the study is read and the database closed, it goes on at the lowest priority. */
#ifndef HONE_CLI_IMPORTANCE_H
#define HONE_CLI_IMPORTANCE_H

#include "common/err.h"
#include "common/str.h"

int importance_json(const char *db, const char *study, struct str *out, struct err *err);

#endif
