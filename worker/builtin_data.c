#include "worker/builtin_data.h"

void builtin_data_key(const struct json *options, const char *base, struct str *out)
{
    static const char *const keys[] = {"data", "data_seed", "val_part", "folds", "fold", "normalize", NULL};
    str_add(out, base ? base : "");
    for (int i = 0; keys[i]; i++) {
        str_addc(out, '\n');
        json_print(json_get(options, keys[i]), out);
    }
}

int builtin_data_load(const struct json *options, const char *base, struct data_split *out, struct err *err)
{
    struct data_options data = {
        .spec = json_text(json_get(options, "data")),
        .base = base,
        .val_part = json_num(json_get(options, "val_part")),
        .folds = (int)json_num(json_get(options, "folds")),
        .fold = (int)json_num(json_get(options, "fold")),
        .seed = (uint64_t)json_num(json_get(options, "data_seed")),
        .normalize = json_bool(json_get(options, "normalize")),
    };
    return data_load(&data, out, err);
}
