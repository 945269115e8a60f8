/* body: the bytes of an answer, which may be on their way to many at once; and gzip, both ways (zlib).
 *
 * Ownership: counted. body_new gives the first hold; each body_hold needs a body_drop. One thread. */
#ifndef HONE_WEB_BODY_H
#define HONE_WEB_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct body {
    int holds;
    bool is_gzip;
    size_t len;
    const char *bytes;
    char *own; /* NULL: `bytes` live as long as the process */
};

struct body *body_take(struct str *text); /* the str is empty afterwards */
struct body *body_borrow(const void *bytes, size_t len, bool is_gzip);
struct body *body_hold(struct body *body);
void body_drop(struct body *body); /* NULL is fine */

/* A new one each; NULL if `body` is no gzip, or unpacks to more than `most` bytes. */
struct body *body_pack(const struct body *body);
struct body *body_unpack(const struct body *body, size_t most);

#endif
