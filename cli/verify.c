/* verify: the database against itself and against its files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/patience.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/trial_status.h"
#include "common/units.h"
#include "master/past.h"
#include "sql/query.h"
#include "sql/store.h"

struct verifying {
    const char *db, *study; /* study NULL: the whole file */
    struct query *query;
    bool quick;
    int64_t trials, checkpoints, bytes, elsewhere, problems;
    struct str text;
    struct jw json;
};

static void problem(struct verifying *v, const char *check, int64_t trial, const char *text)
{
    v->problems++;
    jw_object(&v->json, NULL);
    jw_text(&v->json, "study", v->study);
    if (trial)
        jw_int(&v->json, "trial", trial);
    else
        jw_null(&v->json, "trial");
    jw_text(&v->json, "check", check);
    jw_text(&v->json, "text", text);
    jw_close_object(&v->json);
    str_add(&v->text, v->study ? v->study : v->db);
    if (trial)
        str_addf(&v->text, "/%lld", (long long)trial);
    str_add(&v->text, ": ");
    table_clean(&v->text, text, 0);
    str_addc(&v->text, '\n');
}

static int run(struct verifying *v, const char *name, struct rows *out, struct err *err)
{
    return query_run(v->query, name, (struct bind[]){BIND_TEXT(":study", v->study)}, v->study != NULL, out,
                     err);
}

/* Statements of which every row is a problem. */
static int check_statement(struct verifying *v, const char *name, struct err *err)
{
    struct rows rows;
    int rc = run(v, name, &rows, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < rows.count; row++)
        problem(v, strchr(name, '_') + 1, cell_int(rows_named(&rows, row, "trial")),
                cell_text(rows_named(&rows, row, "text")));
    rows_fini(&rows);
    return 0;
}

/* ---- events against the table of statuses ---- */

static void check_edge(struct verifying *v, int64_t trial, const char *from, const char *to,
                       const char *event)
{
    enum trial_status a, b;
    struct str text = {0};
    const char *known = NULL;
    if (trial_status_parse(from, &a) && trial_status_parse(to, &b))
        known =
            a == b && trial_status_is_final(a) ? "deleted" : trial_edge_event(a, b); /* it stays what it is */
    if (!known)
        str_addf(&text, "it moved from %s to %s, which is not allowed", from, to);
    else if (strcmp(known, event) != 0)
        str_addf(&text, "its move from %s to %s is called %s, not %s", from, to, event, known);
    if (text.len)
        problem(v, "events", trial, text.text);
    str_fini(&text);
}

static void check_end(struct verifying *v, const struct rows *rows, size_t last, const char *at)
{
    const char *status = cell_text(rows_named(rows, last, "status"));
    struct str text = {0};
    v->trials++;
    if (strcmp(status, at) == 0)
        return;
    str_addf(&text, "it is %s, but its last event left it %s", status, at[0] ? at : "nowhere");
    problem(v, "events", cell_int(rows_named(rows, last, "trial")), text.text);
    str_fini(&text);
}

static int check_events(struct verifying *v, struct err *err)
{
    struct rows rows;
    const char *at = "";
    int rc = run(v, "verify_events", &rows, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < rows.count; row++) {
        int64_t trial = cell_int(rows_named(&rows, row, "trial"));
        const char *from = cell_text(rows_named(&rows, row, "from_status"));
        const char *to = cell_text(rows_named(&rows, row, "to_status"));
        bool first = row == 0 || cell_int(rows_named(&rows, row - 1, "trial")) != trial;
        at = first ? "" : at;
        if (strcmp(from, at) != 0)
            problem(v, "events", trial, "an event does not begin where the one before it ended");
        if (from[0])
            check_edge(v, trial, from, to, cell_text(rows_named(&rows, row, "event")));
        else if (strcmp(to, "waiting") != 0)
            problem(v, "events", trial, "its first event does not leave it waiting");
        at = to;
        if (row + 1 == rows.count || cell_int(rows_named(&rows, row + 1, "trial")) != trial)
            check_end(v, &rows, row, at);
    }
    rows_fini(&rows);
    return 0;
}

/* ---- files ---- */

/* A file that is not as its row says. */
struct bad {
    size_t row;
    char *text;
};

struct files {
    struct rows rows;
    struct bad *bad; /* by row */
    size_t bad_count, bad_room;
};

static void check_file(struct verifying *v, struct files *files, size_t row)
{
    const struct rows *rows = &files->rows;
    const char *name = cell_text(rows_named(rows, row, "path")),
               *hash = cell_text(rows_named(rows, row, "hash"));
    int64_t bytes = cell_int(rows_named(rows, row, "bytes"));
    char *root = xasprintf("%s.d", v->db), *path = path_join(root, name), found[HASH_HEX];
    int64_t size = file_size(path);
    struct err why = ERR_NONE;
    struct str text = {0};
    if (name[0] == '/' && size < 0)
        v->elsewhere++; /* it is on its worker's host, or was */
    else if (size < 0)
        str_addf(&text, "its checkpoint %s is not there", name);
    else if (size != bytes)
        str_addf(&text, "its checkpoint %s has %lld bytes, not %lld", name, (long long)size,
                 (long long)bytes);
    else if (!v->quick && hash_file(path, found, NULL, &why))
        str_addf(&text, "its checkpoint %s cannot be read: %s", name, why.text);
    else if (!v->quick && strcmp(found, hash) != 0)
        str_addf(&text, "its checkpoint %s has the hash %s, not %s", name, found, hash);
    if (text.len) {
        GROW(files->bad, files->bad_room, files->bad_count + 1);
        files->bad[files->bad_count++] = (struct bad){row, str_take(&text)};
    }
    v->checkpoints++;
    v->bytes += bytes;
    free(root);
    free(path);
}

static int64_t count_kept(const struct rows *files)
{
    int64_t kept = 0;
    for (size_t row = 0; row < files->count; row++)
        kept += cell_text(rows_named(files, row, "path"))[0] != '/' &&
                strcmp(cell_text(rows_named(files, row, "state")), "kept") == 0;
    return kept;
}

/* A copy of the database alone: one thing is missing, not each file in it. */
static bool folder_is_missing(struct verifying *v, const struct rows *files)
{
    char *root = xasprintf("%s.d", v->db);
    int64_t kept = count_kept(files);
    bool missing = kept && !file_exists(root);
    if (missing) {
        struct str text = {0};
        str_addf(&text, "%s is not there, and in it %lld checkpoint%s: a copy of the database alone has none",
                 root, (long long)kept, kept == 1 ? "" : "s");
        problem(v, "checkpoints", 0, str_text(&text));
        str_fini(&text);
    }
    free(root);
    return missing;
}

/* As the rows are ordered. */
static int compare_checkpoints(const struct rows *a, size_t row_a, const struct rows *b, size_t row_b)
{
    static const char *const key[] = {"trial", "attempt", "epoch"};
    int64_t x = 0, y = 0;
    for (size_t i = 0; i < COUNT_OF(key) && x == y; i++) {
        x = cell_int(rows_named(a, row_a, key[i]));
        y = cell_int(rows_named(b, row_b, key[i]));
    }
    return (x > y) - (x < y);
}

/* A master may have let them go while we looked: what the rows say now decides. */
static void tell_bad(struct verifying *v, const struct files *files)
{
    struct rows now = {0};
    bool known = files->bad_count && !run(v, "files", &now, NULL);
    size_t at = 0;
    for (size_t i = 0; i < files->bad_count; i++) {
        const struct bad *bad = &files->bad[i];
        while (at < now.count && compare_checkpoints(&now, at, &files->rows, bad->row) < 0)
            at++;
        bool is_there = at < now.count && !compare_checkpoints(&now, at, &files->rows, bad->row);
        if (!known || (is_there && strcmp(cell_text(rows_named(&now, at, "state")), "kept") == 0))
            problem(v, "checkpoints", cell_int(rows_named(&files->rows, bad->row, "trial")), bad->text);
    }
    rows_fini(&now);
}

static int check_files(struct verifying *v, struct err *err)
{
    struct files files = {0};
    struct patience patience;
    int rc = run(v, "files", &files.rows, err);
    if (rc)
        return rc;
    patience_init(&patience, stderr, "verify", "checkpoints");
    bool missing = folder_is_missing(v, &files.rows);
    for (size_t row = 0; row < files.rows.count && !missing; row++) {
        if (strcmp(cell_text(rows_named(&files.rows, row, "state")), "kept") == 0)
            check_file(v, &files, row);
        watcher_tell(&patience.watcher, (int64_t)row + 1, (int64_t)files.rows.count);
    }
    patience_hide(&patience);
    tell_bad(v, &files);
    for (size_t i = 0; i < files.bad_count; i++)
        free(files.bad[i].text);
    free(files.bad);
    rows_fini(&files.rows);
    return 0;
}

/* ---- all of it ---- */

/* As a master reads it when it starts; again, if one has begun to write meanwhile. */
static int check_readable(struct verifying *v, bool *readable, struct err *err)
{
    static const struct store_options options = {.read_only = true};
    struct err why;
    int unread;
    bool again;
    do {
        struct store *store;
        struct study *study = NULL;
        int rc = store_open(v->db, &options, &store, err);
        if (rc)
            return rc;
        why = ERR_NONE;
        unread = past_study(store, v->study, &study, NULL, &why);
        again = store_overtaken(store);
        if (!unread)
            study_free(study);
        store_close(store);
    } while (again);
    if (unread)
        problem(v, "readable", 0, why.text);
    *readable = !unread;
    return 0;
}

static int check_study(struct verifying *v, struct err *err)
{
    static const char *const statements[] = {"verify_attempts", "verify_epochs", "verify_scores",
                                             "verify_budget"};
    bool readable = false;
    int rc = check_readable(v, &readable, err);
    if (!rc)
        rc = check_events(v, err);
    for (size_t i = 0; readable && i < COUNT_OF(statements) && !rc; i++) /* they ask the definition, too */
        rc = check_statement(v, statements[i], err);
    return rc ? rc : check_files(v, err);
}

static int check_all(struct verifying *v, struct err *err)
{
    struct rows studies;
    int rc = check_statement(v, "verify_integrity", err);
    if (!rc)
        rc = check_statement(v, "verify_seq", err);
    if (!rc)
        rc = query_run(v->query, "study_names", NULL, 0, &studies, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < studies.count && !rc; row++) {
        v->study = cell_text(rows_named(&studies, row, "study"));
        rc = check_study(v, err);
    }
    rows_fini(&studies);
    return rc;
}

static void tell(struct verifying *v, struct str *out)
{
    char size[32];
    size_text(v->bytes, size);
    fputs(str_text(&v->text), stdout);
    str_addf(out, "%s: %lld trials, %lld checkpoints (%s%s)", v->db, (long long)v->trials,
             (long long)v->checkpoints, size, v->quick ? ", hashes not looked at" : "");
    if (v->elsewhere)
        str_addf(out, ", %lld more not seen from here", (long long)v->elsewhere);
    if (v->problems)
        printf("%s: %lld problem%s\n", out->text, (long long)v->problems, v->problems > 1 ? "s" : "");
    else
        printf("%s: nothing is wrong\n", out->text);
}

static void tell_json(struct verifying *v, struct str *list, struct str *out)
{
    struct jw w = jw_to(out);
    jw_object(&w, NULL);
    jw_int(&w, "trials", v->trials);
    jw_int(&w, "checkpoints", v->checkpoints);
    jw_int(&w, "bytes", v->bytes);
    jw_int(&w, "elsewhere", v->elsewhere);
    jw_raw(&w, "problems", str_text(list));
    jw_close_object(&w);
    printf("%s\n", str_text(out));
}

int cmd_verify(const struct opt_verify *opt)
{
    struct err err = ERR_NONE;
    struct str list = {0}, out = {0};
    struct verifying v = {
        .db = opt->args.count ? opt->args.items[0] : opt->db, .quick = opt->quick, .json = jw_to(&list)};
    int rc = query_open(v.db, &v.query, &err);
    if (rc == ERR_GONE)
        err.code = ERR_REACH;
    jw_array(&v.json, NULL);
    if (!rc)
        rc = check_all(&v, &err);
    jw_close_array(&v.json);
    query_close(v.query);
    if (!rc && opt->json)
        tell_json(&v, &list, &out);
    else if (!rc)
        tell(&v, &out);
    str_fini(&v.text);
    str_fini(&list);
    str_fini(&out);
    return rc ? command_fail("verify", &err) : v.problems > 0;
}
