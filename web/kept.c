#include "web/kept.h"

#include <stdlib.h>
#include <string.h>

void kept_drop(struct kept *one)
{
    free(one->target);
    body_drop(one->plain);
    body_drop(one->packed);
    *one = (struct kept){0};
}

struct kept *kept_find(struct kept_list *kept, const char *target, const char *version)
{
    struct kept *found = NULL;
    for (struct kept *one = kept->list; one < kept->list + KEPT; one++) {
        if (one->target && strcmp(one->version, version) != 0)
            kept_drop(one);
        else if (one->target && strcmp(one->target, target) == 0)
            found = one;
    }
    if (found)
        found->used = ++kept->uses;
    return found;
}

void kept_take(struct kept_list *kept, struct kept *one)
{
    struct kept *oldest = kept->list;
    for (struct kept *other = kept->list; other < kept->list + KEPT; other++)
        if (other->used < oldest->used)
            oldest = other;
    if (one->plain->len > KEPT_BYTES_EACH) {
        kept_drop(one);
        return;
    }
    kept_drop(oldest);
    *oldest = *one;
    oldest->used = ++kept->uses;
    *one = (struct kept){0};
}

struct body *kept_body(struct kept *one, bool takes_gzip)
{
    if (takes_gzip && !one->packed)
        one->packed = body_pack(one->plain);
    return body_hold(takes_gzip && one->packed ? one->packed : one->plain);
}

void kept_fini(struct kept_list *kept)
{
    for (int i = 0; i < KEPT; i++)
        kept_drop(&kept->list[i]);
}
