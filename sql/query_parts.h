/* query_parts: what the files about reading need of each other; nobody else includes it. */
#ifndef HONE_SQL_QUERY_PARTS_H
#define HONE_SQL_QUERY_PARTS_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "sql/query.h"
#include "sql/stmt.h"

/* What the file looked like: whether a master is writing (a WAL that holds something), and its last change. */
struct stamp {
    bool live;
    struct timespec changed;
    off_t bytes;
    ino_t inode;
};

struct query {
    struct conn *conn; /* own, or borrowed from a store */
    struct conn own;
    char *path, *wal; /* NULL when borrowed */
    struct stamp stamp;
    int looks_left; /* of the running statement */
};

/* Before a statement: if the file at rest is at rest no more, the connection is of no use, and is made anew. */
int query_refresh(struct query *query, struct err *err);

#endif
