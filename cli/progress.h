/* progress: how far a study is, on one line that is drawn again and again on a terminal (at most ten times a
 * second, log lines above it), or as plain lines on a pipe (at each tenth of the trials and every five
 * seconds; no control codes).
 *
 * While it is live it owns the terminal: common/log writes through it. Ownership: the caller's storage. */
#ifndef HONE_CLI_PROGRESS_H
#define HONE_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "common/str.h"
#include "master/server.h"

struct progress {
    FILE *file;
    bool quiet, live;
    bool drawn;       /* the live line is on the screen */
    int64_t shown_ms; /* monotonic; 0: never */
    int64_t tenth;    /* of the trials, at the last plain line */
    struct str line;  /* what was printed last */
};

void progress_init(struct progress *progress, FILE *file, bool quiet);
/* Draws if it is due. */
void progress_show(struct progress *progress, const struct server_snapshot *snapshot, int64_t mono_ms);
/* A sentence that stays, above the live line. */
void progress_say(struct progress *progress, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void progress_fini(struct progress *progress); /* leaves the last line standing */

/* "spiral: 12/40 done, 2 running, 26 waiting; best val_acc 0.9312 (trial 7); 35.2 epochs/s; ETA 12s"; brief,
 * for narrow terminals: "spiral: 12/40 done, 2 run, 26 wait; val_acc 0.9312 (7); 35.2 ep/s; ETA 12s" */
void progress_line(const struct server_snapshot *snapshot, bool brief, struct str *out);

#endif
