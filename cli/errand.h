/* errand: one of our own commands, run in a process of its own while the screen goes on: its time limits and words are those it
 * has at a prompt.
 *
 * It leads a process group, so keys that end a job do not reach it. Ownership: errand_free, which does not end the process: what
 * was asked for is done even if nobody waits. One that only asks something is dropped instead, by errand_drop. */
#ifndef HONE_CLI_ERRAND_H
#define HONE_CLI_ERRAND_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct errand;

enum { ERRAND_SAID = 1 << 16 };

/* argv as the command has it at a prompt, "hone" first, NULL last; copied by the system. */
int errand_start(const char *const argv[], struct errand **out, struct err *err);
/* A command for what it prints: errand_said. */
int errand_ask(const char *const argv[], struct errand **out, struct err *err);
/* Waits so long (-1: until a signal comes) for its end. True: it has ended, with *err as it told it; err->code 0: it went
 * well. */
bool errand_ended(struct errand *errand, int wait_ms, struct err *err);
/* What an errand_ask that has ended has printed, the last ERRAND_SAID bytes or more of it. */
const char *errand_said(const struct errand *errand);
void errand_free(struct errand *errand); /* NULL is fine */
void errand_drop(struct errand *errand); /* and its process; NULL is fine */

#endif
