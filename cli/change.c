/* cancel, retry, delete, pause, resume, stop: one verb of the master each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/source.h"
#include "cli/steer.h"
#include "common/mem.h"
#include "common/str.h"

/* ---- studies ---- */

/* What was typed, whatever the verb. */
struct order {
    const char *verb, *db, *master;
    bool json;
};

static int change_study(const struct order *o, const char *study, struct err *err)
{
    struct json *args = json_new_object();
    struct msg_answer answer;
    json_put_text(args, "study", study);
    int rc = master_call(o->db, o->master, o->verb, args, &answer, err);
    json_free(args);
    if (rc)
        return rc;
    if (o->json)
        steer_print_json(study, answer.result, (const char *const[]){"state", NULL});
    else
        printf("%s: %s\n", study, json_text(json_get(answer.result, "state")));
    if (strcmp(o->verb, "resume") == 0)
        steer_remind(o->db, o->master);
    answer_fini(&answer);
    return 0;
}

/* The newest, by name: what is changed is said. */
static int newest_study(const char *db, const char *master, char **out, struct err *err)
{
    struct source *source;
    struct rows head;
    int rc = source_open(db, master, &source, err);
    if (rc)
        return rc;
    rc = source_study(source, NULL, &head, err);
    if (!rc) {
        *out = xstrdup(first_text(&head, "study"));
        rows_fini(&head);
    }
    source_free(source);
    return rc;
}

/* Goes on after a study that cannot be changed; the status is that of the first. */
static int change_studies(const struct order *o, const struct text_list *studies)
{
    struct err err = ERR_NONE;
    char *newest = NULL;
    if (!studies->count && newest_study(o->db, o->master, &newest, &err))
        return command_fail(o->verb, &err);
    int status = 0;
    for (size_t i = 0; i < (newest ? 1 : studies->count); i++) {
        err = ERR_NONE;
        if (!change_study(o, newest ? newest : studies->items[i], &err))
            continue;
        int failed = command_fail(o->verb, &err);
        status = status ? status : failed;
    }
    free(newest);
    return status;
}

int cmd_pause(const struct opt_pause *opt)
{
    return change_studies(&(struct order){"pause", opt->db, opt->master, opt->json}, &opt->args);
}

int cmd_resume(const struct opt_resume *opt)
{
    return change_studies(&(struct order){"resume", opt->db, opt->master, opt->json}, &opt->args);
}

int cmd_stop(const struct opt_stop *opt)
{
    return change_studies(&(struct order){"stop", opt->db, opt->master, opt->json}, &opt->args);
}

/* ---- trials ---- */

struct trial_verb {
    const char *name, *result; /* of the call; of its count in the answer */
    const char *from[8];       /* statuses it can be done to */
    const char *none;          /* nothing of that kind */
};

static const struct trial_verb cancel = {"cancel",
                                         "cancelled",
                                         {"waiting", "running", "paused"},
                                         "no trial you named is waiting, running or paused"};
static const struct trial_verb retry = {
    "retry", "retried", {"failed", "cancelled"}, "no trial you named has failed or was cancelled"};

static const struct trial_verb retry_failed;

struct chosen {
    const struct trial_verb *verb;
    struct selector selector;
    const char *study, *db, *master;
    bool json;
};

static bool is_chosen(const struct chosen *c, const struct rows *trials, size_t row)
{
    const char *status = cell_text(rows_named(trials, row, "status"));
    bool fits = false;
    for (const char *const *from = c->verb->from; *from; from++)
        fits = fits || strcmp(*from, status) == 0;
    return fits && select_has(&c->selector, (uint32_t)cell_int(rows_named(trials, row, "trial")));
}

/* {"study": ..., "trials": [...]}: those it can be done to. A single number goes as it is, so that the
 * master says what is wrong with it. NULL: none. */
static struct json *chosen_args(const struct chosen *c, const struct rows *trials)
{
    /* --failed looks even at a single one; else the master says what is wrong with it. */
    uint32_t one = c->verb == &retry_failed ? 0 : select_one(&c->selector);
    int count = one != 0;
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    jw_text(&w, "study", c->study);
    jw_array(&w, "trials");
    if (one)
        jw_int(&w, NULL, one);
    for (size_t row = 0; !one && row < trials->count; row++) {
        if (!is_chosen(c, trials, row))
            continue;
        jw_int(&w, NULL, cell_int(rows_named(trials, row, "trial")));
        count++;
    }
    jw_close_array(&w);
    jw_close_object(&w);
    struct json *args = count ? json_parse(str_text(&text), text.len, "trials", NULL) : NULL;
    str_fini(&text);
    return args;
}

static int call_verb(const struct chosen *c, struct json *args, struct err *err)
{
    struct msg_answer answer;
    int rc = master_call(c->db, c->master, c->verb->name, args, &answer, err);
    if (rc)
        return rc;
    double count = json_num(json_get(answer.result, c->verb->result));
    if (count < 1)
        rc = err_set(err, ERR_NO, "%s", c->verb->none);
    else if (c->json)
        steer_print_json(c->study, answer.result, (const char *const[]){c->verb->result, NULL});
    else
        printf("%s: %.0f trial%s %s\n", c->study, count, count == 1 ? "" : "s", c->verb->result);
    answer_fini(&answer);
    return rc;
}

static int change_in(struct source *source, const struct chosen *c, struct err *err)
{
    struct rows trials;
    struct bind binds[] = {BIND_TEXT(":study", c->study), BIND_TEXT(":status", NULL)};
    int rc = source_run(source, "trials", binds, 2, &trials, err);
    if (rc)
        return rc;
    struct json *args = chosen_args(c, &trials);
    rc = args ? call_verb(c, args, err) : err_set(err, ERR_NO, "%s", c->verb->none);
    json_free(args);
    rows_fini(&trials);
    return rc;
}

static int change_trials(struct chosen *c, const char *selector, const char *study)
{
    struct err err = ERR_NONE;
    struct source *source = NULL;
    struct rows head;
    int rc = select_parse(selector, &c->selector, &err);
    if (!rc)
        rc = select_study(c->selector.study, study, &study, &err);
    if (!rc)
        rc = source_open(c->db, c->master, &source, &err);
    if (!rc)
        rc = source_study(source, study, &head, &err);
    if (!rc) {
        c->study = first_text(&head, "study");
        rc = select_settle(source, c->study, &c->selector, &err);
        if (!rc)
            rc = change_in(source, c, &err);
        rows_fini(&head);
    }
    source_free(source);
    return rc ? command_fail(c->verb->name, &err) : 0;
}

int cmd_cancel(const struct opt_cancel *opt)
{
    struct chosen chosen = {.verb = &cancel, .db = opt->db, .master = opt->master, .json = opt->json};
    return change_trials(&chosen, opt->args.items[0], opt->study);
}

static const struct trial_verb retry_failed = {
    "retry", "retried", {"failed"}, "no trial you named has failed"};
static const struct trial_verb delete = {
    "delete",
    "deleted",
    {"waiting", "running", "paused", "complete", "pruned", "failed", "cancelled"},
    "there is no such trial"};

int cmd_retry(const struct opt_retry *opt)
{
    struct chosen chosen = {.verb = opt->failed ? &retry_failed : &retry,
                            .db = opt->db,
                            .master = opt->master,
                            .json = opt->json};
    if (opt->args.count || opt->failed)
        return change_trials(&chosen, opt->args.count ? opt->args.items[0] : "all", opt->study);
    struct err err = ERR_NONE;
    err_set(&err, ERR_BAD, "which trials?");
    err_hint(&err, "name them, or say --failed");
    return command_fail("retry", &err);
}

int cmd_delete(const struct opt_delete *opt)
{
    struct chosen chosen = {.verb = &delete, .db = opt->db, .master = opt->master, .json = opt->json};
    return change_trials(&chosen, opt->args.items[0], opt->study);
}
