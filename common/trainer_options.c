#include "common/trainer_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/data_spec.h"
#include "common/str.h"
#include "common/trainer_layers.h"

static const struct trainer_option options[] = {
#define NUM OPTION_NUM
#define INT OPTION_INT
#define BOOL OPTION_BOOL
#define CHOICE OPTION_CHOICE
#define TEXT OPTION_TEXT
#define LIST OPTION_LIST
#define TRAINER_OPTION(name, kind, low, high, fallback, choices, meaning) \
    {#name, kind, low, high, fallback, choices, meaning},
#include "common/trainer_options.def"
};

enum { OPTION_COUNT = COUNT_OF(options), CHOICE_MAX = 16, ITEM_MAX = 200 };

const char *const trainer_metrics[] = {
    "val_acc",    "val_loss",  "train_acc",  "train_loss",   "ema_val_acc",   "ema_val_loss",    "lr",
    "parameters", "grad_norm", "dead_units", "update_ratio", "samples_per_s", "saturated_units", "seconds",
    NULL};

const struct trainer_option *trainer_option_at(int i)
{
    return i >= 0 && i < (int)OPTION_COUNT ? &options[i] : NULL;
}

static const struct trainer_option *option_find(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static bool option_known(const char *name)
{
    return option_find(name) != NULL;
}

/* ---- checking ---- */

/* "a|b|c" as the NULL-terminated list that jcur_choice takes; the words live in `room`. */
static void split_choices(const char *choices, char room[200], const char *words[CHOICE_MAX])
{
    PRE(str_copy(room, 200, choices));
    int count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(room, "|", &rest); word; word = strtok_r(NULL, "|", &rest)) {
        PRE(count < CHOICE_MAX - 1);
        words[count++] = word;
    }
    words[count] = NULL;
}

static bool has_placeholder(const struct json *node)
{
    const char *open = json_type(node) == JSON_STR ? strchr(json_text(node), '{') : NULL;
    return open && strchr(open, '}');
}

static int check_choice(const struct trainer_option *option, const struct jcur *cur, struct err *err)
{
    char room[200];
    const char *words[CHOICE_MAX];
    split_choices(option->choices, room, words);
    int index;
    return jcur_choice(cur, words, &index, err);
}

static int check_layer(const struct jcur *cur, const char *text, struct err *err)
{
    struct layer_spec spec;
    struct err inner = ERR_NONE;
    if (!layer_spec_parse(text, &spec, &inner))
        return 0;
    jcur_fail(cur, err, "%s", inner.text);
    return err_hint(err, "%s", inner.hint);
}

static int check_data(const struct jcur *cur, const char *text, struct err *err)
{
    struct data_spec spec;
    struct err inner = ERR_NONE;
    if (!data_spec_parse(text, &spec, &inner))
        return 0;
    jcur_fail(cur, err, "%s", inner.text);
    return err_hint(err, "%s", inner.hint);
}

static int check_text(const struct trainer_option *option, const struct jcur *cur, struct err *err)
{
    const char *text;
    if (jcur_text(cur, (size_t)option->high, &text, err))
        return ERR_BAD;
    return strcmp(option->name, "data") == 0 ? check_data(cur, text, err) : 0;
}

static int check_list(const struct trainer_option *option, const struct jcur *cur, struct err *err)
{
    int rc = jcur_array(cur, (size_t)option->low, (size_t)option->high, err);
    for (int i = 0; !rc && i < (int)json_count(cur->node); i++) {
        struct jcur item = jcur_at(cur, i);
        const char *text;
        rc = jcur_text(&item, ITEM_MAX, &text, err);
        if (!rc && strcmp(option->name, "layers") == 0)
            rc = check_layer(&item, text, err);
    }
    return rc;
}

static int check_option(const struct trainer_option *option, const struct jcur *cur, struct err *err)
{
    double number;
    int64_t whole;
    bool flag;
    if (has_placeholder(cur->node) && option->kind != OPTION_LIST)
        return 0;
    switch (option->kind) {
    case OPTION_NUM: return jcur_num(cur, option->low, option->high, &number, err);
    case OPTION_INT: return jcur_int(cur, (int64_t)option->low, (int64_t)option->high, &whole, err);
    case OPTION_BOOL: return jcur_bool(cur, &flag, err);
    case OPTION_CHOICE: return check_choice(option, cur, err);
    case OPTION_TEXT: return check_text(option, cur, err);
    case OPTION_LIST: return check_list(option, cur, err);
    }
    UNREACHABLE();
    return ERR_BAD;
}

int trainer_options_check(const struct jcur *trainer, struct err *err)
{
    const char *keys[OPTION_COUNT + 1];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        keys[i] = options[i].name;
    keys[OPTION_COUNT] = NULL;
    int rc = jcur_object(trainer, OPTION_COUNT, err);
    if (!rc)
        rc = jcur_known(trainer, keys, err);
    for (size_t i = 0; !rc && i < OPTION_COUNT; i++) {
        struct jcur cur = jcur_get(trainer, options[i].name);
        if (jcur_has(&cur) || !*options[i].fallback)
            rc = check_option(&options[i], &cur, err);
    }
    return rc;
}

/* ---- placeholders ---- */

static bool text_uses(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{'))
        if (strncmp(open + 1, name, len) == 0 && open[1 + len] == '}')
            return true;
    return false;
}

bool trainer_uses_param(const struct json *trainer, const char *name)
{
    if (json_type(trainer) != JSON_OBJECT)
        return false;
    if (option_known(name))
        return true;
    for (const struct json *member = json_first(trainer); member; member = json_next(member)) {
        if (text_uses(json_text(member), name))
            return true;
        if (json_type(member) != JSON_ARRAY)
            continue;
        for (const struct json *item = json_first(member); item; item = json_next(item))
            if (text_uses(json_text(item), name))
                return true;
    }
    return false;
}

bool trainer_layers_use(const struct json *trainer, const char *name)
{
    const struct json *layers = json_get(trainer, "layers");
    if (!layers || json_type(layers) != JSON_ARRAY)
        return false;
    for (const struct json *item = json_first(layers); item; item = json_next(item))
        if (text_uses(json_text(item), name))
            return true;
    return false;
}

/* What a {name} stands for: the parameter, else the option of that name as the trainer object or the table
 * has it (a conditional parameter may be off in this trial). */
static const struct json *param_value(const struct json *params, const struct json *filled, const char *name)
{
    const struct json *value = json_get(params, name);
    if (!value)
        value = json_get(filled, name);
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
static int substitute(const struct jcur *cur, const char *text, const struct json *params,
                      const struct json *filled, struct str *out, struct err *err)
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
        const struct json *value = param_value(params, filled, name);
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

static int write_text(struct jw *w, const char *key, const struct jcur *cur,
                      const struct trainer_option *option, const struct json *params,
                      const struct json *filled, struct err *err)
{
    struct str text = {0};
    int rc = substitute(cur, json_text(cur->node), params, filled, &text, err);
    if (!rc && key && reads_as_value(option->kind, str_text(&text)))
        write_value(w, key, option->kind, str_text(&text));
    else if (!rc)
        jw_text(w, key, str_text(&text));
    str_fini(&text);
    return rc;
}

static int write_option(struct jw *w, const struct jcur *cur, const struct trainer_option *option,
                        const struct json *params, const struct json *filled, struct err *err)
{
    if (json_type(cur->node) == JSON_STR)
        return write_text(w, option->name, cur, option, params, filled, err);
    if (json_type(cur->node) != JSON_ARRAY) {
        jw_node(w, option->name, cur->node);
        return 0;
    }
    int rc = 0;
    jw_array(w, option->name);
    for (int i = 0; !rc && i < (int)json_count(cur->node); i++) {
        struct jcur item = jcur_at(cur, i);
        if (json_type(item.node) == JSON_STR)
            rc = write_text(w, NULL, &item, option, params, filled, err);
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
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *name = options[i].name;
        const struct json *value = json_get(params, name);
        if (!value)
            value = json_get(trainer, name);
        struct json *fallback = NULL;
        if (!value && *options[i].fallback)
            value = fallback = json_parse(options[i].fallback, strlen(options[i].fallback), name, NULL);
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
    for (size_t i = 0; !rc && i < OPTION_COUNT; i++) {
        struct jcur cur = jcur_get(&root, options[i].name);
        if (jcur_has(&cur))
            rc = write_option(&w, &cur, &options[i], params, filled, err);
    }
    jw_close_object(&w);
    return rc;
}

static int check_resolved(const struct json *object, const char *file, struct err *err)
{
    struct jcur root = jcur_root(object, file);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        struct jcur cur = jcur_get(&root, options[i].name);
        bool open =
            jcur_has(&cur) && json_type(cur.node) == JSON_NULL && !strcmp(options[i].fallback, "null");
        int rc = open ? 0 : check_option(&options[i], &cur, err);
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
