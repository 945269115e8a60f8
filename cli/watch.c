#include "cli/watch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "common/mem.h"
#include "common/str.h"
#include "sql/query.h"

enum { LOOK_MS = 500, ASK_MS = 1000 };

struct shown {
    char *text;   /* NULL: nothing yet */
    int rows;     /* on the terminal */
    bool is_away; /* what is watched cannot be read, and that was said */
};

/* ---- taking what a command prints ---- */

/* On a terminal its remarks as well: they stand under the table, not in the midst of it. */
static int take(const struct watch *watch, bool live, char **text, bool *ended, struct err *err)
{
    FILE *real_out = stdout, *real_err = stderr;
    size_t len;
    FILE *kept = open_memstream(text, &len);
    if (!kept)
        return err_set(err, ERR_IO, "no memory for what is shown");
    terminal_stand_in(kept, real_out);
    stdout = kept;
    stderr = live ? kept : real_err;
    int rc = watch->show(watch->arg, ended, err);
    stdout = real_out;
    stderr = real_err;
    terminal_stand_in(NULL, NULL);
    fclose(kept);
    return rc;
}

/* ---- drawing ---- */

static void draw_live(struct shown *shown, const char *text)
{
    int most = terminal_rows(stdout) - 1, rows = 0, left = 0;
    if (shown->rows)
        printf("\033[%dA\r", shown->rows);
    printf("\033[J");
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        if (rows < most - 1)
            printf("%.*s\n", (int)len, line);
        else
            left++;
        rows += rows < most - 1;
        line += len + (line[len] == '\n');
    }
    if (left)
        printf("(%d more; the window is too low)\n", left);
    shown->rows = rows + (left > 0);
    fflush(stdout);
}

/* Takes the text over. */
static void show(struct shown *shown, char *text, bool live)
{
    if (shown->text && strcmp(shown->text, text) == 0) {
        free(text);
        return;
    }
    if (live)
        draw_live(shown, text);
    else
        printf("%s%s", shown->text && *shown->text ? "\n" : "", text);
    fflush(stdout);
    free(shown->text);
    shown->text = text;
}

/* ---- again and again ---- */

/* The first time a mistake ends it; later on a master may be away, and a study without a score will have one. */
static int look(const struct watch *watch, struct shown *shown, bool live, bool *ended, struct err *err)
{
    char *text = NULL;
    bool is_first = !shown->text;
    *err = ERR_NONE;
    int rc = take(watch, live, &text, ended, err);
    if (rc == ERR_NO && !*ended && (text && !*text)) {
        free(text);
        text = xasprintf("%s\n", err->text);
        rc = 0;
    }
    if (rc) {
        if (!is_first && rc == ERR_REACH && !shown->is_away)
            fprintf(stderr, "%s; waiting for it\n", err->text);
        shown->is_away = rc == ERR_REACH;
        free(text);
        return !is_first && rc == ERR_REACH ? 0 : rc;
    }
    shown->is_away = false;
    show(shown, text, live);
    return 0;
}

/* A write right behind another may leave the files' times as they were: after a change the database is read once more. */
static int follow(const struct watch *watch, struct shown *shown, struct err *err)
{
    bool live = terminal_width(stdout) > 0, ended = false, was_new = true;
    uint64_t stamp = 0;
    while (!signals_count()) {
        uint64_t now = watch->master ? stamp + 1 : query_stamp(watch->db);
        bool is_new = now != stamp;
        stamp = now;
        int rc = is_new || was_new || shown->is_away ? look(watch, shown, live, &ended, err) : 0;
        was_new = is_new;
        if (rc || (ended && (watch->master || !is_new)))
            return rc;
        poll(NULL, 0, watch->master ? ASK_MS : LOOK_MS);
    }
    return 0;
}

int watch_command(const struct watch *watch)
{
    struct err err = ERR_NONE;
    struct shown shown = {0};
    bool ended;
    int rc;
    if (watch->again) {
        signals_catch();
        rc = follow(watch, &shown, &err);
        free(shown.text);
    } else {
        rc = watch->show(watch->arg, &ended, &err);
    }
    return rc ? command_fail(watch->command, &err) : signals_status();
}
