/* place: where a database lies and what lies there already, looked at before anything is opened or written. A file
 * of another program, a text file, a folder given as --db are turned away untouched.
 *
 * It also tells a network file system, where SQLite's locks and shared memory are not to be trusted.
 * Ownership: strings returned are the caller's. */
#ifndef HONE_SQL_PLACE_H
#define HONE_SQL_PLACE_H

#include <stdbool.h>

#include "common/err.h"

enum { PLACE_APPLICATION_ID = 1213156933 }; /* "HONE", as in schema.sql */

/* One name for one file, whatever links lead to it; the file itself need not exist, its folder must. */
int place_resolve(const char *path, char **out, struct err *err);

/* 0: a Hone database, or (*empty) nothing there yet. ERR_BAD: something else. */
int place_look(const char *path, bool *empty, struct err *err);

/* `mountinfo` is the text's path, NULL for this machine's own. */
bool place_is_network(const char *path, const char *mountinfo, char fs_type[64]);
int place_refuse_network(const char *path, const char *mountinfo, struct err *err);

#endif
