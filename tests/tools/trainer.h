/* trainer: `hone train` in a child process, spoken to over its two pipes as a slot would. A wait has a deadline that
 * fails the test. */
#ifndef HONE_TESTS_TOOLS_TRAINER_H
#define HONE_TESTS_TOOLS_TRAINER_H

#include <sys/types.h>

#include "common/json.h"

struct peer {
    pid_t pid;
    int to, from;
    struct str input;
    char dir[64]; /* of the attempt; removed at the end */
};

void peer_start(struct peer *peer);
int peer_end(struct peer *peer); /* closes the pipe, waits; as waitpid says it */

void peer_say(struct peer *peer, const char *line);
struct json *peer_hear(struct peer *peer);        /* the next line; NULL at the end of the pipe */
struct json *peer_hear_report(struct peer *peer); /* the next one that is no note for the log */

#endif
