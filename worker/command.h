/* command: from a job to the program that trains it: arguments, environment, working folder.
 *
 * The study says either {"builtin": NAME}, which is our own program as `hone train`, or
 * {"command": ["python3", "train.py", "--lr", "{lr}"]}. There is never a shell: a placeholder fills a place
 * inside one element, whatever its value holds. A text value that would begin an element with '-' is refused,
 * because the program would take it for an option of its own.
 *
 * The worker's user has a say in it (permit.h): which commands, which variables, how much of everything.
 *
 * Refuses: a trainer that is neither, one that this worker may not run, placeholders that this trial has no value for,
 * values that are neither number, text nor true/false. The error is for the person who wrote the study.
 * Reads nothing but its arguments, and links where programs are fenced. Ownership: command_fini frees all of it.
 */
#ifndef HONE_WORKER_COMMAND_H
#define HONE_WORKER_COMMAND_H

#include <stdint.h>

#include "common/err.h"
#include "common/json.h"

struct command {
    char **argv;   /* NULL-terminated */
    char *program; /* NULL: argv[0], looked up in PATH; else this file is executed */
    char **env;    /* NULL-terminated "NAME=value" */
    char *cwd;
    char *spec;            /* the same text: a warm trainer started for one job can train the other */
    int64_t timeout_ms;    /* 0: none */
    int64_t memory, files; /* limits of each of its processes; 0: none */
};

/* `job` is what the slot was told (slot.h); `program` stands for the built-in trainer; `env` is what the
 * worker was started with (environ). */
int command_build(const struct json *job, const char *program, char *const *env, struct command *out,
                  struct err *err);
void command_fini(struct command *command);

#endif
