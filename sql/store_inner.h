/* store_inner: what the files of the store share, and nobody else includes. A writer is a struct put: begin by name,
 * values in the order in which queries.sql first names them, run. The first failure rolls the turn back and makes
 * the rest of the turn do nothing; store_commit reports it.
 *
 * The store remembers little: of each study its name, its metric and the metric names its view has, of each trial
 * its study. All of it is read again after a rollback. */
#ifndef HONE_SQL_STORE_INNER_H
#define HONE_SQL_STORE_INNER_H

#include "sql/lock.h"
#include "sql/stmt.h"
#include "sql/wal.h"
#include "sql/store_load.h"

struct known_metric {
    char *name;
    int64_t id;
};

struct known_study {
    int64_t id;
    char *name;
    char *metric; /* the one trials are ranked by; not among metrics */
    struct known_metric *metrics;
    size_t count, room;
    bool view_stale; /* a metric was added in this turn: remake its view before the commit */
};

struct store {
    struct conn conn;
    struct db_lock lock;
    char *path, *root;
    char uuid[HASH_HEX];
    struct wal *wal; /* NULL: SQLite folds it back itself (memory, exclusive locking) */
    bool memory;
    bool broken; /* by store_break */
    struct file_mark {
        uint64_t dev, ino; /* 0: not seen yet */
    } db_mark, wal_mark;
    struct query *reader; /* read-only: whose connection it has */
    bool dirty;           /* a transaction is open */
    bool damaged;         /* a visit of rows failed in SQLite */
    bool views_stale;     /* some study's view_stale */
    struct err failed;    /* code 0: none */
    uint64_t seq, committed_seq;
    struct known_study *studies; /* by id */
    size_t study_count, study_room;
    uint32_t *study_of; /* index into studies, by trial id */
    size_t study_of_room;
    char *checkpoint_path, *checkpoint_hash; /* last handed out by store_last_checkpoint */
};

/* ---- store.c ---- */

/* A new uuid, in the open transaction and in memory. */
int store_sign_again(struct store *store, struct err *err);

/* ---- store_put.c ---- */

struct put {
    struct store *store;
    sqlite3_stmt *stmt; /* NULL: the turn has failed, all that follows does nothing */
    int next;           /* parameter to bind next, from 1 */
};

struct put put_begin(struct store *store, const char *name);
void put_int(struct put *put, int64_t value);
void put_opt(struct put *put, int64_t value);      /* 0 is NULL: ids, epochs and times that are not yet */
void put_num(struct put *put, double value);       /* NaN and infinities are NULL */
void put_text(struct put *put, const char *value); /* NULL is NULL; borrowed until put_run */
/* Rows changed, -1 if it failed. */
int put_run(struct put *put);

/* Makes the turn fail with `why` (err_set's result is ignored); all of it is undone. */
void store_fail(struct store *store, const struct err *why);

/* ---- store_known.c ---- */

int known_load(struct store *store, struct err *err);
void known_fini(struct store *store);
struct known_study *known_study(struct store *store, int64_t id); /* NULL: none */
struct known_study *known_study_of(struct store *store, int64_t trial);
void known_add_study(struct store *store, int64_t id, const char *name, const char *metric);
void known_add_trial(struct store *store, int64_t trial, int64_t study);
/* Number of a metric of the study, added if new; 0 if there are too many or that failed. `guess` is where it stood
 * last time. */
int64_t known_metric_id(struct store *store, struct known_study *study, size_t guess, const char *name);

/* ---- store_load.c ---- */

/* A statement with the id of a study or trial bound; PRE: not already running, as in a visit that visits again. */
struct load {
    struct store *store;
    sqlite3_stmt *stmt;
    struct err *err;
    int rc;  /* what the last visit said; not 0: no further row */
    int got; /* by the last step */
};
struct load load_begin(struct store *store, const char *name, int64_t id, struct err *err);
bool load_next(struct load *load); /* a row is there */
int load_end(struct load *load);
const char *text_at_col(sqlite3_stmt *stmt, int col); /* NULL is NULL */
double num_at_col(sqlite3_stmt *stmt, int col);       /* NULL is NaN */

/* ---- store_study_view.c ---- */

/* Makes the flat view as the study is known now, in the open transaction. */
int study_view_make(struct store *store, struct known_study *study, struct err *err);
int study_views_make_stale(struct store *store, struct err *err);
int study_views_make_all(struct store *store, struct err *err);

#endif
