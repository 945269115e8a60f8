#include "web/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum { BACKLOG = 128 };

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
    if (answer->allow_retry)
        MHD_add_response_header(response, "Retry-After", answer->allow_retry);
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
        http->look_ms = now + HTTP_LOOK_MS;
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

static void refuse_text(struct http_answer *out, int status, const char *text)
{
    struct str body = {0};
    str_add(&body, text);
    *out = (struct http_answer){.status = status, .type = "application/json", .body = body_take(&body)};
}

static enum MHD_Result refuse_method(struct MHD_Connection *connection)
{
    struct http_answer answer;
    refuse_text(
        &answer, MHD_HTTP_METHOD_NOT_ALLOWED,
        "{\"error\":\"only GET and HEAD are possible here\",\"hint\":\"the dashboard changes nothing; the "
        "command line does\"}");
    return send_answer(connection, &answer);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **context)
{
    (void)url, (void)version, (void)upload;
    struct http *http = arg;
    struct call *call = *context;
    struct peer *peer = peer_of(connection);
    struct http_answer answer = {0};
    if (peer)
        peer->asked_by_ms = 0;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        *upload_bytes = 0;
        return refuse_method(connection);
    }
    if (!call->is_read) { // an answer now would close the connection after it
        call->is_read = true;
        return MHD_YES;
    }
    struct http_request request = {.target = call->target,
                                   .host = header(connection, "Host"),
                                   .authorization = header(connection, "Authorization"),
                                   .if_none_match = header(connection, "If-None-Match"),
                                   .takes_gzip = takes_gzip(connection),
                                   .is_late = call->has_waited,
                                   .now_ms = clock_mono_ms(),
                                   .came_ms = call->came_ms};
    http->options.answer(http->options.arg, &request, &answer);
    if (answer.wait_ms && http->waiting_count >= HTTP_WAITING_MOST) {
        refuse_text(
            &answer, MHD_HTTP_SERVICE_UNAVAILABLE,
            "{\"error\":\"too many wait for news already\",\"hint\":\"close some of the dashboard's tabs\"}");
        answer.allow_retry = "5";
    } else if (answer.wait_ms) {
        wait_begin(http, call, &answer);
        return MHD_YES;
    }
    return send_answer(connection, &answer);
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

/* ---- listening ---- */

static bool address_read(const char *address, int port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        *len = sizeof *four;
        return true;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    *len = sizeof *six;
    return inet_pton(AF_INET6, address, &six->sin6_addr) == 1;
}

static int port_of(int socket)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    getsockname(socket, (struct sockaddr *)&at, &len);
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

int http_listen(const char *address, int port, int *out_socket, int *out_port, struct err *err)
{
    struct sockaddr_storage at;
    socklen_t len;
    if (!address_read(address, port, &at, &len))
        return err_set(err, ERR_BAD, "\"%.60s\" is no IP address", address);
    int on = 1, fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, BACKLOG)) {
        int rc = errno == EADDRINUSE ? ERR_BUSY : ERR_REACH;
        err_errno(err, "%s port %d", address, port);
        close(fd);
        if (err)
            err->code = rc;
        return rc;
    }
    *out_socket = fd;
    *out_port = port_of(fd);
    return 0;
}
