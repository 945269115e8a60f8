/* trainer_options: what the built-in trainer can be told, from one table (trainer_options.def), read by the
 * master to refuse a bad study at submit, and by the trainer to fill in every number of one trial.
 *
 * The way of a value: the option's default, overridden by the study's "trainer" object, overridden by a
 * parameter of the same name; then every "{name}" inside a text becomes the parameter's value. The result of
 * trainer_resolve is a plain object with every option present, which is also what a checkpoint keeps.
 *
 * Refuses: unknown keys, values out of range, layers that do not parse, placeholders without a parameter.
 * Ownership: trainer_resolve gives a new JSON root to the caller; everything else borrows. */
#ifndef HONE_COMMON_TRAINER_OPTIONS_H
#define HONE_COMMON_TRAINER_OPTIONS_H

#include <stdbool.h>

#include "common/err.h"
#include "common/json.h"

enum trainer_option_kind { OPTION_NUM, OPTION_INT, OPTION_BOOL, OPTION_CHOICE, OPTION_TEXT, OPTION_LIST };

struct trainer_option {
    const char *name;
    enum trainer_option_kind kind;
    double low, high;
    const char *fallback; /* JSON text; "" must be given, "null" depends on other options */
    const char *choices;  /* "he|xavier" */
    const char *meaning;
};

/* Row i of the table, NULL after the last; for help, completion and the schema of the study file. */
const struct trainer_option *trainer_option_at(int i);

/* Is this a value that the option can have? Absent is bad. */
int trainer_option_check(const struct trainer_option *option, const struct jcur *value, struct err *err);

/* Is this study's trainer object one the built-in trainer can take? Values with a {placeholder} are checked
 * as far as they can be without the parameters. */
int trainer_options_check(const struct jcur *trainer, struct err *err);

/* What the built-in trainer reports of an epoch, all of which can be a study's metric; NULL after the last. */
extern const char *const trainer_metrics[];

/* Does anything in the trainer object use the parameter: an option's name, or {name} in one of its texts? */
bool trainer_uses_param(const struct json *trainer, const char *name);

/* Does {name} stand in one of its layers? */
bool trainer_layers_use(const struct json *trainer, const char *name);

/* The trainer object of one trial. `params` is an object name -> number, text or true/false. */
int trainer_resolve(const struct jcur *trainer, const struct json *params, struct json **out,
                    struct err *err);

#endif
