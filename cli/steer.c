/* enqueue, approve, edit, rename: steering a study that runs. */
#include "cli/steer.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

struct json *steer_args(const char *study)
{
    char host[64] = "here", who[160];
    const struct passwd *user = getpwuid(getuid());
    struct json *args = json_new_object();
    gethostname(host, sizeof host - 1);
    snprintf(who, sizeof who, "%.64s@%.64s", user ? user->pw_name : "somebody", host);
    json_put_text(args, "study", study);
    json_put_text(args, "who", who);
    return args;
}

/* Makes the call, frees `args`. On failure prints it under the verb's name: the exit status. 0: `answer` is the
 * caller's. */
static int steer_call(const char *db, const char *master, const char *verb, struct json *args,
                      struct msg_answer *answer)
{
    struct err err = ERR_NONE;
    int rc = master_call(db, master, verb, args, answer, &err);
    json_free(args);
    return rc ? command_fail(verb, &err) : 0;
}

void steer_print_json(const char *study, const struct json *result, const char *const *keys)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    jw_text(&w, "study", study);
    for (; *keys; keys++)
        jw_node(&w, *keys, json_get(result, *keys));
    jw_close_object(&w);
    puts(str_text(&text));
    str_fini(&text);
}

void steer_remind(const char *db, const char *master)
{
    if (!master && !master_there(db))
        fprintf(stderr, "no master is running: hone run STUDY.json or hone master goes on with it\n");
}

/* ---- enqueue ---- */

/* lr=0.1 kind=adam: values are JSON, or plain text. */
static int add_value(struct json *point, const char *word, struct err *err)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word) {
        err_set(err, ERR_BAD, "\"%.80s\" is no NAME=VALUE", word);
        return err_hint(err, "hone enqueue mnist lr=0.1 hidden=64");
    }
    char *name = xstrndup(word, (size_t)(equals - word));
    struct json *value = json_parse(equals + 1, strlen(equals + 1), name, NULL);
    if (!value)
        value = json_new_text(equals + 1);
    json_put(point, name, value);
    json_free(value);
    free(name);
    return 0;
}

static int add_point(struct jw *w, const char *text, struct err *err)
{
    struct json *point = json_parse(text, strlen(text), "--point", err);
    if (!point)
        return ERR_BAD;
    jw_node(w, NULL, point);
    json_free(point);
    return 0;
}

static int read_points(const struct opt_enqueue *opt, struct json **out, struct err *err)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    struct json *named = json_new_object();
    int rc = 0;
    jw_array(&w, NULL);
    for (size_t i = 1; i < opt->args.count && !rc; i++)
        rc = add_value(named, opt->args.items[i], err);
    if (opt->args.count > 1)
        jw_node(&w, NULL, named);
    for (size_t i = 0; i < opt->point.count && !rc; i++)
        rc = add_point(&w, opt->point.items[i], err);
    jw_close_array(&w);
    if (!rc && opt->args.count < 2 && !opt->point.count) {
        rc = err_set(err, ERR_BAD, "there is no point to try");
        err_hint(err, "hone enqueue %.64s NAME=VALUE ...; what is left out is drawn", opt->args.items[0]);
    }
    *out = rc ? NULL : json_parse(str_text(&text), text.len, "points", NULL);
    json_free(named);
    str_fini(&text);
    return rc;
}

int cmd_enqueue(const struct opt_enqueue *opt)
{
    struct err err = ERR_NONE;
    struct json *points = NULL;
    if (read_points(opt, &points, &err))
        return command_fail("enqueue", &err);
    struct json *args = steer_args(opt->args.items[0]);
    json_put(args, "points", points);
    json_free(points);
    struct msg_answer answer;
    int status = steer_call(opt->db, opt->master, "enqueue", args, &answer);
    if (status)
        return status;
    if (opt->json)
        steer_print_json(opt->args.items[0], answer.result, (const char *const[]){"trials", NULL});
    else
        for (const struct json *n = json_first(json_get(answer.result, "trials")); n; n = json_next(n))
            printf("%s/%.0f: enqueued\n", opt->args.items[0], json_num(n));
    answer_fini(&answer);
    steer_remind(opt->db, opt->master);
    return 0;
}

/* ---- approve ---- */

int cmd_approve(const struct opt_approve *opt)
{
    struct json *args = steer_args(opt->args.items[0]);
    struct msg_answer answer;
    if (opt->args.count > 1)
        json_put_text(args, "param", opt->args.items[1]);
    int status = steer_call(opt->db, opt->master, "approve", args, &answer);
    if (status)
        return status;
    double moved = json_num(json_get(answer.result, "moved"));
    if (opt->json)
        steer_print_json(opt->args.items[0], answer.result, (const char *const[]){"moved", NULL});
    else
        printf("%s: %.0f wall%s moved\n", opt->args.items[0], moved, moved == 1 ? "" : "s");
    answer_fini(&answer);
    return 0;
}

/* ---- edit, rename ---- */

static void print_change(const struct json *change)
{
    struct str before = {0}, after = {0};
    json_print(json_get(change, "before"), &before);
    json_print(json_get(change, "after"), &after);
    printf("%s: %s -> %s\n", json_text(json_get(change, "path")), str_text(&before), str_text(&after));
    str_fini(&before);
    str_fini(&after);
}

static void print_edit(const char *study, const struct json *result)
{
    const struct json *changes = json_get(result, "changes");
    for (const struct json *n = json_first(changes); n; n = json_next(n))
        print_change(n);
    printf("%s: %s\n", study, json_count(changes) ? json_text(json_get(result, "state")) : "as it was");
}

int cmd_edit(const struct opt_edit *opt)
{
    struct err err = ERR_NONE;
    if (!opt->set.count) {
        err_set(&err, ERR_BAD, "there is nothing to change");
        err_hint(&err, "hone edit %s --set search.trials=200", opt->args.items[0]);
        return command_fail("edit", &err);
    }
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_array(&w, NULL);
    for (size_t i = 0; i < opt->set.count; i++)
        jw_text(&w, NULL, opt->set.items[i]);
    jw_close_array(&w);
    struct json *sets = json_parse(str_text(&text), text.len, "sets", NULL),
                *args = steer_args(opt->args.items[0]);
    json_put(args, "sets", sets);
    json_free(sets);
    str_fini(&text);
    struct msg_answer answer;
    int status = steer_call(opt->db, opt->master, "edit", args, &answer);
    if (status)
        return status;
    size_t changes = json_count(json_get(answer.result, "changes"));
    if (opt->json)
        steer_print_json(opt->args.items[0], answer.result, (const char *const[]){"state", "changes", NULL});
    else
        print_edit(opt->args.items[0], answer.result);
    if (changes && strcmp(json_text(json_get(answer.result, "state")), "running") == 0)
        steer_remind(opt->db, opt->master);
    answer_fini(&answer);
    return 0;
}

int cmd_rename(const struct opt_rename *opt)
{
    struct json *args = steer_args(opt->args.items[0]);
    struct msg_answer answer;
    json_put_text(args, "to", opt->args.items[1]);
    int status = steer_call(opt->db, opt->master, "rename", args, &answer);
    if (status)
        return status;
    json_put_text(answer.result, "was", opt->args.items[0]);
    if (opt->json)
        steer_print_json(opt->args.items[1], answer.result, (const char *const[]){"was", NULL});
    else
        printf("%s: is called %s now\n", opt->args.items[0], opt->args.items[1]);
    answer_fini(&answer);
    return 0;
}
