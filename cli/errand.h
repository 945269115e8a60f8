/* errand: one of our own commands, run in a process of its own while the screen goes on: its time limits and words are those it
 * has at a prompt.
 *
 * It leads a process group, so keys that end a job do not reach it. Ownership: errand_free, which does not end the process: what
 * was asked for is done even if nobody waits. */
#ifndef HONE_CLI_ERRAND_H
#define HONE_CLI_ERRAND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct errand;

/* argv as the command has it at a prompt, "hone" first, NULL last; copied by the system. */
int errand_start(const char *const argv[], struct errand **out, struct err *err);
/* Waits so long (-1: until a signal comes) for its end. True: it has ended, with *err as it told it; err->code 0: it went
 * well. */
bool errand_ended(struct errand *errand, int wait_ms, struct err *err);
void errand_free(struct errand *errand); /* NULL is fine */

#endif
