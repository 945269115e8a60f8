/* What the checks before a study's first trial said. */
#include "common/check_result.h"
#include "sql/store_inner.h"

void store_add_check(struct store *store, int64_t study, int64_t worker, bool smoke,
                     const struct check_result *result, int64_t now_ms)
{
    struct put put = put_begin(store, "add_check_result");
    put_int(&put, study);
    put_int(&put, worker);
    put_int(&put, now_ms);
    put_int(&put, smoke);
    put_text(&put, result->gate);
    put_text(&put, result->name);
    put_text(&put, result->part[0] ? result->part : NULL);
    put_text(&put, verdict_name(result->verdict));
    put_num(&put, result->value);
    put_num(&put, result->expected);
    put_text(&put, result->text);
    put_text(&put, result->hint[0] ? result->hint : NULL);
    put_run(&put);
}

bool store_smoke_known(struct store *store, int64_t study, int64_t worker)
{
    sqlite3_stmt *stmt = NULL;
    if (conn_stmt(&store->conn, "smoke_known", &stmt, NULL))
        return false;
    sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, ":study"), study);
    sqlite3_bind_int64(stmt, sqlite3_bind_parameter_index(stmt, ":worker"), worker);
    bool known = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 0) > 0;
    sqlite3_reset(stmt);
    return known;
}
