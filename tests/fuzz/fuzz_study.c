/* Random bytes as a study file: no crash, no leak; what is taken prints as JSON that is taken again and means the same. */
#include <stdint.h>
#include <stdlib.h>

#include "common/check.h"
#include "master/study_def.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_again(struct study_def *def)
{
    struct str text = {0};
    struct err err = ERR_NONE;
    struct study_def back;
    study_def_fill_seeds(def);
    json_print(def->json, &text);
    POST(study_def_parse(str_text(&text), text.len, "again", &back, &err) == 0);
    POST(back.epochs == def->epochs && back.trainer_seed == def->trainer_seed);
    study_def_fini(&back);
    str_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct study_def def;
    struct err err = ERR_NONE;
    if (study_def_parse((const char *)data, size, "fuzz", &def, &err)) {
        POST(err.code && err.text[0]);
        return 0;
    }
    say_again(&def);
    study_def_fini(&def);
    return 0;
}
