/* doing: what a study is doing, in a word for people: checking, running, unfinished (nobody is at it), pausing,
 * paused, stopping, ended, unreadable (set aside by the master). Only the user's wish is stored; this is derived from a row of study_progress. */
#ifndef HONE_SQL_DOING_H
#define HONE_SQL_DOING_H

#include "sql/query.h"

/* The row has the columns wish, end_reason, running, checks, unreadable. A constant. */
const char *study_doing(const struct rows *rows, size_t row);

#endif
