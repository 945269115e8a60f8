/* patience: what a command that only computes shows of itself where it takes longer than a second: one line on the
 * terminal, "verify: 1200 of 20000 checkpoints", gone when it ends. Nothing on a pipe.
 *
 * Ownership: the caller's storage; the two words are borrowed. */
#ifndef HONE_CLI_PATIENCE_H
#define HONE_CLI_PATIENCE_H

#include <stdbool.h>
#include <stdio.h>

#include "common/watcher.h"

struct patience {
    FILE *file;
    const char *command, *what; /* in the plural */
    int64_t from_ms, shown_ms;  /* monotonic */
    int width;                  /* of the terminal; 0: none */
    bool is_drawn;
    struct watcher watcher; /* tells this patience */
};

/* `file`: the terminal, as a rule stderr. */
void patience_init(struct patience *patience, FILE *file, const char *command, const char *what);
/* of 0: nobody knows. Draws if it is due at that time. */
void patience_tell(struct patience *patience, int64_t done, int64_t of, int64_t mono_ms);
/* Takes the line away: before anything else is printed. It comes back when something is told. */
void patience_hide(struct patience *patience);

#endif
