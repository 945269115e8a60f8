/* cancel, pause, resume, stop: one verb of the master each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/source.h"
#include "common/str.h"

/* ---- studies ---- */

static int change_study(const char *verb, const char *study, const char *db, const char *master,
                        struct err *err)
{
    struct json *args = json_new_object();
    struct msg_answer answer;
    if (study)
        json_put_text(args, "study", study);
    int rc = master_call(db, master, verb, args, &answer, err);
    json_free(args);
    if (rc)
        return rc;
    const char *name = json_text(json_get(answer.result, "study"));
    printf("%s%s%s\n",
           *name   ? name
           : study ? study
                   : "",
           *name || study ? ": " : "", json_text(json_get(answer.result, "state")));
    answer_fini(&answer);
    return 0;
}

/* Goes on after a study that cannot be changed; the status is that of the first. */
static int change_studies(const char *verb, const struct text_list *studies, const char *db,
                          const char *master)
{
    int status = 0;
    for (size_t i = 0; i < (studies->count ? studies->count : 1); i++) {
        struct err err = ERR_NONE;
        if (!change_study(verb, studies->count ? studies->items[i] : NULL, db, master, &err))
            continue;
        int failed = command_fail(verb, &err);
        status = status ? status : failed;
    }
    return status;
}

int cmd_pause(const struct opt_pause *opt)
{
    return change_studies("pause", &opt->args, opt->db, opt->master);
}

int cmd_resume(const struct opt_resume *opt)
{
    return change_studies("resume", &opt->args, opt->db, opt->master);
}

int cmd_stop(const struct opt_stop *opt)
{
    return change_studies("stop", &opt->args, opt->db, opt->master);
}

/* ---- trials ---- */

/* Numbers that the selector names, of those that can still be cancelled; one number is passed on as it is, so
 * that the master says what is wrong with it. */
static int chosen(const struct rows *trials, const struct selector *selector, struct str *out)
{
    size_t last = trials->count ? trials->count - 1 : 0;
    uint32_t newest = trials->count ? (uint32_t)cell_int(rows_named(trials, last, "trial")) : 0;
    uint32_t one = select_one(selector, newest);
    int count = 0;
    struct jw w = jw_to(out);
    jw_object(&w, NULL);
    jw_array(&w, "trials");
    for (size_t row = 0; !one && row < trials->count; row++) {
        uint32_t number = (uint32_t)cell_int(rows_named(trials, row, "trial"));
        const char *status = cell_text(rows_named(trials, row, "status"));
        bool live = !strcmp(status, "waiting") || !strcmp(status, "running") || !strcmp(status, "paused");
        if (live && select_has(selector, number, newest)) {
            jw_int(&w, NULL, number);
            count++;
        }
    }
    if (one) {
        jw_int(&w, NULL, one);
        count++;
    }
    jw_close_array(&w);
    jw_close_object(&w);
    return count;
}

static int call_cancel(const struct opt_cancel *opt, const char *study, const struct str *trials,
                       struct err *err)
{
    struct msg_answer answer;
    struct json *args = json_parse(str_text(trials), trials->len, "trials", err);
    if (!args)
        return err->code;
    json_put_text(args, "study", study);
    int rc = master_call(opt->db, opt->master, "cancel", args, &answer, err);
    json_free(args);
    if (rc)
        return rc;
    double count = json_num(json_get(answer.result, "cancelled"));
    answer_fini(&answer);
    if (count < 1)
        return err_set(err, ERR_NO, "nothing to cancel: what you named has ended");
    printf("%s: %.0f trial%s cancelled\n", study, count, count == 1 ? "" : "s");
    return 0;
}

static int cancel_in(struct source *source, const struct opt_cancel *opt, const char *study,
                     const struct selector *selector, struct err *err)
{
    struct rows trials;
    struct str list = {0};
    int rc =
        source_run(source, "trials", (struct bind[]){BIND_TEXT(":study", study), BIND_TEXT(":status", NULL)},
                   2, &trials, err);
    if (rc)
        return rc;
    if (chosen(&trials, selector, &list))
        rc = call_cancel(opt, study, &list, err);
    else
        rc = err_set(err, ERR_NO, "nothing to cancel: no trial you named is waiting, running or paused");
    rows_fini(&trials);
    str_fini(&list);
    return rc;
}

int cmd_cancel(const struct opt_cancel *opt)
{
    struct err err = ERR_NONE;
    struct selector selector;
    struct source *source = NULL;
    struct rows head;
    int rc = select_parse(opt->args.items[0], &selector, &err);
    if (!rc)
        rc = source_open(opt->db, opt->master, &source, &err);
    if (!rc)
        rc = source_study(source, selector.study[0] ? selector.study : opt->study, &head, &err);
    if (!rc) {
        rc = cancel_in(source, opt, cell_text(rows_named(&head, 0, "study")), &selector, &err);
        rows_fini(&head);
    }
    source_free(source);
    return rc ? command_fail("cancel", &err) : 0;
}
