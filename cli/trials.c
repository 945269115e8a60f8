/* trials: every trial of a study, one row each: number, status, the point, the metrics at the epoch of the
 * score; times and worker last, so that two runs of one study can be compared by their front. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/best.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "common/check.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/trial_status.h"

struct wanted {
    struct selector selector;
    uint32_t oldest; /* number */
    bool statuses[TRIAL_STATUS_COUNT];
};

/* "failed", or "running,waiting" */
static int add_statuses(const char *text, bool *statuses, struct err *err)
{
    const char *names[TRIAL_STATUS_COUNT + 1] = {0};
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        names[i] = trial_status_name((enum trial_status)i);
    while (*text) {
        size_t len = strcspn(text, ",");
        char *word = xstrndup(text, len);
        enum trial_status status;
        bool known = trial_status_parse(word, &status);
        if (!known) {
            const char *near = nearest_name(word, names);
            err_set(err, ERR_BAD, "--status: there is no status \"%.40s\"", word);
            err_hint(err,
                     near ? "did you mean %s?"
                          : "waiting, running, paused, complete, pruned, failed, cancelled",
                     near);
        }
        free(word);
        if (!known)
            return ERR_BAD;
        statuses[status] = true;
        text += len + (text[len] == ',');
    }
    return 0;
}

/* A word that is no selector names a study: all of its trials. */
static int read_selector(const char *word, struct selector *out, struct err *err)
{
    struct err other = ERR_NONE;
    struct str whole = {0};
    int rc = select_parse(word, out, err);
    str_addf(&whole, "%s/all", word);
    if (rc && !strchr(word, '/') && select_parse(str_text(&whole), out, &other) == 0) {
        *err = ERR_NONE;
        rc = 0;
    }
    str_fini(&whole);
    return rc;
}

static int read_wanted(const struct opt_trials *opt, struct wanted *out, struct err *err)
{
    *out = (struct wanted){0};
    int rc = read_selector(opt->args.count ? opt->args.items[0] : "all", &out->selector, err);
    for (size_t i = 0; !rc && i < opt->status.count; i++)
        rc = add_statuses(opt->status.items[i], out->statuses, err);
    for (int i = 0; !opt->status.count && i < TRIAL_STATUS_COUNT; i++)
        out->statuses[i] = true;
    return rc;
}

static bool is_wanted(const struct rows *rows, size_t row, void *arg)
{
    const struct wanted *wanted = arg;
    uint32_t number = (uint32_t)cell_int(rows_named(rows, row, "trial"));
    enum trial_status status;
    return select_has(&wanted->selector, number) &&
           (!trial_status_parse(cell_text(rows_named(rows, row, "status")), &status) ||
            wanted->statuses[status]);
}

static bool is_recent(const struct rows *rows, size_t row, void *arg)
{
    return (uint32_t)cell_int(rows_named(rows, row, "trial")) >= ((struct wanted *)arg)->oldest;
}

static void keep_wanted(const struct opt_trials *opt, struct wanted *wanted, struct rows *rows)
{
    rows_filter(rows, is_wanted, wanted);
    if (opt->count >= 0 && (uint64_t)opt->count < rows->count) {
        size_t first = rows->count - (size_t)opt->count;
        wanted->oldest = opt->count ? (uint32_t)cell_int(rows_named(rows, first, "trial")) : UINT32_MAX;
        rows_filter(rows, is_recent, wanted);
    }
}

/* What two runs of one study may differ in; other names are measured, not timed. */
static bool is_time(const char *metric)
{
    static const char *const ends[] = {"seconds", "_per_s", "_ms"};
    size_t len = strlen(metric);
    for (size_t i = 0; i < COUNT_OF(ends); i++)
        if (len >= strlen(ends[i]) && strcmp(metric + len - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

static void split(const struct text_list *metrics, struct text_list *measured, struct text_list *timed)
{
    for (size_t i = 0; i < metrics->count; i++)
        text_list_add(is_time(metrics->items[i]) ? timed : measured, metrics->items[i]);
}

static void show(const struct opt_trials *opt, const struct rows *found, const char *metric,
                 const struct text_list *params)
{
    struct text_list metrics = {0}, measured = {0}, timed = {0};
    rows_keys(found, "metrics", &metrics);
    split(&metrics, &measured, &timed);
    const struct rows_item items[] = {
        {.column = "trial"},
        {.column = "status"},
        {.column = "cause"},
        {.column = "params", .keys = params, .clash = "param."},
        {.column = "score", .as = metric, .clash = "metric."},
        {.column = "metrics", .keys = &measured, .clash = "metric."},
        {.column = "best_epoch"},
        {.column = "epochs"},
        {.column = "attempts"},
        {.column = "metrics", .keys = &timed, .clash = "metric."},
        {.column = "started_at"},
        {.column = "ended_at"},
        {.column = "worker"},
    };
    static const struct column columns[] = {
        {"cause", COLUMN_IF_ANY, NULL},         {"best_epoch", COLUMN_PLAIN, "at"},
        {"attempts", COLUMN_DATA_ONLY, NULL},   {"samples_per_s", COLUMN_DATA_ONLY, NULL},
        {"started_at", COLUMN_DATA_ONLY, NULL}, {"ended_at", COLUMN_DATA_ONLY, NULL},
        {"seconds", COLUMN_DATA_ONLY, NULL},    {0}};
    struct rows arranged;
    rows_arrange(found, items, COUNT_OF(items), &arranged);
    table_show(&arranged, columns, opt->csv, opt->json);
    rows_fini(&arranged);
    text_list_fini(&measured);
    text_list_fini(&timed);
    text_list_free(&metrics);
}

static void show_numbers(const struct rows *rows)
{
    for (size_t row = 0; row < rows->count; row++)
        printf("%lld\n", (long long)cell_int(rows_named(rows, row, "trial")));
}

static uint32_t newest_of(const struct rows *rows)
{
    return rows->count ? (uint32_t)cell_int(rows_named(rows, rows->count - 1, "trial")) : 0;
}

static int print_study(struct source *source, const struct opt_trials *opt, struct wanted *wanted,
                       const struct rows *head, struct err *err)
{
    const char *study = first_text(head, "study");
    struct text_list params = {0};
    struct rows found;
    int rc = select_settle(source, study, &wanted->selector, err);
    if (!rc)
        rc = source_params(source, study, &params, err);
    if (!rc)
        rc = source_run(source, "trials",
                        (struct bind[]){BIND_TEXT(":study", study), BIND_TEXT(":status", NULL)}, 2, &found,
                        err);
    if (!rc) {
        uint32_t newest = newest_of(&found);
        keep_wanted(opt, wanted, &found);
        if (!found.count && select_one(&wanted->selector) > newest)
            rc = select_none(study, select_one(&wanted->selector), newest, err);
        else if (opt->quiet)
            show_numbers(&found);
        else if (!found.count && !opt->csv && !opt->json)
            fprintf(stderr,
                    newest ? "no trial of study \"%s\" is among these\n" : "study \"%s\" has no trial yet\n",
                    study);
        else
            show(opt, &found, first_text(head, "metric"), &params);
        rows_fini(&found);
    }
    text_list_free(&params);
    return rc;
}

static int list(const void *arg, bool *ended, struct err *err)
{
    const struct opt_trials *opt = arg;
    struct wanted wanted;
    struct source *source = NULL;
    struct rows head;
    const char *study;
    int rc = read_wanted(opt, &wanted, err);
    if (!rc)
        rc = select_study(wanted.selector.study, opt->study, &study, err);
    if (!rc)
        rc = source_open(opt->db, opt->master, &source, err);
    if (!rc)
        rc = source_read_study(source, study, &head, err);
    if (!rc) {
        *ended = *first_text(&head, "end_reason");
        rc = print_study(source, opt, &wanted, &head, err);
        rows_fini(&head);
    }
    source_free(source);
    return rc;
}

int cmd_trials(const struct opt_trials *opt)
{
    return watch_command(&(struct watch){"trials", opt->db, opt->master, opt->watch, list, opt});
}
