#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "sql/store_inner.h"

enum {
    VIEW_METRICS_MAX = 2000, /* SQLite's columns: a view that is full need not be made again */
    METRICS_MAX = 4000,      /* beyond, a trainer makes up names: what it says under new ones is not kept */
};

static void study_fini(struct known_study *study)
{
    for (size_t i = 0; i < study->count; i++)
        free(study->metrics[i].name);
    free(study->metrics);
    free(study->name);
    free(study->metric);
}

void known_fini(struct store *store)
{
    for (size_t i = 0; i < store->study_count; i++)
        study_fini(&store->studies[i]);
    free(store->studies);
    free(store->study_of);
    store->studies = NULL;
    store->study_of = NULL;
    store->study_count = store->study_room = store->study_of_room = 0;
}

/* Ids only grow, so the newest are at the end and the array is sorted. */
struct known_study *known_study(struct store *store, int64_t id)
{
    size_t low = 0, high = store->study_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (store->studies[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < store->study_count && store->studies[low].id == id ? &store->studies[low] : NULL;
}

struct known_study *known_study_of(struct store *store, int64_t trial)
{
    if (trial < 1 || (size_t)trial >= store->study_of_room || store->study_of[trial] >= store->study_count)
        return NULL;
    return &store->studies[store->study_of[trial]];
}

void known_add_study(struct store *store, int64_t id, const char *name, const char *metric)
{
    GROW(store->studies, store->study_room, store->study_count + 1);
    store->studies[store->study_count++] =
        (struct known_study){.id = id, .name = xstrdup(name), .metric = xstrdup(metric)};
}

void known_add_trial(struct store *store, int64_t trial, int64_t study)
{
    struct known_study *known = known_study(store, study);
    PRE(known && trial > 0);
    size_t before = store->study_of_room;
    if ((size_t)trial >= before) {
        GROW(store->study_of, store->study_of_room, (size_t)trial + 1);
        memset(store->study_of + before, 0xff, (store->study_of_room - before) * sizeof *store->study_of);
    }
    store->study_of[trial] = (uint32_t)(known - store->studies);
}

static void add_metric(struct known_study *study, int64_t id, const char *name)
{
    GROW(study->metrics, study->room, study->count + 1);
    study->metrics[study->count++] = (struct known_metric){.name = xstrdup(name), .id = id};
}

/* Reports name their metrics in the same order every time: the guess is nearly always right. */
int64_t known_metric_id(struct store *store, struct known_study *study, size_t guess, const char *name)
{
    if (guess < study->count && strcmp(study->metrics[guess].name, name) == 0)
        return study->metrics[guess].id;
    for (size_t i = 0; i < study->count; i++)
        if (strcmp(study->metrics[i].name, name) == 0)
            return study->metrics[i].id;
    if (study->count >= METRICS_MAX)
        return 0;
    struct put put = put_begin(store, "add_metric");
    put_int(&put, study->id);
    put_text(&put, name);
    if (put_run(&put) < 0)
        return 0;
    add_metric(study, sqlite3_last_insert_rowid(store->conn.db), name);
    if (study->count <= VIEW_METRICS_MAX)
        study->view_stale = store->views_stale = true;
    return study->metrics[study->count - 1].id;
}

static void see_study(struct store *store, sqlite3_stmt *row)
{
    known_add_study(store, sqlite3_column_int64(row, 0), (const char *)sqlite3_column_text(row, 1),
                    (const char *)sqlite3_column_text(row, 2));
}

static void see_metric(struct store *store, sqlite3_stmt *row)
{
    struct known_study *study = known_study(store, sqlite3_column_int64(row, 0));
    if (study)
        add_metric(study, sqlite3_column_int64(row, 1), (const char *)sqlite3_column_text(row, 2));
}

static void see_trial(struct store *store, sqlite3_stmt *row)
{
    int64_t study = sqlite3_column_int64(row, 1);
    if (known_study(store, study))
        known_add_trial(store, sqlite3_column_int64(row, 0), study);
}

static int each(struct store *store, const char *name, void (*see)(struct store *, sqlite3_stmt *),
                struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = conn_stmt(&store->conn, name, &stmt, err);
    if (rc)
        return rc;
    int got;
    while ((got = sqlite3_step(stmt)) == SQLITE_ROW)
        see(store, stmt);
    if (got != SQLITE_DONE)
        rc = conn_fail(&store->conn, got, err);
    sqlite3_reset(stmt);
    return rc;
}

int known_load(struct store *store, struct err *err)
{
    known_fini(store);
    store->views_stale = false;
    int64_t seq = 0;
    int rc = each(store, "known_studies", see_study, err);
    if (!rc)
        rc = each(store, "known_metrics", see_metric, err);
    if (!rc)
        rc = each(store, "known_trials", see_trial, err);
    if (!rc)
        rc = conn_integer(&store->conn, "max_seq", &seq, err);
    store->seq = store->committed_seq = (uint64_t)seq;
    return rc;
}
