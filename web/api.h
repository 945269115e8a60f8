/* api: what the page asks for, as JSON: each of GET /api/… is one function from named statements of sql/query to one
 * object. WHAT the members are called and mean is written down in docs/dashboard.md.
 *
 * Read only, by one connection that is opened for the request and closed after it: between requests nothing of the
 * database is held, whatever happens to the file.
 *
 * A failed one: ERR_BAD the request is wrong, ERR_GONE no such study or trial, ERR_BUSY ask again soon, anything else the
 * database. */
#ifndef HONE_WEB_API_H
#define HONE_WEB_API_H

#include "common/json.h"
#include "sql/query.h"
#include "web/job.h"
#include "web/request.h"

enum {
    API_CURVES_MOST = 200,
    API_EVENTS_MOST = 500,
    API_WALLS_MOST = 2000,
    API_ATTEMPTS_MOST = 10000,
    API_LOG_BYTES = 64 << 10,
    API_VERSION_ROOM = 64
};

struct api {
    struct query *query;
    const char *db;          /* path */
    struct jobs *importance; /* NULL: it is not computed here */
    const char *version;     /* of the database when the request came */
    int64_t now_ms;
};

/* Members of the object that `w` has open. */
typedef int api_call(const struct api *api, const struct request *request, struct jw *w, struct err *err);

struct api_route {
    const char *path; /* "/api/trials" */
    api_call *call;
    bool is_kept; /* the same as long as the version is the same */
};
const struct api_route *api_find(const char *path); /* NULL: there is no such call */

/* What tells a changed database from an unchanged one: "SEQ-DELETED-PRINT", the newest seq, how many trials are deleted,
 * a fingerprint of what changes without a seq. */
int api_version(struct query *query, char out[API_VERSION_ROOM], struct err *err);
/* The seq to go on from with `since`, -1 if all has to be sent again. */
int64_t api_seq_since(const char *since, const char *now);

#endif
