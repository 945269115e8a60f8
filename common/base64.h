/* base64: bytes as text (RFC 4648, with padding), for the pieces of checkpoints that travel in JSON messages.
 * Refuses: anything but the alphabet, wrong padding, line breaks; the length is checked before anything is written. */
#ifndef HONE_COMMON_BASE64_H
#define HONE_COMMON_BASE64_H

#include <stddef.h>

#include "common/str.h"

void base64_add(struct str *out, const void *bytes, size_t len);
/* Bytes written to `out`, which has room for `room`; -1: not base64, or too long. */
long base64_read(const char *text, void *out, size_t room);

#endif
