#include "master/search/param_words.h"

#include <stddef.h>

#include "common/check.h"
#include "common/str.h"

static const char of_log[] = "{\"log\": [1e-5, 1]}";
static const char of_uniform[] = "{\"uniform\": [0, 1]}";
static const char of_step[] = "{\"uniform\": [0, 1], \"step\": 0.1}";
static const char of_int[] = "{\"int\": [16, 512]}";
static const char of_int_log[] = "{\"int\": [16, 512], \"log\": true}";
static const char of_choice[] = "{\"choice\": [\"sgd\", \"adam\"]}";

/* A word that tells the kind stands before those that only tell that there is a range. */
static const struct {
    const char *theirs, *ours;
} words[] = {
    {"loguniform", of_log},  {"log_uniform", of_log},    {"log_uniform_values", of_log},
    {"logfloat", of_log},    {"reciprocal", of_log},     {"qloguniform", of_log},
    {"quniform", of_step},   {"q_uniform", of_step},     {"discrete_uniform", of_step},
    {"randint", of_int},     {"integer", of_int},        {"int_uniform", of_int},
    {"qrandint", of_int},    {"lograndint", of_int_log}, {"logint", of_int_log},
    {"log_int", of_int_log}, {"int_log", of_int_log},    {"categorical", of_choice},
    {"choices", of_choice},  {"options", of_choice},     {"log", of_log},
    {"int", of_int},         {"uniform", of_uniform},    {"float", of_uniform},
    {"double", of_uniform},  {"choice", of_choice},      {"min", of_uniform},
    {"low", of_uniform},     {"lower", of_uniform},      {"range", of_uniform},
    {"bounds", of_uniform},
};

static const char *written_here(const struct json *axis)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        for (const struct json *m = json_first(axis); m; m = json_next(m))
            if (str_same_nocase(json_key(m), words[i].theirs) ||
                str_same_nocase(json_text(m), words[i].theirs))
                return words[i].ours;
    return NULL;
}

int param_words_hint(const struct json *axis, const char *const *known, struct err *err)
{
    const struct json *first = json_first(axis);
    const char *ours = written_here(axis), *nearest = first ? nearest_name(json_key(first), known) : NULL;
    if (ours)
        return err_hint(err, "that is written %s here; ends of a range are values, never exponents", ours);
    struct str all = {0};
    for (const char *const *k = known; *k; k++)
        str_addf(&all, "%s%s", all.len ? ", " : "", *k);
    err_hint(err, "%s%s%swrite for example {\"log\": [1e-5, 1]}; known: %s", nearest ? "did you mean \"" : "",
             nearest ? nearest : "", nearest ? "\"? " : "", str_text(&all));
    str_fini(&all);
    return ERR_BAD;
}
