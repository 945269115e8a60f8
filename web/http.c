#include "web/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

/* One TCP connection. */
struct peer {
    struct peer *next, **back;
    int64_t asked_by_ms; /* the head of its request must have come by then; 0: it has */
    int socket;
};

/* One request. */
struct call {
    struct call *next, **back; /* among those that wait; back NULL: it does not */
    struct MHD_Connection *connection;
    struct peer *peer;
    int64_t came_ms, until_ms;
    bool is_read; /* the whole request */
    bool has_waited;
    char seen[HTTP_VERSION_ROOM];
    char target[]; /* as it came */
};

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    struct peer *peers;
    struct call *waiting;
    int waiting_count;
    int64_t look_ms; /* next time */
    int64_t busy_us; /* with answers, since the last time */
};

/* ---- answers ---- */

static void drop_body(void *body)
{
    body_drop(body);
}

/* Every answer says so: nothing is run, framed or fetched but what came from here, and no address goes elsewhere. */
static void add_headers(struct MHD_Response *response, const struct http_answer *answer)
{
    MHD_add_response_header(
        response, "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(response, "Vary", "Accept-Encoding");
    MHD_add_response_header(response, "Cache-Control", answer->etag ? "no-cache" : "no-store");
    if (answer->etag)
        MHD_add_response_header(response, "ETag", answer->etag);
    if (answer->type)
        MHD_add_response_header(response, "Content-Type", answer->type);
    if (answer->retry_after)
        MHD_add_response_header(response, "Retry-After", answer->retry_after);
    if (answer->body && answer->body->is_gzip)
        MHD_add_response_header(response, "Content-Encoding", "gzip");
    if (answer->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct http_answer *answer)
{
    struct body *body = answer->body;
    struct MHD_Response *response =
        body ? MHD_create_response_from_buffer_with_free_callback_cls(
                   body->len, (void *)(uintptr_t)body->bytes, drop_body, body)
             : MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (!response) {
        body_drop(body);
        return MHD_NO;
    }
    add_headers(response, answer);
    enum MHD_Result queued = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- those that wait ---- */

static void wait_begin(struct http *http, struct call *call, const struct http_answer *answer)
{
    call->until_ms = clock_mono_ms() + answer->wait_ms;
    memcpy(call->seen, answer->seen, sizeof call->seen);
    call->next = http->waiting;
    call->back = &http->waiting;
    if (call->next)
        call->next->back = &call->next;
    http->waiting = call;
    http->waiting_count++;
    MHD_suspend_connection(call->connection);
}

static void wait_end(struct http *http, struct call *call)
{
    *call->back = call->next;
    if (call->next)
        call->next->back = call->back;
    call->back = NULL;
    call->has_waited = true;
    http->waiting_count--;
}

static void wake(struct http *http, int64_t now, const char *version)
{
    struct call *next;
    for (struct call *call = http->waiting; call; call = next) {
        next = call->next;
        bool is_news = *version && *call->seen && strcmp(call->seen, version) != 0;
        if (now < call->until_ms && !is_news)
            continue;
        wait_end(http, call);
        MHD_resume_connection(call->connection);
    }
}

/* Whose time is up, or who waits for news when there are some. */
static void look(struct http *http, int64_t now)
{
    char version[HTTP_VERSION_ROOM] = "";
    bool is_time = now >= http->look_ms, wants_news = false;
    for (struct call *call = http->waiting; call && is_time; call = call->next)
        wants_news = wants_news || call->seen[0];
    if (wants_news) {
        http->options.look(http->options.arg, version);
        int64_t rest = http->busy_us / 1000 * HTTP_LOOK_SHARE;
        http->look_ms = now + (rest > HTTP_LOOK_MS ? rest : HTTP_LOOK_MS);
        http->busy_us = 0;
    }
    wake(http, now, version);
}

/* ---- peers ---- */

static void peer_notified(void *arg, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *http = arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct peer *peer = xmalloc(sizeof *peer);
        *peer = (struct peer){.next = http->peers,
                              .back = &http->peers,
                              .asked_by_ms = clock_mono_ms() + HTTP_HEAD_MS,
                              .socket = info ? info->connect_fd : -1};
        if (peer->next)
            peer->next->back = &peer->next;
        http->peers = peer;
        *socket_context = peer;
    } else {
        struct peer *peer = *socket_context;
        *peer->back = peer->next;
        if (peer->next)
            peer->next->back = peer->back;
        free(peer);
        *socket_context = NULL;
    }
}

static struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* A head that drips in byte by byte is never silent; it is cut off all the same. */
static void end_slow_peers(struct http *http, int64_t now)
{
    for (struct peer *peer = http->peers; peer; peer = peer->next)
        if (peer->asked_by_ms && now > peer->asked_by_ms && peer->socket >= 0) {
            shutdown(peer->socket, SHUT_RDWR);
            peer->asked_by_ms = 0;
        }
}

/* ---- requests ---- */

static void *call_new(void *arg, const char *target, struct MHD_Connection *connection)
{
    (void)arg;
    size_t len = strlen(target) + 1;
    struct call *call = xcalloc(1, sizeof *call + len);
    call->connection = connection;
    call->came_ms = clock_mono_ms();
    memcpy(call->target, target, len);
    return call;
}

static void call_ended(void *arg, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode why)
{
    (void)why;
    struct http *http = arg;
    struct call *call = *context;
    struct peer *peer = peer_of(connection);
    if (call && call->back)
        wait_end(http, call);
    if (peer)
        peer->asked_by_ms = clock_mono_ms() + HTTP_HEAD_MS;
    free(call);
    *context = NULL;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool takes_gzip(struct MHD_Connection *connection)
{
    const char *accepts = header(connection, "Accept-Encoding");
    const char *gzip = accepts ? strstr(accepts, "gzip") : NULL;
    return gzip && strncmp(gzip, "gzip;q=0", 8) != 0;
}

static void refuse(struct http_answer *out, int status, const char *error, const char *hint)
{
    struct str body = {0};
    struct jw w = jw_to(&body);
    jw_object(&w, NULL);
    jw_text(&w, "error", error);
    jw_text(&w, "hint", hint);
    jw_close_object(&w);
    *out = (struct http_answer){.status = status, .type = "application/json", .body = body_take(&body)};
}

/* What comes with a body is not read on: it could be without an end. */
static bool carries_body(struct MHD_Connection *connection)
{
    const char *length = header(connection, "Content-Length");
    return header(connection, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

/* By its head alone; an answer then ends the connection. */
static bool is_refused(struct MHD_Connection *connection, const char *method, struct http_answer *out)
{
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        refuse(out, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are possible here",
               "the dashboard changes nothing; the command line does");
    else if (carries_body(connection))
        refuse(out, MHD_HTTP_BAD_REQUEST, "a request with a body", "what is asked for stands in its address");
    else
        return false;
    return true;
}

static enum MHD_Result answer_call(struct http *http, struct call *call)
{
    struct MHD_Connection *connection = call->connection;
    struct http_answer answer = {0};
    int64_t began_us = clock_mono_us();
    struct http_request request = {.target = call->target,
                                   .host = header(connection, "Host"),
                                   .authorization = header(connection, "Authorization"),
                                   .if_none_match = header(connection, "If-None-Match"),
                                   .takes_gzip = takes_gzip(connection),
                                   .is_late = call->has_waited,
                                   .now_ms = began_us / 1000,
                                   .came_ms = call->came_ms};
    http->options.answer(http->options.arg, &request, &answer);
    http->busy_us += clock_mono_us() - began_us;
    if (answer.wait_ms && http->waiting_count < HTTP_WAITING_MOST) {
        wait_begin(http, call, &answer);
        return MHD_YES;
    }
    if (answer.wait_ms) {
        refuse(&answer, MHD_HTTP_SERVICE_UNAVAILABLE, "too many wait for news already",
               "close some of the dashboard's tabs");
        answer.retry_after = "5";
    }
    return send_answer(connection, &answer);
}

/* Called when a head is there, when all of the request is, and when it has waited. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **context)
{
    (void)url, (void)version, (void)upload, (void)upload_bytes;
    struct call *call = *context;
    struct peer *peer = peer_of(connection);
    struct http_answer answer;
    if (peer)
        peer->asked_by_ms = 0;
    if (call->is_read)
        return answer_call(arg, call);
    if (is_refused(connection, method, &answer))
        return send_answer(connection, &answer);
    call->is_read = true;
    return MHD_YES;
}

/* ---- the loop ---- */

static void log_it(void *arg, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
static void log_it(void *arg, const char *fmt, va_list args)
{
    char text[512];
    (void)arg;
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http: %s", text);
}

int http_new(const struct http_options *options, struct http **out, struct err *err)
{
    struct http *http = xcalloc(1, sizeof *http);
    http->options = *options;
    http->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
                         on_request, http, MHD_OPTION_EXTERNAL_LOGGER, log_it, NULL,   //
                         MHD_OPTION_LISTEN_SOCKET, options->socket,                    //
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MOST, //
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_SILENT_S,       //
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_BYTES,  //
                         MHD_OPTION_STRICT_FOR_CLIENT, 1,                              //
                         MHD_OPTION_URI_LOG_CALLBACK, call_new, NULL, MHD_OPTION_NOTIFY_COMPLETED, call_ended,
                         http, MHD_OPTION_NOTIFY_CONNECTION, peer_notified, http, MHD_OPTION_END);
    if (!http->daemon) {
        close(options->socket);
        free(http);
        return err_set(err, ERR_IO, "cannot serve HTTP (no epoll, or too few descriptors)");
    }
    *out = http;
    return 0;
}

static int64_t next_wait(const struct http *http, int64_t wait_ms)
{
    int64_t now = clock_mono_ms();
    MHD_UNSIGNED_LONG_LONG wanted;
    if (MHD_get_timeout(http->daemon, &wanted) == MHD_YES && (int64_t)wanted < wait_ms)
        wait_ms = (int64_t)wanted;
    for (const struct call *call = http->waiting; call; call = call->next)
        if (call->until_ms - now < wait_ms)
            wait_ms = call->until_ms > now ? call->until_ms - now : 0;
    if ((http->waiting || http->peers) && wait_ms > HTTP_LOOK_MS)
        wait_ms = HTTP_LOOK_MS;
    return wait_ms;
}

int http_turn(struct http *http, int64_t wait_ms, int watch, struct err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[] = {{.fd = info->epoll_fd, .events = POLLIN}, {.fd = watch, .events = POLLIN}};
    if (poll(fds, 2, (int)next_wait(http, wait_ms)) < 0 && errno != EINTR)
        return err_errno(err, "poll");
    int64_t now = clock_mono_ms();
    look(http, now);
    end_slow_peers(http, now);
    if (MHD_run(http->daemon) != MHD_YES)
        return err_set(err, ERR_IO, "HTTP came to an end");
    return 0;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    while (http->waiting) {
        struct call *call = http->waiting;
        wait_end(http, call);
        MHD_resume_connection(call->connection);
    }
    MHD_stop_daemon(http->daemon);
    free(http);
}
