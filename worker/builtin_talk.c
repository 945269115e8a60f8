#include "worker/builtin_talk.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"

enum { LINE_MAX_BYTES = 65536 };

void talk_say(struct talk *talk, struct str *line)
{
    str_addc(line, '\n');
    for (size_t at = 0; at < line->len;) {
        ssize_t put = write(talk->out, line->text + at, line->len - at);
        if (put < 0 && errno != EINTR) {
            talk->gone = true;
            break;
        }
        at += put > 0 ? (size_t)put : 0;
    }
    str_fini(line);
}

void talk_ready(struct talk *talk)
{
    struct str line = {0};
    str_add(&line, "{\"ready\":true}");
    talk_say(talk, &line);
}

void talk_done(struct talk *talk, const struct err *err)
{
    struct str line = {0};
    struct jw w = jw_to(&line);
    jw_object(&w, NULL);
    jw_bool(&w, "done", !err);
    if (err) {
        struct str text = {0};
        str_addf(&text, "%s%s%s", err->text, *err->hint ? "; " : "", err->hint);
        jw_text(&w, "cause", "error");
        jw_text(&w, "text", str_text(&text));
        str_fini(&text);
    }
    jw_close_object(&w);
    talk_say(talk, &line);
}

void talk_note(struct talk *talk, const char *fmt, ...)
{
    char text[1024];
    struct str line = {0};
    struct jw w = jw_to(&line);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    jw_object(&w, NULL);
    jw_text(&w, "note", text);
    jw_close_object(&w);
    talk_say(talk, &line);
}

void talk_listen(struct talk *talk, bool wait)
{
    struct pollfd ready = {.fd = talk->in, .events = POLLIN};
    char chunk[4096];
    if (talk->gone || (!wait && poll(&ready, 1, 0) <= 0))
        return;
    ssize_t got = read(talk->in, chunk, sizeof chunk);
    if (got > 0)
        str_addn(&talk->input, chunk, (size_t)got);
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        talk->gone = true;
    if (talk->input.len > LINE_MAX_BYTES && !memchr(talk->input.text, '\n', talk->input.len))
        talk->gone = true; /* no slot writes such a line */
}

char *talk_line(const struct talk *talk)
{
    const char *end = talk->input.len ? memchr(talk->input.text, '\n', talk->input.len) : NULL;
    return end ? xstrndup(talk->input.text, (size_t)(end - talk->input.text)) : NULL;
}

void talk_drop(struct talk *talk, size_t len)
{
    struct str *input = &talk->input;
    memmove(input->text, input->text + len + 1, input->len - len);
    input->len -= len + 1;
}

static void hear_stop(struct talk *talk, const char *how)
{
    if (strcmp(how, "now") == 0)
        talk->stop_now = true;
    else
        talk->stop_epoch = true;
}

bool talk_interrupted(void *arg)
{
    struct talk *talk = arg;
    talk_listen(talk, false);
    for (char *line = talk_line(talk); line; line = talk_line(talk)) {
        struct json *message = json_parse(line, strlen(line), "slot", NULL);
        bool is_job = json_get(message, "job") || json_get(message, "check");
        if (json_get(message, "stop"))
            hear_stop(talk, json_text(json_get(message, "stop")));
        json_free(message);
        if (!is_job)
            talk_drop(talk, strlen(line));
        free(line);
        if (is_job)
            break;
    }
    return talk->stop_now || talk->gone;
}
