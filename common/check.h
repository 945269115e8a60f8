/* check: PRE and POST are for our own bugs and stay on in every build. What a user, a file or a peer
 * sent is never checked here: that gets a struct err. */
#ifndef HONE_COMMON_CHECK_H
#define HONE_COMMON_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK_OR_DIE(kind, cond)                                                                    \
    do {                                                                                            \
        if (!(cond)) {                                                                              \
            fprintf(stderr, "%s:%d: %s: bug: %s(%s)\n", __FILE__, __LINE__, __func__, kind, #cond); \
            abort();                                                                                \
        }                                                                                           \
    } while (0)

#define PRE(cond) CHECK_OR_DIE("PRE", cond)
#define POST(cond) CHECK_OR_DIE("POST", cond)
#define UNREACHABLE() CHECK_OR_DIE("UNREACHABLE", 0)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
