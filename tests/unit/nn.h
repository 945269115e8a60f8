/* What the tests of the built-in trainer have in common: its options and its data out of a line of text. */
#ifndef HONE_TESTS_UNIT_NN_H
#define HONE_TESTS_UNIT_NN_H

#include <string.h>

#include "common/trainer_options.h"
#include "worker/nn/data.h"

/* {"builtin": "mlp", ...} with every default filled in; the caller's to free. */
static inline struct json *resolve(const char *trainer)
{
    struct err err = ERR_NONE;
    struct json *object = json_parse(trainer, strlen(trainer), "test", &err), *out = NULL;
    struct jcur cur = jcur_root(object, "test");
    if (!object || trainer_resolve(&cur, NULL, &out, &err))
        fail_msg("%s; %s", err.text, err.hint);
    json_free(object);
    return out;
}

static inline struct data_split load(const char *spec)
{
    struct data_options options = {.spec = spec, .normalize = 1};
    struct data_split split;
    struct err err = ERR_NONE;
    if (data_load(&options, &split, &err))
        fail_msg("%s", err.text);
    return split;
}

#endif
