/* units: durations (90s, 2h30m, 250ms, 1d) and sizes (512M, 8G = GiB) as people write and read them.
 *
 * Refuses, with an example of what to write: a number without its unit, which might mean anything; more than a hundred
 * years. */
#ifndef HONE_COMMON_UNITS_H
#define HONE_COMMON_UNITS_H

#include <stdint.h>

#include "common/err.h"

int duration_parse(const char *text, int64_t *ms, struct err *err); /* 0 <= ms; at most 100 years */
int size_parse(const char *text, int64_t *bytes, struct err *err);

void duration_text(int64_t ms, char out[32]); /* "850ms", "4.2s", "45s", "2h 30m" */
void size_text(int64_t bytes, char out[32]);  /* "1.5 GiB" */

#endif
