/* dash_party: a dashboard as a real process, a study that has ended for it to show, and questions with its key. Include it
 * after cmocka.h; pass make_finished and drop_finished to cmocka_run_group_tests. */
#ifndef HONE_TESTS_E2E_DASH_PARTY_H
#define HONE_TESTS_E2E_DASH_PARTY_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/tools/place.h"
#include "tests/tools/visitor.h"

static const char quick_study[] =
    "{\"study\":\"q\",\"metric\":{\"name\":\"val_acc\",\"goal\":\"maximize\"},"
    "\"trainer\":{\"builtin\":\"mlp\",\"data\":\"spiral:n=200\"},"
    "\"space\":{\"lr\":{\"log\":[1e-4,1]},\"optimizer\":{\"choice\":[\"sgd\",\"momentum\"]},"
    "\"momentum\":{\"choice\":[0.5,0.9],\"when\":{\"optimizer\":\"momentum\"}}},"
    "\"search\":{\"method\":\"random\",\"trials\":12,\"epochs\":3,\"seed\":1}}";

struct dash {
    struct proc proc;
    int port;
    char key[256]; /* the header that lets in */
};

static struct place finished; /* study q, ended: nothing here changes it */

static inline void dash_read_line(struct dash *d, const char *text)
{
    const char *at = strstr(text, "http://127.0.0.1:"), *token = at ? strstr(at, "/#token=") : NULL;
    assert_non_null(token);
    d->port = atoi(at + 17);
    token += 8;
    snprintf(d->key, sizeof d->key, "Authorization: Bearer %.*s\r\n", (int)strcspn(token, "\r\n"), token);
}

static inline void dash_start(struct dash *d, const char *db)
{
    START(&d->proc, NULL, "hone", "dash", "--db", db, "--port", "0");
    proc_await_text(&d->proc, "#token=");
    while (!strchr(strstr(str_text(&d->proc.out), "#token="), '\n'))
        proc_drain(&d->proc);
    dash_read_line(d, str_text(&d->proc.out));
}

static inline void dash_end(struct dash *d)
{
    proc_signal(&d->proc, SIGTERM);
    assert_int_equal(proc_wait(&d->proc), 0);
    proc_fini(&d->proc);
}

static inline void ask(const struct dash *d, const char *target, struct heard *out)
{
    visitor_ask(d->port, "GET", target, d->key, out);
}

static inline void expect_status(int port, const char *method, const char *target, const char *headers,
                                 int status)
{
    struct heard heard;
    visitor_ask(port, method, target, headers, &heard);
    if (heard.status != status)
        fail_msg("%s %.80s: %d, not %d: %s", method, target, heard.status, status, str_text(&heard.body));
    heard_fini(&heard);
}

/* The answer as JSON; the caller frees it. */
static inline struct json *ask_json(const struct dash *d, const char *target)
{
    struct heard heard;
    struct err err = ERR_NONE;
    ask(d, target, &heard);
    if (heard.status != 200)
        fail_msg("%s: %d %s", target, heard.status, str_text(&heard.body));
    assert_true(heard_header(&heard, "Content-Type", "application/json"));
    struct json *json = json_parse(heard.body.text, heard.body.len, target, &err);
    if (!json)
        fail_msg("%s", err.text);
    heard_fini(&heard);
    return json;
}

static inline int make_finished(void **state)
{
    (void)state;
    place_init(&finished, quick_study);
    return RUN(finished.scratch.folder, NULL, "hone", "run", "study.json", "--db", finished.db, "-w", "1",
               "-q", "--no-check");
}

static inline int drop_finished(void **state)
{
    (void)state;
    place_fini(&finished);
    return 0;
}

#endif
