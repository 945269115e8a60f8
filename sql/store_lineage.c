/* Trials that begin at another's checkpoint, and the brackets that trials belong to. */
#include "sql/store_inner.h"

void store_add_lineage(struct store *store, const struct row_lineage *row)
{
    struct put put = put_begin(store, "add_lineage");
    put_int(&put, row->trial);
    put_int(&put, row->parent);
    put_int(&put, row->parent_epoch);
    put_opt(&put, row->parent_attempt);
    put_int(&put, row->replaced);
    put_run(&put);
}

int store_load_lineage(struct store *store, int64_t study,
                       int (*visit)(void *arg, const struct row_lineage *row), void *arg, struct err *err)
{
    struct load load = load_begin(store, "load_lineage", study, err);
    while (load_next(&load)) {
        struct row_lineage row = {
            .trial = sqlite3_column_int64(load.stmt, 0),
            .parent = sqlite3_column_int64(load.stmt, 1),
            .parent_epoch = sqlite3_column_int(load.stmt, 2),
            .parent_attempt = sqlite3_column_int(load.stmt, 3),
            .replaced = sqlite3_column_int64(load.stmt, 4),
        };
        load.rc = visit(arg, &row);
    }
    return load_end(&load);
}

void store_add_bracket(struct store *store, const struct row_bracket *row)
{
    struct put put = put_begin(store, "add_bracket");
    put_int(&put, row->study);
    put_int(&put, row->first_trial);
    put_int(&put, row->round);
    put_int(&put, row->bracket);
    put_int(&put, row->trials);
    put_int(&put, row->min_epochs);
    put_int(&put, row->eta);
    put_int(&put, row->epochs);
    put_int(&put, row->opened_ms);
    put_run(&put);
}
