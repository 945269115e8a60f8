/* request: the target of an HTTP request ("/api/trials?study=s&after=17-0"), taken apart. Pure, and fed by anyone who
 * reaches the port.
 *
 * Refuses: a target that does not begin with /, is too long, has a broken %xx, a control character, bytes that are not
 * UTF-8, an argument twice or without a name, too many of them. A + is a + (this is no form).
 * Ownership: the caller's storage; texts point into it. */
#ifndef HONE_WEB_REQUEST_H
#define HONE_WEB_REQUEST_H

#include <stdint.h>

#include "common/err.h"

enum { REQUEST_TARGET_MAX = 4096, REQUEST_ARGS_MAX = 8 };

struct request {
    const char *path;
    struct request_arg {
        const char *name, *value;
    } args[REQUEST_ARGS_MAX];
    int arg_count;
    char text[REQUEST_TARGET_MAX];
};

int request_parse(const char *target, struct request *out, struct err *err);

const char *request_arg(const struct request *request, const char *name); /* NULL: not there */
/* The same where it must be there. */
int request_text(const struct request *request, const char *name, const char **out, struct err *err);
/* A whole number of low .. high; `absent` where it is left out, an error if that is below `low`. */
struct request_range {
    const char *name;
    int64_t low, high, absent;
};
int request_whole(const struct request *request, const struct request_range *range, int64_t *out,
                  struct err *err);
/* "1,2,3": numbers from 1, at most `most`; their count, or a negative code. */
int request_numbers(const struct request *request, const char *name, uint32_t *out, int most,
                    struct err *err);

#endif
