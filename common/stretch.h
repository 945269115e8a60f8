/* stretch: some bytes of a log (log_file.h) for somebody who does not see its folder: one open, one read, nothing stays open.
 *
 * A file that is not there is no mistake: `file` is 0. So it is with links, pipes and whatever else is no file.
 * Ownership: the caller's storage; stretch_fini. */
#ifndef HONE_COMMON_STRETCH_H
#define HONE_COMMON_STRETCH_H

#include <stdint.h>

#include "common/str.h"

enum { STRETCH_MAX = 196608 }; /* bytes at a time: base64 of them fits a frame */

struct stretch {
    int64_t file; /* a number of its own, below 2^53; another one: it was renamed and begun anew */
    int64_t size, offset;
    struct str data;
};

/* From the offset on (negative: so many bytes before its end) at most `bytes` bytes, and never more than STRETCH_MAX. */
void stretch_read(const char *path, int64_t offset, int64_t bytes, struct stretch *out);
void stretch_fini(struct stretch *stretch);

#endif
