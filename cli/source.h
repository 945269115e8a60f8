/* source: where a reading command reads: the database itself, or a master that is asked (--master,
 * HONE_MASTER, or a database that only its master may open, --network-db). The rows are the same.
 *
 * Ownership: source_free closes; rows are the caller's. */
#ifndef HONE_CLI_SOURCE_H
#define HONE_CLI_SOURCE_H

#include <stdbool.h>

#include "sql/query.h"

struct source;

int source_open(const char *db, const char *master, struct source **out, struct err *err);
void source_free(struct source *source); /* NULL is fine */
/* For a screen: a master that is asked has no longer than this to answer each question. */
void source_hurry(struct source *source, int64_t wait_ms);

/* A named statement of sql/queries.sql. */
int source_run(struct source *source, const char *name, const struct bind *binds, int count, struct rows *out,
               struct err *err);
/* One SELECT of the user's; max_rows 0: no bound. */
int source_sql(struct source *source, const char *sql, size_t max_rows, struct rows *out, struct err *err);

/* The study a person means: by name, or the newest for NULL or "". One row of study_find. ERR_GONE with the
 * nearest name if there is none. */
int source_study(struct source *source, const char *name, struct rows *out, struct err *err);
/* A row of study_find: ERR_BAD and why, if the master has set the study aside; else 0. */
int source_unreadable(const struct rows *head, struct err *err);
/* source_study for whoever shows its rows, which are there all the same: standard error says that it was set aside. */
int source_read_study(struct source *source, const char *name, struct rows *out, struct err *err);
/* Has it ended? */
int source_ended(struct source *source, const char *name, bool *ended, struct err *err);
/* The names of its parameters, in its order; text_list_fini. */
struct text_list;
int source_params(struct source *source, const char *study, struct text_list *out, struct err *err);

#endif
