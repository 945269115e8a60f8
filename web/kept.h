/* kept: answers that stay as they are while the database does, so that a hundred tabs cost what one does.
 *
 * Ownership: the caller's storage; kept_fini. */
#ifndef HONE_WEB_KEPT_H
#define HONE_WEB_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "web/api.h"
#include "web/body.h"

enum { KEPT = 16, KEPT_BYTES_EACH = 8 << 20 };

struct kept {
    char *target; /* of the request, as it came */
    char version[API_VERSION_ROOM];
    struct body *plain, *packed; /* packed NULL: nobody took it yet */
    uint64_t used;
};

struct kept_list {
    struct kept list[KEPT];
    uint64_t uses;
};

/* NULL: none of this version. Drops those of another. */
struct kept *kept_find(struct kept_list *kept, const char *target, const char *version);
/* Takes the place of the one that nobody asked for the longest; what is too large is dropped. `one` is empty then. */
void kept_take(struct kept_list *kept, struct kept *one);
/* A hold of it, packed for who takes that. */
struct body *kept_body(struct kept *one, bool takes_gzip);
void kept_drop(struct kept *one);
void kept_fini(struct kept_list *kept);

#endif
