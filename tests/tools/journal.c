#include "tests/tools/journal.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"

#define ABSENT                                                                                              \
    "FROM said LEFT JOIN seen.study s ON s.name = said.study LEFT JOIN seen.trial t ON t.study = s.id AND " \
    "t.number = "                                                                                           \
    "said.trial LEFT JOIN seen.epoch e ON e.trial = t.id AND e.attempt = said.attempt AND e.epoch = "       \
    "said.epoch AND "                                                                                       \
    "e.value IS said.value WHERE e.trial IS NULL AND coalesce((SELECT max(attempt) FROM seen.attempt a "    \
    "WHERE a.trial = "                                                                                      \
    "t.id), 0) "

static void run(struct journal *j, const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(j->index, sql, NULL, NULL, &why) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, why);
        PRE(!"the journals cannot be held against the store");
    }
}

void journal_open(struct journal *j, const char *pattern, int count, const char *db)
{
    char sql[512];
    *j = (struct journal){.count = count};
    PRE(count < JOURNALS_MOST);
    snprintf(j->pattern, sizeof j->pattern, "%s", pattern);
    PRE(sqlite3_open(":memory:", &j->index) == SQLITE_OK);
    sqlite3_busy_timeout(j->index, 30000);
    run(j, "CREATE TABLE said (study TEXT, trial INTEGER, attempt INTEGER, epoch INTEGER, value REAL, "
           "PRIMARY KEY (study, trial, attempt, epoch)) WITHOUT ROWID");
    snprintf(sql, sizeof sql, "ATTACH '%s' AS seen", db);
    run(j, sql);
}

void journal_close(struct journal *j)
{
    sqlite3_close(j->index);
    *j = (struct journal){0};
}

static void take_line(sqlite3_stmt *insert, const char *line, size_t len)
{
    struct json *report = json_parse(line, len, "journal", NULL);
    const struct json *value = json_first(json_get(report, "metrics"));
    while (value && strcmp(json_key(value), "val_acc") != 0)
        value = json_next(value);
    if (!report)
        return; /* torn by a kill */
    sqlite3_bind_text(insert, 1, json_text(json_get(report, "study")), -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(insert, 2, (int64_t)json_num(json_get(report, "trial")));
    sqlite3_bind_int64(insert, 3, (int64_t)json_num(json_get(report, "attempt")));
    sqlite3_bind_int64(insert, 4, (int64_t)json_num(json_get(report, "epoch")));
    if (value && json_type(value) == JSON_NUM)
        sqlite3_bind_double(insert, 5, json_num(value));
    else
        sqlite3_bind_null(insert, 5);
    PRE(sqlite3_step(insert) == SQLITE_DONE);
    sqlite3_reset(insert);
    json_free(report);
}

static void take_file(struct journal *j, int i, sqlite3_stmt *insert)
{
    char path[256], *line = NULL;
    size_t room = 0;
    struct str name = {0};
    str_add(&name, j->pattern);
    char *place = strstr(name.text, "%d");
    snprintf(path, sizeof path, "%.*s%d%s", (int)(place - name.text), name.text, i + 1, place + 2);
    str_fini(&name);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    fseek(file, j->read[i], SEEK_SET);
    for (ssize_t len; (len = getline(&line, &room, file)) > 0 && line[len - 1] == '\n'; j->read[i] += len)
        take_line(insert, line, (size_t)len);
    free(line);
    fclose(file);
}

static int64_t count(struct journal *j, const char *sql)
{
    sqlite3_stmt *statement;
    PRE(sqlite3_prepare_v2(j->index, sql, -1, &statement, NULL) == SQLITE_OK);
    PRE(sqlite3_step(statement) == SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

int64_t journal_read(struct journal *j)
{
    sqlite3_stmt *insert;
    PRE(sqlite3_prepare_v2(j->index, "INSERT OR IGNORE INTO said VALUES (?, ?, ?, ?, ?)", -1, &insert,
                           NULL) == SQLITE_OK);
    for (int i = 0; i < j->count; i++)
        take_file(j, i, insert);
    sqlite3_finalize(insert);
    return count(j, "SELECT count(*) FROM said");
}

int64_t journal_lost(struct journal *j, struct str *lost)
{
    sqlite3_stmt *some;
    int64_t all = count(j, "SELECT count(*) " ABSENT "<= said.attempt");
    PRE(sqlite3_prepare_v2(
            j->index,
            "SELECT said.study || '/' || said.trial || ' attempt ' || said.attempt || ' epoch ' || "
            "said.epoch " ABSENT "<= said.attempt LIMIT 5",
            -1, &some, NULL) == SQLITE_OK);
    while (sqlite3_step(some) == SQLITE_ROW)
        str_addf(lost, "%s\n", (const char *)sqlite3_column_text(some, 0));
    sqlite3_finalize(some);
    return all;
}

int64_t journal_dropped(struct journal *j)
{
    return count(j, "SELECT count(*) " ABSENT "> said.attempt");
}
