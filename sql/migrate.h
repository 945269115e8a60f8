/* migrate: brings a database of an older version to ours, one step per version (sql/migrate/NNN.sql), all in one
 * transaction: a step that fails leaves the file as it was. Views are dropped and made anew afterwards.
 *
 * Refuses: a file of a newer version than the last step. */
#ifndef HONE_SQL_MIGRATE_H
#define HONE_SQL_MIGRATE_H

#include "common/err.h"

struct conn;

struct migration {
    const char *sql;
};

/* Step i brings version i to i + 1; the count is the version this program knows. */
extern const struct migration migrations[];
extern const int migration_count;

/* *changed: the views are gone, and the caller makes them anew in the transaction that is still open. */
int migrate(struct conn *conn, const struct migration *steps, int count, int *changed, struct err *err);

#endif
