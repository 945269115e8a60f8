#include "master/search/point.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "master/search/space.h"

void point_init(struct point *point, const struct space *space)
{
    point->count = space->count;
    point->v = xcalloc((size_t)space->count + 1, sizeof *point->v);
}

void point_fini(struct point *point)
{
    free(point->v);
    *point = (struct point){0};
}

void point_copy(struct point *to, const struct point *from)
{
    PRE(to->count == from->count);
    memcpy(to->v, from->v, (size_t)from->count * sizeof *to->v);
}

void point_clone(struct point *to, const struct point *from)
{
    to->count = from->count;
    to->v = xcalloc((size_t)from->count + 1, sizeof *to->v);
    point_copy(to, from);
}

bool point_equal(const struct point *a, const struct point *b)
{
    PRE(a->count == b->count);
    for (int i = 0; i < a->count; i++)
        if (!value_same(a->v[i], b->v[i]))
            return false;
    return true;
}

uint64_t point_hash(const struct point *point)
{
    uint64_t hash = (uint64_t)point->count;
    for (int i = 0; i < point->count; i++) {
        uint64_t bits;
        double num = point->v[i].num + 0.0;
        memcpy(&bits, &num, sizeof bits);
        hash = hash_mix(hash ^ bits, (uint64_t)point->v[i].kind << 32 | (uint32_t)point->v[i].choice);
    }
    return hash;
}
