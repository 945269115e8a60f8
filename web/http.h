/* http: HTTP/1.1 on one socket, in one thread: the caller turns it, a handler answers each request at once or says that
 * it waits for news. The only includer of microhttpd.h.
 *
 * One thread, because it is enough (an answer is milliseconds, and many tabs ask for the same one) and because a crowd of
 * browsers can then never take more than one core from the trials. Whoever waits holds no thread, no memory but its
 * connection, and nothing of the database.
 *
 * Bounds, for whoever reaches the port: connections, waiting ones, bytes of a request's head, seconds in which a head must
 * have come whole (however slowly its bytes drip), seconds without a byte. Only GET and HEAD reach the handler.
 *
 * Ownership: heap; a handler's answer hands its hold of the body over. */
#ifndef HONE_WEB_HTTP_H
#define HONE_WEB_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "web/body.h"

enum {
    HTTP_CONNECTIONS_MOST = 256,
    HTTP_WAITING_MOST = 64,
    HTTP_HEAD_BYTES = 16 << 10,
    HTTP_HEAD_MS = 10000, /* also how long a connection is kept that asks nothing more */
    HTTP_SILENT_S = 30,   /* nor takes what it asked for */
    HTTP_LOOK_MS = 500,   /* who waits hears of news at most so often */
    HTTP_LOOK_SHARE = 10, /* nor before so many times as long has passed as the answers since the last took */
    HTTP_VERSION_ROOM = 64,
};

struct http_request {
    const char *target;                               /* as it came */
    const char *host, *authorization, *if_none_match; /* NULL: not there */
    bool takes_gzip;
    bool is_late;    /* it has waited */
    int64_t now_ms;  /* monotonic */
    int64_t came_ms; /* when it came */
};

struct http_answer {
    int status;
    const char *type,
        *etag; /* constants, or as long-lived as the body; etag NULL: not to be kept by anyone */
    const char *retry_after; /* Retry-After; NULL: none */
    struct body *body;       /* NULL: none */
    int64_t wait_ms;         /* not 0: nothing of the above; ask again when there is news, or after so long */
    char seen[HTTP_VERSION_ROOM]; /* with wait_ms: what is no news; "": no news are wanted, only the time */
};

struct http_options {
    int socket; /* listening; closed by http_free */
    void (*answer)(void *arg, const struct http_request *request, struct http_answer *out);
    /* The version of now; asked only while somebody waits. */
    void (*look)(void *arg, char version[HTTP_VERSION_ROOM]);
    void *arg;
};

struct http;

int http_new(const struct http_options *options, struct http **out, struct err *err);
/* Waits at most so long for something to do, and does it. `watch`: a descriptor whose becoming readable ends the
 * waiting, too; -1: none. */
int http_turn(struct http *http, int64_t wait_ms, int watch, struct err *err);
void http_free(struct http *http); /* NULL is fine */

#endif
