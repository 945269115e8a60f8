/* builtin_talk: the built-in trainer's end of the two pipes to its slot (proto/TRAINER.md): lines of JSON in and out.
 * Ownership: the caller's storage; str_fini of the input. */
#ifndef HONE_WORKER_BUILTIN_TALK_H
#define HONE_WORKER_BUILTIN_TALK_H

#include <stdbool.h>

#include "common/err.h"
#include "common/str.h"

struct talk {
    int in, out;
    struct str input;          /* bytes read, not yet taken */
    bool stop_epoch, stop_now; /* heard; the caller takes them back before a job */
    bool gone;                 /* nobody listens any more */
};

void talk_say(struct talk *talk, struct str *line); /* takes the line */
void talk_ready(struct talk *talk);
void talk_done(struct talk *talk, const struct err *err); /* NULL: well */
/* A sentence for the trial's log. */
void talk_note(struct talk *talk, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads what is there; with `wait` at least one byte. */
void talk_listen(struct talk *talk, bool wait);
/* The first whole line of the input, without its end; NULL if there is none. The caller frees. */
char *talk_line(const struct talk *talk);
void talk_drop(struct talk *talk, size_t len); /* that line */

/* Asked between batches, `arg` a struct talk: hears stops, leaves a job for later where it is. */
bool talk_interrupted(void *arg);

#endif
