#include "worker/command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/units.h"
#include "worker/permit.h"

enum { ARGUMENTS_MAX = 1000, ARGUMENT_BYTES_MAX = 32768 };

/* A growing NULL-terminated list of texts. */
struct texts {
    char **items;
    size_t count, room;
};

static void texts_take(struct texts *texts, char *text)
{
    GROW(texts->items, texts->room, texts->count + 2);
    texts->items[texts->count++] = text;
    texts->items[texts->count] = NULL;
}

static void texts_free(char **items)
{
    for (char **item = items; item && *item; item++)
        free(*item);
    free(items);
}

/* Keys of the job that a command may name beside its parameters; a parameter of that name goes first. */
static const char *const job_names[] = {"study",  "trial",  "attempt", "seed", "until",
                                        "epochs", "metric", "dir",     "base", NULL};

static bool is_job_name(const char *name)
{
    for (const char *const *known = job_names; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

static bool value_text(const struct json *value, struct str *out)
{
    switch (json_type(value)) {
    case JSON_NUM: str_add_num(out, json_num(value)); return true;
    case JSON_BOOL: str_add(out, json_bool(value) ? "true" : "false"); return true;
    case JSON_STR: str_add(out, json_text(value)); return true;
    default: return false;
    }
}

/* ---- arguments ---- */

/* `text` is at a '{': the name in it, and the bytes up to and with the '}'; 0 if these are ordinary braces.
 */
static size_t placeholder_at(const char *text, char name[65])
{
    size_t len = strcspn(text + 1, "{}");
    if (text[1 + len] != '}' || len == 0 || len > 64)
        return 0;
    memcpy(name, text + 1, len);
    name[len] = '\0';
    return name_ok(name) ? len + 2 : 0;
}

/* The checkpoint to go on from is there in some attempts only, and a command must fit them all. */
static bool place_resume(const struct json *job, const char *name, struct str *out)
{
    const struct json *resume = json_get(job, "resume");
    if (strcmp(name, "resume") == 0)
        str_add(out, json_text(json_get(resume, "path")));
    else if (strcmp(name, "resume_epoch") == 0)
        str_add_num(out, json_num(json_get(resume, "epoch")));
    else
        return false;
    return true;
}

static int place_value(const struct jcur *element, const struct json *job, const char *name, struct str *out,
                       struct err *err)
{
    const struct json *value = json_get(json_get(job, "params"), name);
    if (!value && place_resume(job, name, out))
        return 0;
    if (!value && is_job_name(name))
        value = json_get(job, name);
    if (!value) {
        jcur_fail(element, err, "{%s} is no parameter of this trial", name);
        return err_hint(err, "parameters that are off have no value; read HONE_PARAMS instead");
    }
    if (json_type(value) == JSON_STR && out->len == 0 && json_text(value)[0] == '-') {
        jcur_fail(element, err, "the value of {%s}, \"%.60s\", would be taken for an option", name,
                  json_text(value));
        return err_hint(err, "write --NAME={%s} as one element", name);
    }
    if (!value_text(value, out))
        return jcur_fail(element, err, "{%s} has a value that is no number, text, true or false", name);
    return 0;
}

static int fill_element(const struct jcur *element, const struct json *job, struct str *out, struct err *err)
{
    const char *text, *at;
    if (jcur_text(element, ARGUMENT_BYTES_MAX, &text, err))
        return ERR_BAD;
    for (at = text; *at;) {
        char name[65];
        size_t used = *at == '{' ? placeholder_at(at, name) : 0;
        if (!used) {
            str_addc(out, *at++);
            continue;
        }
        if (place_value(element, job, name, out, err))
            return ERR_BAD;
        at += used;
    }
    return 0;
}

static int build_command_argv(const struct jcur *list, const struct json *job, struct texts *argv,
                              struct err *err)
{
    if (jcur_array(list, 1, ARGUMENTS_MAX, err))
        return ERR_BAD;
    int index = 0;
    for (const struct json *m = json_first(list->node); m; m = json_next(m), index++) {
        struct jcur element = jcur_at(list, index);
        struct str text = {0};
        int rc = fill_element(&element, job, &text, err);
        texts_take(argv, str_take(&text));
        if (rc)
            return rc;
    }
    if (!argv->items[0][0])
        return jcur_fail(list, err, "the first element is the program and must not be empty");
    return 0;
}

static int build_argv(const struct jcur *trainer, const struct json *job, const char *program,
                      struct texts *argv, struct err *err)
{
    struct jcur builtin = jcur_get(trainer, "builtin"), list = jcur_get(trainer, "command");
    if (jcur_has(&builtin) == jcur_has(&list)) {
        jcur_fail(trainer, err, "must have one of \"builtin\" and \"command\"");
        return err_hint(err, "\"trainer\": {\"command\": [\"python3\", \"train.py\", \"--lr\", \"{lr}\"]}");
    }
    if (jcur_has(&list))
        return build_command_argv(&list, job, argv, err);
    texts_take(argv, xstrdup(program));
    texts_take(argv, xstrdup("train"));
    return 0;
}

/* ---- environment ---- */

static void inherit(char *const *env, const struct json *may, struct texts *out)
{
    for (char *const *entry = env; *entry; entry++)
        if (permit_env(may, *entry))
            texts_take(out, xstrdup(*entry));
}

static bool env_has(const struct texts *env, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
            return true;
    return false;
}

/* Slots share the cores between them: a BLAS that starts a thread per core in each slot is slower for all. */
static void one_thread(struct texts *env)
{
    static const char *const names[] = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!env_has(env, names[i]))
            texts_take(env, xasprintf("%s=1", names[i]));
}

static void env_job(struct texts *env, const struct json *job)
{
    for (const char *const *name = job_names; *name; name++) {
        struct str entry = {0};
        str_add(&entry, "HONE_");
        for (const char *c = *name; *c; c++)
            str_addc(&entry, (char)toupper((unsigned char)*c));
        str_addc(&entry, '=');
        value_text(json_get(job, *name), &entry);
        texts_take(env, str_take(&entry));
    }
}

static int env_params(struct texts *env, const struct jcur *params, struct err *err)
{
    struct str whole = {0};
    str_add(&whole, "HONE_PARAMS=");
    json_print(params->node, &whole);
    texts_take(env, str_take(&whole));
    for (const struct json *m = json_first(params->node); m; m = json_next(m)) {
        struct str entry = {0};
        str_add(&entry, "HONE_PARAM_");
        for (const char *c = json_key(m); *c; c++)
            str_addc(&entry, *c == '.' || *c == '-' ? '_' : *c);
        str_addc(&entry, '=');
        bool fine = name_ok(json_key(m)) && value_text(m, &entry);
        texts_take(env, str_take(&entry));
        struct jcur member = jcur_of(params, m);
        if (!fine)
            return jcur_fail(&member, err, "a parameter is a name with a number, text, true or false");
    }
    return 0;
}

static void env_resume(struct texts *env, const struct json *resume)
{
    if (!resume)
        return;
    texts_take(env, xasprintf("HONE_RESUME=%s", json_text(json_get(resume, "path"))));
    texts_take(env, xasprintf("HONE_RESUME_EPOCH=%.0f", json_num(json_get(resume, "epoch"))));
}

/* ---- all of it ---- */

static int build_timeout(const struct jcur *trainer, int64_t *ms, struct err *err)
{
    struct jcur timeout = jcur_get(trainer, "timeout");
    const char *text;
    if (!jcur_has(&timeout))
        return 0;
    if (jcur_text(&timeout, 40, &text, err))
        return ERR_BAD;
    if (duration_parse(text, ms, err))
        return err_prefix(err, "trainer.timeout: ");
    return 0;
}

static const char *env_value(const struct texts *env, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < env->count; i++)
        if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
            return env->items[i] + len + 1;
    return "/usr/bin:/bin";
}

static void take_limits(const struct json *may, struct command *out)
{
    const struct json *time = json_get(may, "time_ms");
    int64_t most = time ? (int64_t)json_num(time) : 0;
    if (most && (!out->timeout_ms || out->timeout_ms > most))
        out->timeout_ms = most;
    out->memory = (int64_t)json_num(json_get(may, "memory"));
    out->files = (int64_t)json_num(json_get(may, "files"));
}

/* A warm trainer fits another job if that one would start the same program in the same place. */
static char *spec_text(const struct json *trainer, char *const *argv, const char *cwd)
{
    struct str spec = {0};
    json_print(trainer, &spec);
    for (char *const *arg = argv; *arg; arg++) {
        str_addc(&spec, '\n');
        str_add(&spec, *arg);
    }
    str_addc(&spec, '\n');
    str_add(&spec, cwd);
    return str_take(&spec);
}

int command_build(const struct json *job, const char *program, char *const *env, struct command *out,
                  struct err *err)
{
    struct jcur root = jcur_root(job, "job");
    struct jcur trainer = jcur_get(&root, "trainer"), params = jcur_get(&root, "params");
    struct texts argv = {0}, all = {0};
    *out = (struct command){0};
    const struct json *may = json_get(job, "may");
    inherit(env, may, &all);
    one_thread(&all);
    env_job(&all, job);
    env_resume(&all, json_get(job, "resume"));
    int rc = build_argv(&trainer, job, program, &argv, err);
    if (!rc)
        rc = env_params(&all, &params, err);
    if (!rc)
        rc = build_timeout(&trainer, &out->timeout_ms, err);
    if (!rc && json_get(trainer.node, "command"))
        rc = permit_check(may, argv.items, json_text(json_get(job, "base")), env_value(&all, "PATH"),
                          &out->program, err);
    take_limits(may, out);
    out->argv = argv.items;
    out->env = all.items;
    out->cwd = xstrdup(json_text(json_get(job, "base")));
    if (rc)
        command_fini(out);
    else
        out->spec = spec_text(trainer.node, out->argv, out->cwd);
    return rc;
}

void command_fini(struct command *command)
{
    texts_free(command->argv);
    texts_free(command->env);
    free(command->program);
    free(command->cwd);
    free(command->spec);
    *command = (struct command){0};
}
