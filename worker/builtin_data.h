/* builtin_data: the data set that resolved options ask for (trainer_resolve). Beside the trainer, the checks load the same
 * way. Relative paths start at `base`, an absolute folder. Errors name the file. Ownership: data_split_fini. */
#ifndef HONE_WORKER_BUILTIN_DATA_H
#define HONE_WORKER_BUILTIN_DATA_H

#include "common/err.h"
#include "common/json.h"
#include "common/str.h"
#include "worker/nn/data.h"

/* A text that is equal for equal data: spec, split, scaling and the folder that relative paths start from. */
void builtin_data_key(const struct json *options, const char *base, struct str *out);
int builtin_data_load(const struct json *options, const char *base, struct data_split *out, struct err *err);

#endif
