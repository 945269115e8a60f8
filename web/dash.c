#include "web/dash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/mem.h"
#include "web/gate.h"
#include "web/http.h"
#include "web/kept.h"
#include "web/listen.h"
#include "web/page.h"

enum { WAIT_MOST_S = 30 };

struct dash {
    struct http *http;
    char *db, *url;
    char host[256]; /* this machine's name */
    char token[GATE_TOKEN_ROOM];
    bool is_open;
    struct jobs *importance; /* NULL: not here */
    struct kept_list kept;
};

static const char json_type_text[] = "application/json";

/* ---- answers ---- */

static int status_of(int code)
{
    switch (code) {
    case ERR_BAD: return 400;
    case ERR_GONE: return 404;
    default: return 503;
    }
}

static void answer_text(struct http_answer *out, int status, struct str *json)
{
    *out = (struct http_answer){.status = status, .type = json_type_text, .body = body_take(json)};
}

static void answer_error(struct http_answer *out, int status, const struct err *err)
{
    struct str json = {0};
    struct jw w = jw_to(&json);
    jw_object(&w, NULL);
    jw_text(&w, "error", err->text);
    jw_text(&w, "hint", err->hint);
    jw_close_object(&w);
    answer_text(out, status, &json);
    out->retry_after = status == 503 ? "2" : NULL;
}

/* ---- the page ---- */

static void answer_page(const struct page_file *file, const struct http_request *request,
                        struct http_answer *out)
{
    *out = (struct http_answer){.status = 200, .type = file->type, .etag = file->etag};
    if (request->if_none_match && strstr(request->if_none_match, file->etag)) {
        out->status = 304;
        return;
    }
    out->body = web_page_body(file, request->takes_gzip);
}

/* ---- the API ---- */

/* The query lives for this request: whatever became of the file since, the answer is about what is there now. */
static int open_now(const struct dash *dash, struct query **query, char version[API_VERSION_ROOM],
                    struct err *err)
{
    int rc = query_open(dash->db, query, err);
    if (!rc)
        rc = api_version(*query, version, err);
    if (rc) {
        query_close(*query);
        *query = NULL;
    }
    return rc;
}

/* A request, and the database as it was when it came. */
struct asked {
    const struct api_route *route;
    const struct request *request;
    const struct http_request *http;
    struct query *query;
    char version[API_VERSION_ROOM];
};

static int call(const struct dash *dash, const struct asked *asked, struct str *json, struct err *err)
{
    struct api api = {.query = asked->query,
                      .db = dash->db,
                      .importance = dash->importance,
                      .version = asked->version,
                      .now_ms = asked->http->now_ms};
    struct jw w = jw_to(json);
    jw_object(&w, NULL);
    int rc = asked->route->call(&api, asked->request, &w, err);
    if (!rc)
        jw_close_object(&w);
    return rc;
}

static void answer_kept(struct kept *kept, bool takes_gzip, struct http_answer *out)
{
    *out = (struct http_answer){.status = 200, .type = json_type_text, .body = kept_body(kept, takes_gzip)};
}

static void answer_fresh(struct dash *dash, const struct asked *asked, struct http_answer *out)
{
    const struct http_request *http = asked->http;
    struct err err = ERR_NONE;
    struct str json = {0};
    int rc = call(dash, asked, &json, &err);
    if (rc)
        str_fini(&json);
    if (rc == ERR_BUSY && http->now_ms - http->came_ms < WAIT_MOST_S * 1000) {
        *out = (struct http_answer){.wait_ms = JOB_LOOK_MS};
        return;
    }
    if (rc) {
        answer_error(out, status_of(rc), &err);
        return;
    }
    struct kept kept = {.target = xstrdup(http->target), .plain = body_take(&json)};
    str_copy(kept.version, sizeof kept.version, asked->version);
    answer_kept(&kept, http->takes_gzip, out);
    if (asked->route->is_kept)
        kept_take(&dash->kept, &kept);
    else
        kept_drop(&kept);
}

static void answer_api(struct dash *dash, const struct api_route *route, const struct request *request,
                       const struct http_request *http, struct http_answer *out)
{
    struct err err = ERR_NONE;
    struct asked asked = {.route = route, .request = request, .http = http};
    if (open_now(dash, &asked.query, asked.version, &err)) {
        answer_error(out, 503, &err);
        return;
    }
    struct kept *kept = kept_find(&dash->kept, http->target, asked.version);
    if (kept)
        answer_kept(kept, http->takes_gzip, out);
    else
        answer_fresh(dash, &asked, out);
    query_close(asked.query);
    jobs_begin(dash->importance, http->now_ms);
}

static void look(void *arg, char out[HTTP_VERSION_ROOM])
{
    struct dash *dash = arg;
    struct query *query;
    struct err err = ERR_NONE;
    if (open_now(dash, &query, out, &err) == 0)
        query_close(query);
    else
        str_copy(out, HTTP_VERSION_ROOM, "none"); // news, too: the page asks, and hears why
}

/* Who is behind hears so at the next look and not at once: a page that asks again and again is bounded by that. */
static void answer_changes(struct dash *dash, const struct request *request, const struct http_request *http,
                           struct http_answer *out)
{
    struct err err = ERR_NONE;
    const char *since = request_arg(request, "since");
    int64_t wait_s;
    struct str json = {0};
    if (request_whole(request, &(struct request_range){"wait", 0, WAIT_MOST_S, WAIT_MOST_S}, &wait_s, &err)) {
        answer_error(out, 400, &err);
        return;
    }
    if (!http->is_late && wait_s) {
        *out = (struct http_answer){.wait_ms = wait_s * 1000};
        str_copy(out->seen, sizeof out->seen, since && *since ? since : "none");
        return;
    }
    struct query *query;
    char version[API_VERSION_ROOM];
    if (open_now(dash, &query, version, &err)) {
        answer_error(out, 503, &err);
        return;
    }
    query_close(query);
    struct jw w = jw_to(&json);
    jw_object(&w, NULL);
    jw_text(&w, "version", version);
    jw_close_object(&w);
    answer_text(out, 200, &json);
}

/* ---- who asks for what ---- */

static void refuse(struct http_answer *out, int status, const char *text, const char *hint)
{
    struct err err = ERR_NONE;
    err_set(&err, ERR_BAD, "%s", text);
    err_hint(&err, "%s", hint);
    answer_error(out, status, &err);
}

static void answer_path(struct dash *dash, const struct request *request, const struct http_request *http,
                        struct http_answer *out)
{
    const struct page_file *file = web_page_find(request->path);
    const struct api_route *route = api_find(request->path);
    bool is_changes = strcmp(request->path, "/api/changes") == 0;
    if (file)
        answer_page(file, http, out);
    else if (!route && !is_changes)
        refuse(out, 404, "there is nothing under this address",
               "/ is the page, /api/studies the list of studies");
    else if (!dash->is_open && !gate_token_fits(dash->token, http->authorization))
        refuse(out, 401, "the token is missing or wrong",
               "open the whole address that hone dash printed, with #token=…; it is another one after each "
               "start");
    else if (is_changes)
        answer_changes(dash, request, http, out);
    else
        answer_api(dash, route, request, http, out);
}

static void answer(void *arg, const struct http_request *http, struct http_answer *out)
{
    struct dash *dash = arg;
    struct request request;
    struct err err = ERR_NONE;
    if (!gate_host_fits(http->host, dash->host))
        refuse(out, 403, "asked for under a name that is not this machine's",
               "use the address that hone dash printed, or localhost through a tunnel");
    else if (request_parse(http->target, &request, &err))
        answer_error(out, 400, &err);
    else
        answer_path(dash, &request, http, out);
}

/* ---- opening ---- */

static int listen_somewhere(const struct dash_options *options, int *socket, int *port, struct err *err)
{
    int first = options->port < 0 ? DASH_PORT : options->port,
        last = options->port < 0 ? first + DASH_PORTS - 1 : first;
    int rc = ERR_BUSY;
    for (int at = first; at <= last && rc == ERR_BUSY; at++)
        rc = listen_on(options->address, at, socket, port, err);
    if (rc == ERR_BUSY)
        err_hint(err, "another port with --port, or 0 for any");
    return rc;
}

static char *url_of(const struct dash *dash, const char *address, int port)
{
    bool six = strchr(address, ':') != NULL;
    return xasprintf("http://%s%s%s:%d/%s%s", six ? "[" : "", address, six ? "]" : "", port,
                     dash->is_open ? "" : "#token=", dash->is_open ? "" : dash->token);
}

int dash_open(const struct dash_options *options, struct dash **out, struct err *err)
{
    struct query *query;
    int socket, port;
    int rc = query_open(options->db, &query, err);
    if (rc)
        return rc;
    query_close(query);
    rc = listen_somewhere(options, &socket, &port, err);
    if (rc)
        return rc;
    struct dash *dash = xcalloc(1, sizeof *dash);
    dash->db = xstrdup(options->db);
    dash->is_open = options->is_open;
    dash->importance = options->importance ? jobs_new(options->db, options->importance) : NULL;
    gethostname(dash->host, sizeof dash->host - 1);
    gate_new_token(dash->token);
    dash->url = url_of(dash, options->address, port);
    struct http_options http = {.socket = socket, .answer = answer, .look = look, .arg = dash};
    rc = http_new(&http, &dash->http, err);
    if (rc) {
        dash_close(dash);
        return rc;
    }
    *out = dash;
    return 0;
}

const char *dash_url(const struct dash *dash)
{
    return dash->url;
}

int dash_turn(struct dash *dash, int64_t wait_ms, int watch, struct err *err)
{
    return http_turn(dash->http, wait_ms, watch, err);
}

void dash_close(struct dash *dash)
{
    if (!dash)
        return;
    http_free(dash->http);
    kept_fini(&dash->kept);
    jobs_free(dash->importance);
    free(dash->db);
    free(dash->url);
    free(dash);
}
