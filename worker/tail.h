/* tail: the last lines that a trainer printed, for the message that tells people why it failed.
 *
 * A ring of bytes: whatever a trainer prints, this holds no more than TAIL_BYTES of it. What comes out is
 * UTF-8 without control codes, because it travels in JSON, is stored, and is shown on terminals.
 * Ownership: plain storage of the caller, nothing to free.
 */
#ifndef HONE_WORKER_TAIL_H
#define HONE_WORKER_TAIL_H

#include <stddef.h>

#include "common/str.h"

enum { TAIL_BYTES = 4096, TAIL_LINES = 20 };

struct tail {
    char bytes[TAIL_BYTES];
    size_t count; /* bytes ever added */
};

void tail_add(struct tail *tail, const void *bytes, size_t len);
/* Appends the last TAIL_LINES lines, at most max_bytes of them, cut at a line where it can be. */
void tail_text(const struct tail *tail, size_t max_bytes, struct str *out);

/* Appends text of a stranger as UTF-8: a byte that is none becomes '?', control codes but tab and line
 * break become blanks. Stops before max_bytes, between characters. */
void text_clean(const char *text, size_t len, size_t max_bytes, struct str *out);

#endif
