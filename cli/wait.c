/* wait: until studies have ended. It looks at the database (or asks the master) twice a second: cheap for
 * both, and it works across restarts of the master. */
#include <poll.h>
#include <stdio.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "cli/source.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/json.h"
#include "sql/row_json.h"

enum { LOOK_MS = 500, MASTER_LOOK_MS = 5000, NO_MASTER_MS = 10000 };

struct waiting {
    const struct opt_wait *opt;
    struct source *source;
    int64_t until_ms;     /* INT64_MAX: for ever */
    int64_t next_look_ms; /* at whether a master is alive */
    int64_t alone_ms;     /* since when none is; 0: one is */
};

/* A study that nobody runs will not end: say so rather than wait, but leave a master the time to start. */
static int look_for_master(struct waiting *w, int64_t now, struct err *err)
{
    if (w->opt->master || now < w->next_look_ms)
        return 0;
    w->next_look_ms = now + MASTER_LOOK_MS;
    if (master_alive(w->opt->db)) {
        w->alone_ms = 0;
        return 0;
    }
    w->alone_ms = w->alone_ms ? w->alone_ms : now;
    if (now - w->alone_ms < NO_MASTER_MS)
        return 0;
    struct str word = {0};
    str_add_word(&word, w->opt->db);
    err_set(err, ERR_REACH, "no master runs the studies of \"%s\"", w->opt->db);
    err_hint(err, "start one: hone master --db %s", str_text(&word));
    str_fini(&word);
    return ERR_REACH;
}

static void say(const struct rows *row, const char *study)
{
    char best[32];
    table_number(cell_num(rows_named(row, 0, "best_score")), best);
    printf("%s: ended (%s), %lld trials, %lld complete", study, first_text(row, "end_reason"),
           (long long)first_int(row, "trials"), (long long)first_int(row, "complete"));
    if (rows_named(row, 0, "best_score")->kind != CELL_NULL)
        printf(", best %s %s (trial %lld)", first_text(row, "metric"), best,
               (long long)first_int(row, "best_trial"));
    printf("\n");
}

static void say_json(const struct rows *row)
{
    static const char *const columns[] = {"study",  "end_reason", "trials",    "complete",
                                          "metric", "best_score", "best_trial"};
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        cell_json(&w, columns[i], rows_named(row, 0, columns[i]));
    jw_close_object(&w);
    puts(str_text(&text));
    fflush(stdout); /* the next study may take hours */
    str_fini(&text);
}

/* 1: it has ended well; 0: not yet; ERR_NO: ended without a complete trial. */
static int look(struct waiting *w, const char *study, struct err *err)
{
    struct rows row;
    int rc =
        source_run(w->source, "study_progress", (struct bind[]){BIND_TEXT(":study", study)}, 1, &row, err);
    if (rc)
        return rc;
    if (row.count && rows_named(&row, 0, "ended_at")->kind != CELL_NULL) {
        bool good = first_int(&row, "complete") > 0;
        if (w->opt->json)
            say_json(&row);
        else if (!w->opt->quiet)
            say(&row, study);
        rc = good ? 1 : err_set(err, ERR_NO, "study \"%s\" has no complete trial", study);
    }
    rows_fini(&row);
    return rc;
}

static int wait_for(struct waiting *w, const char *study, struct err *err)
{
    for (;;) {
        int rc = look(w, study, err);
        if (rc)
            return rc == 1 ? 0 : rc;
        int64_t now = clock_mono_ms();
        if (now >= w->until_ms)
            return err_set(err, ERR_NO, "study \"%s\" has not ended in time", study);
        rc = look_for_master(w, now, err);
        if (rc)
            return rc;
        int64_t left = w->until_ms - now;
        poll(NULL, 0, (int)(left < LOOK_MS ? left : LOOK_MS));
    }
}

static int wait_named(struct waiting *w, const char *name, struct err *err)
{
    struct rows head;
    int rc = source_study(w->source, name, &head, err);
    if (rc)
        return rc;
    rc = source_unreadable(&head, err); /* it would be for ever */
    if (!rc)
        rc = wait_for(w, first_text(&head, "study"), err);
    rows_fini(&head);
    return rc;
}

int cmd_wait(const struct opt_wait *opt)
{
    struct err err = ERR_NONE;
    struct waiting w = {.opt = opt};
    w.until_ms = opt->timeout < 0 ? INT64_MAX : clock_mono_ms() + opt->timeout;
    if (source_open(opt->db, opt->master, &w.source, &err))
        return command_fail("wait", &err);
    int status = 0;
    for (size_t i = 0; i < (opt->args.count ? opt->args.count : 1) && status <= 1; i++) {
        err = ERR_NONE;
        if (wait_named(&w, opt->args.count ? opt->args.items[i] : NULL, &err))
            status = command_fail("wait", &err);
    }
    source_free(w.source);
    return status;
}
