/* gc: checkpoint files that no row names any more, deleted by hand. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/patience.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/units.h"
#include "sql/query.h"

enum { OLD_S = 3600, DEPTH = 3 }; /* <study>/t00042/a2/ */

struct collecting {
    const char *root;
    bool dry_run;
    char **named; /* paths that rows name, sorted */
    size_t count, room;
    struct text_list folders; /* that are left alone: of studies that cannot be read, of attempts that run */
    int64_t now_s, seen, files, bytes;
    struct patience patience;
    bool as_json; /* else a line for each */
    struct str text;
    struct jw json;
    int failed;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void name_file(struct collecting *c, char *path)
{
    GROW(c->named, c->room, c->count + 1);
    c->named[c->count++] = path;
}

/* What is offered may have arrived in part, under the name the master gives it. */
static int read_names(struct collecting *c, struct query *query, struct err *err)
{
    struct rows rows;
    int rc = query_run(query, "files", (struct bind[]){BIND_TEXT(":study", NULL)}, 1, &rows, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < rows.count; row++) {
        const char *state = cell_text(rows_named(&rows, row, "state"));
        if (strcmp(state, "kept") == 0)
            name_file(c, path_join(c->root, cell_text(rows_named(&rows, row, "path"))));
        else if (strcmp(state, "offered") == 0)
            name_file(c, xasprintf("%s/%s/t%05lld/a%lld/e%lld.ckpt.part", c->root,
                                   cell_text(rows_named(&rows, row, "study")),
                                   (long long)cell_int(rows_named(&rows, row, "trial")),
                                   (long long)cell_int(rows_named(&rows, row, "attempt")),
                                   (long long)cell_int(rows_named(&rows, row, "epoch"))));
    }
    if (c->count)
        qsort(c->named, c->count, sizeof *c->named, compare);
    rows_fini(&rows);
    return 0;
}

/* What nobody can read may name them yet. */
static int read_unreadable(struct collecting *c, struct query *query, struct err *err)
{
    struct rows rows;
    int rc = query_run(query, "unreadable", NULL, 0, &rows, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < rows.count; row++) {
        const char *study = cell_text(rows_named(&rows, row, "study"));
        fprintf(stderr, "study %s is unreadable: its files stay\n", study);
        text_list_add(&c->folders, xasprintf("%s/%s/", c->root, study));
    }
    rows_fini(&rows);
    return 0;
}

/* Their next report may name them. Clocks of hosts differ, so a file's age alone does not tell. */
static int read_live(struct collecting *c, struct query *query, struct err *err)
{
    struct rows rows;
    int rc = query_run(query, "live_attempts", NULL, 0, &rows, err);
    if (rc)
        return rc;
    for (size_t row = 0; row < rows.count; row++)
        text_list_add(&c->folders,
                      xasprintf("%s/%s/t%05lld/a%lld/", c->root, cell_text(rows_named(&rows, row, "study")),
                                (long long)cell_int(rows_named(&rows, row, "trial")),
                                (long long)cell_int(rows_named(&rows, row, "attempt"))));
    rows_fini(&rows);
    return 0;
}

static bool is_left_alone(const struct collecting *c, const char *path)
{
    for (size_t i = 0; i < c->folders.count; i++)
        if (strncasecmp(path, c->folders.items[i], strlen(c->folders.items[i])) == 0)
            return true;
    return false;
}

/* A file that is not an hour old may be one whose report is still on its way. */
static void look_at(void *arg, const char *path, const struct stat *st)
{
    struct collecting *c = arg;
    watcher_tell(&c->patience.watcher, ++c->seen, 0);
    bool named = c->count && bsearch(&path, c->named, c->count, sizeof *c->named, compare);
    if (!path_is_checkpoint(path) || named || c->now_s - (int64_t)st->st_mtime < OLD_S ||
        is_left_alone(c, path))
        return;
    patience_hide(&c->patience);
    if (!c->dry_run && unlink(path)) {
        fprintf(stderr, "hone gc: %s: %s\n", path, strerror(errno));
        c->failed = 1;
        return;
    }
    if (c->as_json) {
        jw_object(&c->json, NULL);
        jw_text(&c->json, "path", path);
        jw_int(&c->json, "bytes", st->st_size);
        jw_close_object(&c->json);
    } else {
        printf("%s\n", path);
    }
    c->files++;
    c->bytes += st->st_size;
}

/* Of what there is in the folder, whatever no row names. */
static void collect(struct collecting *c, bool tells)
{
    char size[32];
    patience_init(&c->patience, stderr, "gc", "files looked at");
    dir_files(c->root, DEPTH, look_at, c);
    patience_hide(&c->patience);
    size_text(c->bytes, size);
    if (tells)
        fprintf(stderr, "%lld file%s, %s%s\n", (long long)c->files, c->files == 1 ? "" : "s", size,
                c->dry_run ? " could go" : " deleted");
}

/* {"deleted": false, "files": [{"path": ..., "bytes": ...}], "bytes": ...} */
static void collect_json(struct collecting *c)
{
    c->as_json = true;
    c->json = jw_to(&c->text);
    jw_object(&c->json, NULL);
    jw_bool(&c->json, "deleted", !c->dry_run);
    jw_array(&c->json, "files");
    collect(c, false);
    jw_close_array(&c->json);
    jw_int(&c->json, "bytes", c->bytes);
    jw_close_object(&c->json);
    puts(str_text(&c->text));
    str_fini(&c->text);
}

int cmd_gc(const struct opt_gc *opt)
{
    struct err err = ERR_NONE;
    struct query *query = NULL;
    char *db = path_absolute(opt->db), *root = xasprintf("%s.d", db);
    struct collecting c = {.root = root, .dry_run = opt->dry_run, .now_s = clock_wall_ms() / 1000};
    int rc = query_open(opt->db, &query, &err);
    if (rc == ERR_GONE)
        err.code = ERR_REACH;
    if (!rc)
        rc = read_names(&c, query, &err);
    if (!rc)
        rc = read_unreadable(&c, query, &err);
    if (!rc)
        rc = read_live(&c, query, &err);
    query_close(query);
    if (!rc && opt->json)
        collect_json(&c);
    else if (!rc)
        collect(&c, true);
    for (size_t i = 0; i < c.count; i++)
        free(c.named[i]);
    free(c.named);
    text_list_free(&c.folders);
    free(root);
    free(db);
    return rc ? command_fail("gc", &err) : c.failed;
}
