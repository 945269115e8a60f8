/* builtin_check: the checks before training for a study's trainer object, from options to verdicts: resolves, loads
 * the data, runs worker/nn/checks. For `hone check` and for whoever runs the checks of a study on a worker.
 *
 * `params` is a point of the space (NULL: none, where every placeholder is an option). The seed decides weights and
 * samples. Refuses what trainer_resolve and data_load refuse. Fills the caller's report; nothing to free. */
#ifndef HONE_WORKER_BUILTIN_CHECK_H
#define HONE_WORKER_BUILTIN_CHECK_H

#include "common/err.h"
#include "common/json.h"
#include "worker/nn/checks.h"

int builtin_check(const struct jcur *trainer, const struct json *params, const char *base, uint64_t seed,
                  struct check_report *out, struct err *err);

/* One line per check, with what to do about those that are not well. */
void builtin_check_print(const struct check_report *report, struct str *out);

#endif
