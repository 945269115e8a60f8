/* stmt: one SQLite connection with its named statements, prepared when first used and kept. Both the writer and the
 * readers stand on it. Also what SQLite's result codes mean to a person, and exact(), our one SQL function.
 *
 * Refuses: an unknown name (our own bug). Ownership: the caller's storage; conn_fini finalises the statements and
 * closes the connection. A statement handed out is borrowed; the caller resets it when done with it. */
#ifndef HONE_SQL_STMT_H
#define HONE_SQL_STMT_H

#include <sqlite3.h>
#include <stdint.h>

#include "common/err.h"

struct conn {
    sqlite3 *db;
    const char *path;     /* borrowed, for messages */
    sqlite3_stmt **stmts; /* by index of text_at; NULL until first used */
};

/* `uri` is a path or file: URI; `path` is what messages call it. */
int conn_open(struct conn *conn, const char *uri, const char *path, int flags, struct err *err);
void conn_fini(struct conn *conn);

int conn_stmt(struct conn *conn, const char *name, sqlite3_stmt **out, struct err *err);
/* A named statement without parameters whose rows do not matter. */
int conn_run(struct conn *conn, const char *name, struct err *err);
/* All statements of a text, none of which gives rows that matter: schema, views, migrations, pragmas. */
int conn_exec(struct conn *conn, const char *sql, struct err *err);
/* The first cell of a pragma or of a named statement. */
int conn_pragma(struct conn *conn, const char *pragma, int64_t *out, struct err *err);
int conn_integer(struct conn *conn, const char *name, int64_t *out, struct err *err);

/* The connection's last error as a sentence with the file's name, code and way out chosen by SQLite's code. */
int conn_fail(const struct conn *conn, int sqlite_code, struct err *err);

#endif
