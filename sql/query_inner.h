/* query_inner: what the store needs of query's inside: a query on a connection that is somebody else's. */
#ifndef HONE_SQL_QUERY_INNER_H
#define HONE_SQL_QUERY_INNER_H

#include "sql/query.h"
#include "sql/stmt.h"

/* `conn` is borrowed and outlives the query. */
int query_open_on(struct conn *conn, struct query **out, struct err *err);

#endif
