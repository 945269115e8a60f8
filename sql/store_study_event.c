/* What stands beside a study's trials: what people did to it while it lived, and what it knew before its first trial. */
#include "sql/store_inner.h"

uint64_t store_add_study_event(struct store *store, const struct row_study_event *event)
{
    uint64_t seq = store->seq + 1;
    struct put put = put_begin(store, "add_study_event");
    put_int(&put, (int64_t)seq);
    put_int(&put, event->study);
    put_int(&put, event->at_ms);
    put_text(&put, event->event);
    put_text(&put, event->path);
    put_text(&put, event->before);
    put_text(&put, event->after);
    put_text(&put, event->who);
    return put_run(&put) < 0 ? 0 : (store->seq = seq);
}

int store_load_study_events(struct store *store, int64_t study,
                            int (*visit)(void *arg, uint64_t seq, const struct row_study_event *row),
                            void *arg, struct err *err)
{
    struct load load = load_begin(store, "load_study_events", study, err);
    while (load_next(&load)) {
        struct row_study_event row = {
            .study = study,
            .event = text_at_col(load.stmt, 1),
            .path = text_at_col(load.stmt, 2),
            .before = text_at_col(load.stmt, 3),
            .after = text_at_col(load.stmt, 4),
            .who = text_at_col(load.stmt, 5),
            .at_ms = sqlite3_column_int64(load.stmt, 6),
        };
        load.rc = visit(arg, (uint64_t)sqlite3_column_int64(load.stmt, 0), &row);
    }
    return load_end(&load);
}

/* ---- warm ---- */

void store_add_warm(struct store *store, const struct row_warm *row)
{
    struct put put = put_begin(store, "add_warm");
    put_int(&put, row->study);
    put_int(&put, row->number);
    put_text(&put, row->source);
    put_int(&put, row->trial);
    put_text(&put, row->params);
    put_int(&put, row->pruned);
    put_int(&put, row->epochs);
    put_num(&put, row->score);
    put_run(&put);
}

int store_load_warm(struct store *store, int64_t study, int (*visit)(void *arg, const struct row_warm *row),
                    void *arg, struct err *err)
{
    struct load load = load_begin(store, "load_warm", study, err);
    while (load_next(&load)) {
        struct row_warm row = {
            .study = study,
            .number = sqlite3_column_int(load.stmt, 0),
            .source = text_at_col(load.stmt, 1),
            .trial = (uint32_t)sqlite3_column_int64(load.stmt, 2),
            .params = text_at_col(load.stmt, 3),
            .pruned = sqlite3_column_int(load.stmt, 4),
            .epochs = sqlite3_column_int(load.stmt, 5),
            .score = num_at_col(load.stmt, 6),
        };
        load.rc = visit(arg, &row);
    }
    return load_end(&load);
}
