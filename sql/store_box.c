/* Boxes and what was seen at their walls. */
#include "sql/store_inner.h"

uint64_t store_add_box(struct store *store, const struct row_box *box)
{
    uint64_t seq = store->seq + 1;
    struct put put = put_begin(store, "add_box");
    put_int(&put, (int64_t)seq);
    put_int(&put, box->study);
    put_int(&put, box->at_ms);
    put_int(&put, box->stage);
    put_int(&put, box->carried);
    put_int(&put, box->trials);
    put_text(&put, box->walls);
    return put_run(&put) < 0 ? 0 : (store->seq = seq);
}

uint64_t store_add_box_event(struct store *store, const struct row_box_event *event, int64_t now_ms)
{
    uint64_t seq = store->seq + 1;
    struct put put = put_begin(store, "add_box_event");
    put_int(&put, (int64_t)seq);
    put_int(&put, event->study);
    put_int(&put, now_ms);
    put_int(&put, event->stage);
    put_text(&put, event->param);
    put_text(&put, event->side);
    put_text(&put, event->verdict);
    put_num(&put, event->best);
    put_num(&put, event->lean);
    put_num(&put, event->slope);
    put_num(&put, event->trend);
    put_int(&put, event->top);
    put_int(&put, event->trials);
    put_num(&put, event->before_low);
    put_num(&put, event->before_high);
    put_num(&put, event->after_low);
    put_num(&put, event->after_high);
    put_text(&put, event->choice);
    put_text(&put, event->behind);
    put_text(&put, event->text);
    return put_run(&put) < 0 ? 0 : (store->seq = seq);
}

int store_load_asked(struct store *store, int64_t study,
                     int (*visit)(void *arg, uint64_t seq, const char *param, const char *side, double low,
                                  double high),
                     void *arg, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = conn_stmt(&store->conn, "asked_walls", &stmt, err), got = SQLITE_DONE;
    if (rc)
        return rc;
    sqlite3_bind_int64(stmt, 1, study);
    while (!rc && (got = sqlite3_step(stmt)) == SQLITE_ROW)
        rc = visit(arg, (uint64_t)sqlite3_column_int64(stmt, 0), (const char *)sqlite3_column_text(stmt, 1),
                   (const char *)sqlite3_column_text(stmt, 2), sqlite3_column_double(stmt, 3),
                   sqlite3_column_double(stmt, 4));
    if (!rc && got != SQLITE_DONE)
        rc = conn_fail(&store->conn, got, err);
    sqlite3_reset(stmt);
    return rc;
}

void store_box_event_approved(struct store *store, uint64_t seq, int64_t now_ms)
{
    struct put put = put_begin(store, "approve_box_event");
    put_int(&put, now_ms);
    put_int(&put, (int64_t)seq);
    put_run(&put);
}

int store_last_look(struct store *store, int64_t study)
{
    sqlite3_stmt *stmt = NULL;
    if (conn_stmt(&store->conn, "last_box_event", &stmt, NULL))
        return 0;
    sqlite3_bind_int64(stmt, 1, study);
    int trials = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : 0;
    sqlite3_reset(stmt);
    return trials;
}

static struct row_box_event box_event_row(sqlite3_stmt *stmt, int64_t study)
{
    return (struct row_box_event){
        .study = study,
        .param = text_at_col(stmt, 1),
        .side = text_at_col(stmt, 2),
        .verdict = text_at_col(stmt, 3),
        .stage = sqlite3_column_int(stmt, 4),
        .best = num_at_col(stmt, 5),
        .lean = num_at_col(stmt, 6),
        .slope = num_at_col(stmt, 7),
        .trend = num_at_col(stmt, 8),
        .top = sqlite3_column_int(stmt, 9),
        .trials = sqlite3_column_int(stmt, 10),
        .before_low = num_at_col(stmt, 11),
        .before_high = num_at_col(stmt, 12),
        .after_low = num_at_col(stmt, 13),
        .after_high = num_at_col(stmt, 14),
        .choice = text_at_col(stmt, 15),
        .behind = text_at_col(stmt, 16),
        .text = text_at_col(stmt, 17),
    };
}

int store_load_box_events(struct store *store, int64_t study,
                          int (*visit)(void *arg, uint64_t seq, const struct row_box_event *row), void *arg,
                          struct err *err)
{
    struct load load = load_begin(store, "load_box_events", study, err);
    while (load_next(&load)) {
        struct row_box_event row = box_event_row(load.stmt, study);
        load.rc = visit(arg, (uint64_t)sqlite3_column_int64(load.stmt, 0), &row);
    }
    return load_end(&load);
}
