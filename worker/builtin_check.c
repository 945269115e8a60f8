#include "worker/builtin_check.h"

#include "common/trainer_options.h"
#include "worker/builtin_data.h"

int builtin_check(const struct jcur *trainer, const struct json *params, const char *base, uint64_t seed,
                  struct check_report *out, struct err *err)
{
    struct json *options = NULL;
    struct data_split data = {0};
    *out = (struct check_report){0};
    int rc = trainer_resolve(trainer, params, &options, err);
    if (!rc)
        rc = builtin_data_load(options, base, &data, err);
    if (!rc)
        rc = checks_run(options, &data, seed, out, err);
    data_split_fini(&data);
    json_free(options);
    return rc;
}

void builtin_check_print(const struct check_report *report, struct str *out)
{
    for (int i = 0; i < report->count; i++) {
        const struct check_result *result = &report->results[i];
        str_addf(out, "%-4s  %-17s %s\n", check_verdict_name(result->verdict), result->name, result->text);
        if (*result->hint)
            str_addf(out, "%24s%s\n", "", result->hint);
    }
}
