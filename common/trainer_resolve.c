/* The options of one trial, every number filled in. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"
#include "common/trainer_layers.h"
#include "common/trainer_options.h"

/* ---- placeholders ---- */

/* What a {name} stands for: the parameter, else the option of that name as the trainer object or the table
 * has it (a conditional parameter may be off in this trial). */
struct names {
    const struct json *params, *filled;
};

static const struct json *value_of(const struct names *names, const char *name)
{
    const struct json *value = json_get(names->params, name);
    if (!value)
        value = json_get(names->filled, name);
    enum json_type type = value ? json_type(value) : JSON_NULL;
    return type == JSON_NUM || type == JSON_STR || type == JSON_BOOL ? value : NULL;
}

static void add_value(struct str *out, const struct json *value)
{
    if (json_type(value) == JSON_NUM)
        str_add_num(out, json_num(value));
    else
        str_add(out,
                json_type(value) == JSON_BOOL ? (json_bool(value) ? "true" : "false") : json_text(value));
}

/* Appends `text` with every {name} replaced. */
static int substitute(const struct jcur *cur, const char *text, const struct names *names, struct str *out,
                      struct err *err)
{
    for (const char *at = text; *at;) {
        const char *open = strchr(at, '{');
        const char *close = open ? strchr(open, '}') : NULL;
        if (!close) {
            str_add(out, at);
            return 0;
        }
        char name[65] = "";
        if ((size_t)(close - open) <= sizeof name)
            memcpy(name, open + 1, (size_t)(close - open - 1));
        const struct json *value = value_of(names, name);
        if (!value) {
            jcur_fail(cur, err, "{%.*s} is not a parameter of this trial", (int)(close - open - 1), open + 1);
            return err_hint(err, "add it to the space, or give it a value beside \"when\" turns it off");
        }
        str_addn(out, at, (size_t)(open - at));
        add_value(out, value);
        at = close + 1;
    }
    return 0;
}

/* A number, true or false written as text where an option wants one ("batch": "{b}"). */
static bool reads_as_value(enum trainer_option_kind kind, const char *text)
{
    char *end;
    if (kind == OPTION_BOOL)
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    if (kind != OPTION_NUM && kind != OPTION_INT)
        return false;
    double value = strtod(text, &end);
    return end != text && !*end && isfinite(value);
}

static void write_value(struct jw *w, const char *key, enum trainer_option_kind kind, const char *text)
{
    if (kind == OPTION_BOOL)
        jw_bool(w, key, *text == 't');
    else
        jw_num(w, key, strtod(text, NULL));
}

static int write_text(struct jw *w, const char *key, const struct jcur *cur, enum trainer_option_kind kind,
                      const struct names *names, struct err *err)
{
    struct str text = {0};
    int rc = substitute(cur, json_text(cur->node), names, &text, err);
    if (!rc && key && reads_as_value(kind, str_text(&text)))
        write_value(w, key, kind, str_text(&text));
    else if (!rc)
        jw_text(w, key, str_text(&text));
    str_fini(&text);
    return rc;
}

static int write_option(struct jw *w, const struct jcur *cur, const struct trainer_option *option,
                        const struct names *names, struct err *err)
{
    if (json_type(cur->node) == JSON_STR)
        return write_text(w, option->name, cur, option->kind, names, err);
    if (json_type(cur->node) != JSON_ARRAY) {
        jw_node(w, option->name, cur->node);
        return 0;
    }
    int rc = 0;
    jw_array(w, option->name);
    for (int i = 0; !rc && i < (int)json_count(cur->node); i++) {
        struct jcur item = jcur_at(cur, i);
        if (json_type(item.node) == JSON_STR)
            rc = write_text(w, NULL, &item, option->kind, names, err);
        else
            jw_node(w, NULL, item.node);
    }
    jw_close_array(w);
    return rc;
}

/* ---- defaults that depend on other options ---- */

static double default_lr(const char *optimizer)
{
    static const struct {
        const char *optimizer;
        double lr;
    } rates[] = {{"sgd", 0.1},      {"momentum", 0.02}, {"nesterov", 0.02}, {"nesterov_ahead", 0.02},
                 {"adagrad", 0.02}, {"rmsprop", 1e-3},  {"adam", 2e-3},     {"adamw", 2e-3}};
    for (size_t i = 0; i < COUNT_OF(rates); i++)
        if (strcmp(rates[i].optimizer, optimizer) == 0)
            return rates[i].lr;
    return 0.01;
}

static double default_decay(const char *schedule)
{
    if (strcmp(schedule, "step") == 0)
        return 0.1;
    return strcmp(schedule, "plateau") == 0 ? 0.5 : 0.05;
}

static void fill_layers(struct json *object)
{
    bool conv = strcmp(json_text(json_get(object, "builtin")), "convnet") == 0;
    bool dropout = json_num(json_get(object, "dropout")) > 0;
    struct str text = {0};
    str_addf(&text, "[%s\"affine %.0f\",\"relu\"%s]",
             conv ? "\"conv 3x3x16\",\"relu\",\"pool 2\",\"conv 3x3x32\",\"relu\",\"pool 2\"," : "",
             json_num(json_get(object, "hidden")), dropout ? ",\"dropout\"" : "");
    struct json *layers = json_parse(text.text, text.len, "layers", NULL);
    json_put(object, "layers", layers);
    json_free(layers);
    str_fini(&text);
}

/* Writes the probability into each "dropout" that has none. */
static void fill_dropouts(struct json *object)
{
    const struct json *layers = json_get(object, "layers");
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_array(&w, NULL);
    for (const struct json *item = json_first(layers); item; item = json_next(item)) {
        struct str layer = {0};
        str_add(&layer, json_text(item));
        if (strcmp(layer.text ? layer.text : "", "dropout") == 0) {
            str_addc(&layer, ' ');
            str_add_num(&layer, json_num(json_get(object, "dropout")));
        }
        jw_text(&w, NULL, str_text(&layer));
        str_fini(&layer);
    }
    jw_close_array(&w);
    struct json *filled = json_parse(text.text, text.len, "layers", NULL);
    json_put(object, "layers", filled);
    json_free(filled);
    str_fini(&text);
}

static void fill_num(struct json *object, const char *key, double value)
{
    if (json_type(json_get(object, key)) == JSON_NULL)
        json_put_num(object, key, value);
}

static void fill_defaults(struct json *object)
{
    if (json_type(json_get(object, "layers")) == JSON_NULL)
        fill_layers(object);
    fill_dropouts(object);
    fill_num(object, "lr", default_lr(json_text(json_get(object, "optimizer"))));
    fill_num(object, "decay", default_decay(json_text(json_get(object, "schedule"))));
    fill_num(object, "momentum_start", json_num(json_get(object, "momentum")));
    fill_num(object, "init_scale", strcmp(json_text(json_get(object, "init")), "small") == 0 ? 0.01 : 1);
}

/* ---- resolving ---- */

/* Trainer object and parameters of the options' names over the table's defaults; texts as they are. */
static struct json *overlay(const struct json *trainer, const struct json *params)
{
    struct json *filled = json_new_object();
    const struct trainer_option *option;
    for (int i = 0; (option = trainer_option_at(i)) != NULL; i++) {
        const char *name = option->name;
        const struct json *value = json_get(params, name);
        if (!value)
            value = json_get(trainer, name);
        struct json *fallback = NULL;
        if (!value && *option->fallback)
            value = fallback = json_parse(option->fallback, strlen(option->fallback), name, NULL);
        if (value)
            json_put(filled, name, value);
        json_free(fallback);
    }
    return filled;
}

static int write_resolved(const struct json *filled, const struct json *params, const char *file,
                          struct str *out, struct err *err)
{
    int rc = 0;
    struct jw w = jw_to(out);
    struct jcur root = jcur_root(filled, file);
    jw_object(&w, NULL);
    const struct names names = {params, filled};
    const struct trainer_option *option;
    for (int i = 0; !rc && (option = trainer_option_at(i)) != NULL; i++) {
        struct jcur cur = jcur_get(&root, option->name);
        if (jcur_has(&cur))
            rc = write_option(&w, &cur, option, &names, err);
    }
    jw_close_object(&w);
    return rc;
}

static int check_resolved(const struct json *object, const char *file, struct err *err)
{
    struct jcur root = jcur_root(object, file);
    const struct trainer_option *option;
    for (int i = 0; (option = trainer_option_at(i)) != NULL; i++) {
        struct jcur cur = jcur_get(&root, option->name);
        bool open = jcur_has(&cur) && json_type(cur.node) == JSON_NULL && !strcmp(option->fallback, "null");
        int rc = open ? 0 : trainer_option_check(option, &cur, err);
        if (rc)
            return rc;
    }
    return 0;
}

int trainer_resolve(const struct jcur *trainer, const struct json *params, struct json **out, struct err *err)
{
    *out = NULL;
    int rc = trainer_options_check(trainer, err);
    if (rc)
        return rc;
    struct json *filled = overlay(trainer->node, params);
    struct str text = {0};
    struct json *resolved = NULL;
    rc = write_resolved(filled, params, trainer->file, &text, err);
    if (!rc)
        resolved = json_parse(str_text(&text), text.len, trainer->file, err);
    if (!rc && !resolved)
        rc = ERR_BAD;
    if (!rc)
        rc = check_resolved(resolved, trainer->file, err);
    if (!rc) {
        fill_defaults(resolved);
        *out = resolved;
    } else {
        json_free(resolved);
    }
    json_free(filled);
    str_fini(&text);
    return rc;
}
