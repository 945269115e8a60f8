/* explain: why a trial is as it is; of one that waits the master, if one runs, is asked what for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/explanation.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "cli/select.h"
#include "cli/source.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"
#include "sql/row_json.h"

/* ---- printing ---- */

static void print_lines(const char *title, const struct text_list *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct str line = {0};
        table_clean(&line, lines->items[i], 0);
        printf("%-10s %s\n", i ? "" : title, str_text(&line));
        str_fini(&line);
    }
}

static void json_lines(struct jw *w, const char *key, const struct text_list *lines)
{
    jw_array(w, key);
    for (size_t i = 0; i < lines->count; i++)
        jw_text(w, NULL, lines->items[i]);
    jw_close_array(w);
}

static void print_json(const struct explanation *e)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    row_json(&w, "trial", &e->head, 0);
    row_json(&w, "origin", &e->origin, 0);
    json_lines(&w, "proposed", &e->origin_lines);
    json_lines(&w, "happened", &e->life_lines);
    json_lines(&w, "now", &e->now_lines);
    jw_text(&w, "master", e->master_says);
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

static void print_text(const struct explanation *e)
{
    printf("%s/%u\n", e->study, e->trial);
    print_lines("proposed", &e->origin_lines);
    print_lines("happened", &e->life_lines);
    print_lines("now", &e->now_lines);
}

/* ---- reading ---- */

static int load(struct source *source, struct explanation *e, struct err *err)
{
    struct bind binds[] = {BIND_TEXT(":study", e->study), BIND_INT(":trial", e->trial)};
    struct rows *rows[] = {&e->head,  &e->origin,  &e->events,  &e->attempts,
                           &e->queue, &e->lineage, &e->bracket, &e->rung};
    static const char *const names[] = {"trial_head",  "trial_origin",  "trial_events",  "trial_attempts",
                                        "trial_queue", "trial_lineage", "trial_bracket", "trial_rung"};
    int rc = source_study(source, e->study, &e->about, err);
    for (size_t i = 0; i < COUNT_OF(names) && !rc; i++)
        rc = source_run(source, names[i], binds, 2, rows[i], err);
    return rc;
}

static void ask_master(struct explanation *e, const char *db, const char *master)
{
    struct json *args = json_new_object();
    struct msg_answer answer;
    json_put_text(args, "study", e->study);
    json_put_num(args, "trial", e->trial);
    if (!master_ask(db, master, "explain", args, &answer, NULL)) {
        const char *waits = json_text(json_get(answer.result, "waits"));
        e->master_says = *waits ? xstrdup(waits) : NULL;
        answer_fini(&answer);
    }
    json_free(args);
}

int cmd_explain(const struct opt_explain *opt)
{
    struct err err = ERR_NONE;
    struct source *source = NULL;
    struct explanation e = {0};
    char *study = NULL;
    int rc = source_open(opt->db, opt->master, &source, &err);
    if (!rc)
        rc = select_trial(source, opt->args.count ? opt->args.items[0] : NULL, opt->study, &study, &e.trial,
                          &err);
    e.study = study;
    if (!rc)
        rc = load(source, &e, &err);
    if (!rc) {
        if (strcmp(first_text(&e.head, "status"), "waiting") == 0)
            ask_master(&e, opt->db, opt->master);
        e.is_alone = !opt->master && !master_there(opt->db);
        explanation_tell(&e);
        opt->json ? print_json(&e) : print_text(&e);
    }
    explanation_fini(&e);
    free(study);
    source_free(source);
    return rc ? command_fail("explain", &err) : 0;
}
