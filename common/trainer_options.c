#include "common/trainer_options.h"

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

int trainer_option_check(const struct trainer_option *option, const struct jcur *cur, struct err *err)
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
            rc = trainer_option_check(&options[i], &cur, err);
    }
    return rc;
}

/* ---- what uses a parameter ---- */

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
