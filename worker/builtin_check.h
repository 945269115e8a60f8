/* builtin_check: what `hone train` answers to {"check":…}: the checks of worker/nn, and then, with a small part of the
 * data, that an epoch runs (G4), that the same seed gives the same weights to the bit (G5), and that a training which
 * is saved, thrown away and taken up again from its file ends with the weights of one that was left alone (G6).
 *
 * A part of the data because a check must not cost an epoch of a large set; what it proves does not depend on how many
 * samples there are. Results are told one by one, as they come. Borrows everything; leaves no file behind. */
#ifndef HONE_WORKER_BUILTIN_CHECK_H
#define HONE_WORKER_BUILTIN_CHECK_H

#include <stdint.h>

#include "common/check_result.h"
#include "common/err.h"
#include "worker/nn/data.h"

struct builtin_check {
    const struct json *options; /* resolved */
    const struct data_split *data;
    uint64_t seed;
    const char *dir; /* for a checkpoint that goes again */
    void (*tell)(void *arg, const struct check_result *result);
    void *arg;
};

/* An error only if there is nothing to check: a net or training that cannot be made. */
int builtin_check(const struct builtin_check *check, struct err *err);

#endif
