/* dash: the dashboard: who may ask (gate), what is asked for (request), what is answered (page, api), and that many who
 * ask the same are answered once. It reads the database and nothing else; it changes nothing, and no process of a search
 * knows that it is there.
 *
 * Ownership: heap; the path is copied. One thread. */
#ifndef HONE_WEB_DASH_H
#define HONE_WEB_DASH_H

#include <stdbool.h>
#include <stdint.h>

#include "web/api.h"

enum { DASH_PORT = 7080, DASH_PORTS = 100 };

struct dash_options {
    const char *db;
    const char *address; /* "127.0.0.1" */
    int port;            /* -1: DASH_PORT, or the next free one; 0: any */
    bool is_open;        /* without a token */
    /* Needs the master's view of a study: the command line hands it in. One JSON value is its result. */
    job_work *importance;
};

struct dash;

int dash_open(const struct dash_options *options, struct dash **out, struct err *err);
/* "http://127.0.0.1:7080/#token=…"; borrowed. The token is in no argument, file or log. */
const char *dash_url(const struct dash *dash);
/* Waits at most so long, and answers; `watch` as in http_turn. */
int dash_turn(struct dash *dash, int64_t wait_ms, int watch, struct err *err);
void dash_close(struct dash *dash); /* NULL is fine */

#endif
