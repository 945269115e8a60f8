/* query_inner: what the store needs of query's inside: a query on a connection that is somebody else's. */
#ifndef HONE_SQL_QUERY_INNER_H
#define HONE_SQL_QUERY_INNER_H

#include <stdbool.h>

#include "sql/query.h"
#include "sql/stmt.h"

/* `conn` is borrowed and outlives the query. */
int query_open_on(struct conn *conn, struct query **out, struct err *err);

/* The connection of a query, to read through by other means; its path is the query's, which stays open till then. */
void query_take_conn(struct query *query, struct conn *out);
/* Has a master begun to write since a file at rest was opened? */
bool query_overtaken(const struct query *query);

#endif
