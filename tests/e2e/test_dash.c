/* The dashboard as a real process: who is let in, what it says, and what it does not put up with. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "tests/e2e/dash_party.h"
#include "web/http.h"

/* ---- who is let in ---- */

static void nobody_reads_without_the_token(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/api/studies",           "/api/study?name=q", "/api/trials?study=q",
        "/api/workers",           "/api/changes",      "/api/walls?study=q",
        "/api/events?study=q",    "/api/curves",       "/api/trial?study=q&trial=1",
        "/api/importance?study=q"};
    struct dash d, other;
    struct heard heard;
    dash_start(&d, finished.db);
    dash_start(&other, finished.db);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        expect_status(d.port, "GET", paths[i], "", 401);
        expect_status(d.port, "HEAD", paths[i], "", 401);
        expect_status(d.port, "GET", paths[i], "Authorization: Bearer 0123456789\r\n", 401);
        expect_status(d.port, "GET", paths[i], other.key, 401); // of another dashboard
    }
    visitor_ask(d.port, "GET", "/api/studies?token=x", "Cookie: token=x\r\n", &heard);
    assert_int_equal(heard.status, 401);
    assert_true(heard_header(&heard, "WWW-Authenticate", "Bearer"));
    assert_null(strstr(str_text(&heard.body), "q"));
    heard_fini(&heard);
    expect_status(d.port, "GET", "/api/studies", d.key, 200);
    dash_end(&d);
    dash_end(&other);
}

static void a_page_of_another_name_gets_nothing(void **state)
{
    (void)state;
    struct dash d;
    char headers[512];
    struct heard heard;
    dash_start(&d, finished.db);
    snprintf(headers, sizeof headers, "Host: rebound.example:%d\r\n%s", d.port, d.key);
    expect_status(d.port, "GET", "/api/studies", headers, 403);
    expect_status(d.port, "GET", "/", headers, 403);
    snprintf(headers, sizeof headers, "Host: localhost:9999\r\n%s", d.key); // through a tunnel
    expect_status(d.port, "GET", "/api/studies", headers, 200);
    visitor_ask(d.port, "GET", "/api/studies", d.key, &heard);
    assert_null(strstr(str_text(&heard.head), "Access-Control")); // no other page's script reads it
    assert_true(heard_header(&heard, "Cache-Control", "no-store"));
    assert_true(heard_header(&heard, "X-Content-Type-Options", "nosniff"));
    assert_true(heard_header(&heard, "Referrer-Policy", "no-referrer"));
    assert_non_null(
        strstr(str_text(&heard.head), "Content-Security-Policy: default-src 'none'; script-src 'self';"));
    heard_fini(&heard);
    int fd = visitor_connect(d.port);
    visitor_say(fd, "GET /api/studies HTTP/1.0\r\n\r\n"); // no Host at all
    visitor_hear(fd, &heard);
    assert_true(heard.status == 403 || heard.status == 400);
    heard_fini(&heard);
    close(fd);
    dash_end(&d);
}

/* In place of xdg-open a script that says, through a FIFO, what it was given and what stands in it. */
static void the_browser_is_given_a_file_of_its_owner(void **state)
{
    (void)state;
    static const char script[] = "#!/bin/sh\n{ stat -c '%a %n' \"$1\"; cat \"$1\"; } > said\n";
    struct place p;
    struct dash d;
    struct str said = {0}, line = {0};
    struct err err = ERR_NONE;
    char path[4096], fifo[160], mode[8], file[200] = "", token[64];
    place_init(&p, quick_study);
    scratch_text(&p.scratch, "xdg-open", script);
    snprintf(path, sizeof path, "%s/xdg-open", p.scratch.folder);
    assert_int_equal(chmod(path, 0700), 0);
    snprintf(fifo, sizeof fifo, "%s/said", p.scratch.folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    char *before = xstrdup(getenv("PATH"));
    snprintf(path, sizeof path, "%s:%s", p.scratch.folder, before);
    setenv("PATH", path, 1);
    setenv("XDG_RUNTIME_DIR", p.scratch.folder, 1);
    START(&d.proc, p.scratch.folder, "hone", "dash", "--db", finished.db, "--port", "0", "--open");
    setenv("PATH", before, 1);
    unsetenv("XDG_RUNTIME_DIR");
    int fd = open(fifo, O_RDONLY);
    char bytes[1024];
    for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;)
        str_addn(&said, bytes, (size_t)got);
    close(fd);
    proc_drain(&d.proc);
    dash_read_line(&d, str_text(&d.proc.out));
    assert_int_equal(sscanf(str_text(&said), "%7s %199s", mode, file), 2);
    assert_string_equal(mode, "600");
    assert_int_equal(sscanf(d.key, "Authorization: Bearer %63s", token), 1);
    assert_non_null(strstr(str_text(&said), token)); // leads on to the page
    assert_null(strstr(file, token));
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)d.proc.pid);
    assert_int_equal(file_read(path, 4096, &line, &err), 0);
    assert_null(memmem(line.text, line.len, token, strlen(token)));
    assert_true(file_exists(file));
    dash_end(&d);
    assert_false(file_exists(file));
    free(before);
    str_fini(&said);
    str_fini(&line);
    place_fini(&p);
}

static void it_is_for_reading(void **state)
{
    (void)state;
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"};
    struct dash d;
    struct heard get, head;
    char headers[512];
    dash_start(&d, finished.db);
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        expect_status(d.port, methods[i], "/api/studies", d.key, 405);
    snprintf(headers, sizeof headers, "%sContent-Length: 1000000000\r\n",
             d.key); // and never reads what comes with it
    expect_status(d.port, "POST", "/api/studies", headers, 405);
    expect_status(d.port, "GET", "/api/studies", headers, 400);
    snprintf(headers, sizeof headers, "%sTransfer-Encoding: chunked\r\n", d.key);
    expect_status(d.port, "GET", "/api/studies", headers, 400);
    ask(&d, "/api/workers", &get);
    visitor_ask(d.port, "HEAD", "/api/workers", d.key, &head);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.body.len, 0);
    snprintf(headers, sizeof headers, "%zu", get.body.len);
    assert_true(heard_header(&head, "Content-Length", headers));
    heard_fini(&get);
    heard_fini(&head);
    dash_end(&d);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int status;
    } asked[] = {{"/api/nothing", 404},
                 {"/..%2f..%2fetc/passwd", 404},
                 {"/api/trials", 400},
                 {"/api/trials?study=", 400},
                 {"/api/trials?study=none", 404},
                 {"/api/trials?study=q&study=q", 400},
                 {"/api/trials?study=%00", 400},
                 {"/api/trials?study=q'%20OR%201=1--", 404},
                 {"/api/trial?study=q&trial=13", 404},
                 {"/api/trial?study=q&trial=-1", 400},
                 {"/api/trial?study=q&trial=4294967296", 400},
                 {"/api/curves?study=q&trials=1,x", 400},
                 {"/api/events?study=q&after=1e9", 400},
                 {"/api/changes?wait=31", 400}};
    struct dash d;
    struct str longest = {0};
    dash_start(&d, finished.db);
    for (size_t i = 0; i < COUNT_OF(asked); i++)
        expect_status(d.port, "GET", asked[i].target, d.key, asked[i].status);
    str_add(&longest, "/api/curves?study=q&trials=1");
    for (int i = 0; i < 200; i++)
        str_addf(&longest, ",%d", i + 2);
    expect_status(d.port, "GET", str_text(&longest), d.key, 400); // 201 of them
    while (longest.len < 5000)
        str_addc(&longest, '1');
    expect_status(d.port, "GET", str_text(&longest), d.key, 400);
    expect_status(d.port, "GET", "/api/studies", d.key, 200);
    str_fini(&longest);
    dash_end(&d);
}

/* ---- what it says ---- */

/* What the command line prints with --json, and the member of the answer, are the same. */
static void expect_same(const struct dash *d, const char *target, const char *member,
                        const char *const argv[])
{
    struct str out = {0}, path = {0};
    struct err err = ERR_NONE;
    assert_int_equal(run_in(finished.scratch.folder, &out, argv), 0);
    struct json *printed = json_parse(out.text, out.len, "printed", &err), *answered = ask_json(d, target);
    if (!printed || !json_same(printed, json_get(answered, member), &path))
        fail_msg("%s: %s differs: %s%s", target, member, str_text(&path), err.text);
    json_free(printed);
    json_free(answered);
    str_fini(&out);
    str_fini(&path);
}

static void it_says_what_the_commands_say(void **state)
{
    (void)state;
    struct dash d;
    struct str out = {0}, path = {0};
    dash_start(&d, finished.db);
    expect_same(&d, "/api/workers", "workers",
                (const char *const[]){"hone", "workers", "--all", "--json", "--db", finished.db, NULL});
    expect_same(&d, "/api/importance?study=q", "importance",
                (const char *const[]){"hone", "importance", "q", "--json", "--db", finished.db, NULL});
    assert_int_equal(RUN(finished.scratch.folder, &out, "hone", "show", "q/3", "--json", "--db", finished.db),
                     0);
    struct json *shown = json_parse(out.text, out.len, "show", NULL),
                *one = ask_json(&d, "/api/trial?study=q&trial=3");
    static const char *const members[] = {"trial",    "params", "lineage",    "attempts",
                                          "findings", "events", "checkpoints"};
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (!json_same(json_get(shown, members[i]), json_get(one, members[i]), &path))
            fail_msg("%s: %s", members[i], str_text(&path));
    assert_int_equal(json_count(json_get(json_get(one, "curves"), "val_acc")), 3);
    json_free(shown);
    json_free(one);
    str_fini(&out);
    str_fini(&path);
    dash_end(&d);
}

static void a_study_comes_with_its_space_and_its_trials(void **state)
{
    (void)state;
    struct dash d;
    dash_start(&d, finished.db);
    struct json *study = ask_json(&d, "/api/study?name=q"), *trials = ask_json(&d, "/api/trials?study=q"),
                *curves = ask_json(&d, "/api/curves?study=q&trials=1,12&metric=train_loss"),
                *events = ask_json(&d, "/api/events?study=q");
    struct json *studies = ask_json(&d, "/api/studies");
    assert_string_equal(json_text(json_get(studies, "master")), "none");
    json_free(studies);
    assert_string_equal(json_text(json_get(study, "state")), "ended");
    assert_true(json_num(json_get(json_get(study, "counts"), "complete")) == 12);
    const struct json *lr = json_at(json_get(study, "space"), 0),
                      *momentum = json_at(json_get(study, "space"), 2);
    assert_string_equal(json_text(json_get(lr, "scale")), "log");
    assert_true(json_num(json_get(lr, "box_low")) == 1e-4 && json_num(json_get(lr, "high")) == 1);
    assert_string_equal(json_text(json_get(momentum, "kind")), "choice");
    assert_non_null(json_get(json_get(momentum, "when"), "optimizer"));
    assert_int_equal(json_count(json_get(trials, "trials")), 12);
    assert_true(json_bool(json_get(trials, "all")));
    int without = 0;
    for (const struct json *t = json_first(json_get(trials, "trials")); t; t = json_next(t)) {
        const struct json *value = json_get(json_get(t, "params"), "momentum");
        assert_non_null(value); // off is null, not absent
        without += json_type(value) == JSON_NULL;
        assert_int_equal(json_count(json_get(t, "values")), 1);
    }
    assert_in_range(without, 1, 11);
    assert_int_equal(json_count(json_get(curves, "curves")), 2);
    assert_int_equal(json_count(json_get(json_get(curves, "curves"), "12")), 3);
    int moves = 0;
    for (const struct json *e = json_first(json_get(events, "events")); e; e = json_next(e))
        moves += strcmp(json_text(json_get(e, "kind")), "move") == 0;
    assert_int_equal(moves, 36); // sampled, dispatched, finished
    struct json *attempts = ask_json(&d, "/api/attempts?study=q&most=5");
    assert_int_equal(json_count(json_get(attempts, "attempts")), 5); // the newest, in their order
    assert_true(json_num(json_get(json_at(json_get(attempts, "attempts"), 4), "trial")) == 12);
    json_free(attempts);
    json_free(study);
    json_free(trials);
    json_free(curves);
    json_free(events);
    dash_end(&d);
}

static void what_is_unchanged_is_not_sent_again(void **state)
{
    (void)state;
    struct dash d;
    struct heard first, second;
    char headers[512], target[256], etag[64] = "";
    dash_start(&d, finished.db);
    visitor_ask(d.port, "GET", "/", "Accept-Encoding: gzip\r\n", &first);
    assert_int_equal(first.status, 200);
    assert_true(heard_header(&first, "Content-Encoding", "gzip"));
    assert_int_equal(sscanf(strstr(first.head.text, "ETag: ") + 6, "%63[^\r]", etag), 1);
    snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", etag);
    visitor_ask(d.port, "GET", "/", headers, &second);
    assert_int_equal(second.status, 304);
    assert_int_equal(second.body.len, 0);
    heard_fini(&first);
    heard_fini(&second);
    expect_status(d.port, "GET", "/", "If-None-Match: \"0\"\r\n", 200);

    struct json *all = ask_json(&d, "/api/trials?study=q");
    snprintf(target, sizeof target, "/api/trials?study=q&after=%s", json_text(json_get(all, "version")));
    struct json *since = ask_json(&d, target);
    assert_int_equal(json_count(json_get(since, "trials")), 0);
    assert_false(json_bool(json_get(since, "all")));
    json_free(all);
    json_free(since);
    dash_end(&d);
}

static void a_deleted_trial_is_gone(void **state)
{
    (void)state;
    struct place p;
    struct dash d;
    char target[256];
    place_init(&p, quick_study);
    assert_int_equal(RUN(p.scratch.folder, NULL, "cp", finished.db, "hone.db"), 0);
    dash_start(&d, p.db);
    struct json *before = ask_json(&d, "/api/trials?study=q");
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "delete", "q/3", "--db", p.db), 0);
    snprintf(target, sizeof target, "/api/trials?study=q&after=%s", json_text(json_get(before, "version")));
    struct json *after = ask_json(&d, target);
    assert_true(json_bool(json_get(after, "all"))); // there is no other way to say that one is missing
    assert_int_equal(json_count(json_get(after, "trials")), 11);
    json_free(before);
    json_free(after);
    dash_end(&d);
    place_fini(&p);
}

/* Two metrics, a wall that moved, and too few trials for importance. */
static void walls_and_further_metrics_are_told(void **state)
{
    (void)state;
    static const char two[] =
        "metric=[{\"name\":\"val_acc\",\"goal\":\"maximize\"},{\"name\":\"seconds\",\"goal\":"
        "\"minimize\"}]";
    struct place p;
    struct dash d;
    struct str text = {0};
    char *here = path_absolute("examples/walls.json");
    place_init(&p, quick_study);
    assert_int_equal(
        RUN(p.scratch.folder, NULL, "hone", "run", here, "--db", p.db, "-w", "1", "-q", "--no-check"), 0);
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "run", "study.json", "--db", p.db, "-w", "1", "-q",
                         "--no-check", "--set", two, "--set", "search.trials=5"),
                     0);
    dash_start(&d, p.db);
    struct json *walls = ask_json(&d, "/api/walls?study=walls"),
                *study = ask_json(&d, "/api/study?name=walls");
    const struct json *events = json_get(walls, "events");
    assert_true(json_count(events) > 0);
    db_text(p.db, "SELECT text FROM box_event ORDER BY seq LIMIT 1", &text);
    assert_string_equal(json_text(json_get(json_at(events, 0), "text")), str_text(&text));
    str_clear(&text);
    db_text(p.db, "SELECT json_extract(walls, '$.lr.high') FROM box ORDER BY seq DESC LIMIT 1", &text);
    double now = json_num(json_get(json_at(json_get(study, "space"), 0), "box_high"));
    assert_true(now > 1e-4 && fabs(now - strtod(str_text(&text), NULL)) < 1e-12 * now);

    struct json *trials = ask_json(&d, "/api/trials?study=q"),
                *matter = ask_json(&d, "/api/importance?study=q");
    const struct json *values = json_get(json_at(json_get(trials, "trials"), 0), "values");
    assert_int_equal(json_count(values), 2);
    assert_true(json_num(json_at(values, 1)) > 0);
    assert_int_equal(json_count(json_get(matter, "importance")), 0);
    assert_non_null(strstr(json_text(json_get(matter, "note")), "needs 10"));
    json_free(walls);
    json_free(study);
    json_free(trials);
    json_free(matter);
    str_fini(&text);
    free(here);
    dash_end(&d);
    place_fini(&p);
}

/* ---- crowds, and those who never finish ---- */

static void a_head_without_an_end_is_cut_off(void **state)
{
    (void)state;
    struct dash d;
    struct heard heard;
    struct str huge = {0};
    dash_start(&d, finished.db);
    str_add(&huge, "X-Long: ");
    while (huge.len < 4 * HTTP_HEAD_BYTES)
        str_add(&huge, "aaaaaaaaaaaaaaaa");
    str_add(&huge, "\r\n");
    visitor_ask(d.port, "GET", "/api/studies", str_text(&huge), &heard);
    assert_true(heard.status == 431 || heard.status == 413 ||
                heard.status == 0); // 0: reset while we still spoke
    heard_fini(&heard);
    int fd = visitor_connect(d.port);
    struct pollfd in = {.fd = fd, .events = POLLIN};
    visitor_say(fd, "GET / HTTP/1.1\r\nX: ");
    int drops = 0;
    while (poll(&in, 1, 500) == 0 && drops++ < 240) // a byte now and then: never silent for long
        visitor_say(fd, "a");
    assert_in_range(drops, 1, 239);
    visitor_hear(fd, &heard);
    assert_int_equal(heard.status, 0);
    heard_fini(&heard);
    close(fd);
    expect_status(d.port, "GET", "/api/studies", d.key, 200);
    str_fini(&huge);
    dash_end(&d);
}

enum { CROWD = 200 };

static void two_hundred_connections_leave_room_for_one_more(void **state)
{
    (void)state;
    struct dash d;
    int fds[CROWD];
    struct heard heard;
    char text[512];
    dash_start(&d, finished.db);
    for (int i = 0; i < CROWD; i++)
        fds[i] = visitor_connect(d.port);
    expect_status(d.port, "GET", "/api/studies", d.key, 200);
    snprintf(text, sizeof text,
             "GET /api/trials?study=q HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", d.key);
    for (int i = 0; i < CROWD; i++)
        visitor_say(fds[i], text);
    for (int i = 0; i < CROWD; i++) {
        visitor_hear(fds[i], &heard);
        assert_int_equal(heard.status, 200);
        heard_fini(&heard);
        close(fds[i]);
    }
    dash_end(&d);
}

/* As many as may wait do, one more is told to come back; nobody else notices. All are answered when it ends. */
static void those_who_wait_are_counted(void **state)
{
    (void)state;
    struct dash d;
    int fds[HTTP_WAITING_MOST];
    char text[512], version[128];
    struct heard heard;
    dash_start(&d, finished.db);
    struct json *now = ask_json(&d, "/api/changes?wait=0");
    snprintf(version, sizeof version, "%s", json_text(json_get(now, "version")));
    json_free(now);
    snprintf(text, sizeof text, "GET /api/changes?since=%s&wait=30 HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
             version, d.key);
    for (int i = 0; i < HTTP_WAITING_MOST; i++) {
        fds[i] = visitor_connect(d.port);
        visitor_say(fds[i], text);
    }
    bool refused = false;
    for (int tries = 0; tries < 100 && !refused; tries++) { // until the last of them was read
        ask(&d, "/api/changes?since=x&wait=1", &heard);
        refused = heard.status == 503 && heard_header(&heard, "Retry-After", "5");
        heard_fini(&heard);
    }
    assert_true(refused);
    expect_status(d.port, "GET", "/api/studies", d.key, 200);
    dash_end(&d); // does not wait for them
    for (int i = 0; i < HTTP_WAITING_MOST; i++)
        close(fds[i]);
}

/* ---- and its database ---- */

static void the_database_is_closed_between_requests(void **state)
{
    (void)state;
    struct dash d;
    char path[160];
    dash_start(&d, finished.db);
    struct json *all = ask_json(&d, "/api/trials?study=q");
    json_free(all);
    snprintf(path, sizeof path, "/proc/%d/fd", (int)d.proc.pid);
    for (int fd = 3; fd < 64; fd++) {
        char name[200], to[256] = "";
        snprintf(name, sizeof name, "%s/%d", path, fd);
        if (readlink(name, to, sizeof to - 1) > 0 && strstr(to, "hone.db"))
            fail_msg("%s is open", to);
    }
    dash_end(&d);
}

static void a_database_that_goes_is_missed_and_found_again(void **state)
{
    (void)state;
    struct place p;
    struct dash d;
    struct heard heard;
    char away[160];
    place_init(&p, quick_study);
    assert_int_equal(RUN(p.scratch.folder, NULL, "cp", finished.db, "hone.db"), 0);
    dash_start(&d, p.db);
    snprintf(away, sizeof away, "%s.away", p.db);
    assert_int_equal(rename(p.db, away), 0);
    ask(&d, "/api/studies", &heard);
    assert_int_equal(heard.status, 503);
    assert_non_null(strstr(str_text(&heard.body), "there is no database"));
    heard_fini(&heard);
    expect_status(d.port, "GET", "/api/changes?since=x&wait=1", d.key, 503);
    expect_status(d.port, "GET", "/", "", 200);
    scratch_text(&p.scratch, "hone.db", "not a database at all, whatever its name says");
    expect_status(d.port, "GET", "/api/studies", d.key, 503);
    assert_int_equal(rename(away, p.db), 0);
    expect_status(d.port, "GET", "/api/studies", d.key, 200);
    db_change(p.db, "PRAGMA user_version = 1"); // of an older hone, or in the middle of its migration
    ask(&d, "/api/studies", &heard);
    assert_int_equal(heard.status, 503);
    assert_non_null(strstr(str_text(&heard.body), "older"));
    heard_fini(&heard);
    dash_end(&d);
    place_fini(&p);
}

static void no_database_is_no_dashboard(void **state)
{
    (void)state;
    struct str out = {0};
    assert_int_equal(RUN(finished.scratch.folder, &out, "hone", "dash", "--db", "none.db"), 3);
    assert_non_null(strstr(str_text(&out), "there is no database"));
    assert_int_equal(RUN(finished.scratch.folder, NULL, "hone", "dash", "--bind", "0.0.0.0:0", "--no-token"),
                     2);
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_reads_without_the_token),
        cmocka_unit_test(a_page_of_another_name_gets_nothing),
        cmocka_unit_test(the_browser_is_given_a_file_of_its_owner),
        cmocka_unit_test(it_is_for_reading),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(it_says_what_the_commands_say),
        cmocka_unit_test(a_study_comes_with_its_space_and_its_trials),
        cmocka_unit_test(what_is_unchanged_is_not_sent_again),
        cmocka_unit_test(a_deleted_trial_is_gone),
        cmocka_unit_test(walls_and_further_metrics_are_told),
        cmocka_unit_test(a_head_without_an_end_is_cut_off),
        cmocka_unit_test(two_hundred_connections_leave_room_for_one_more),
        cmocka_unit_test(those_who_wait_are_counted),
        cmocka_unit_test(the_database_is_closed_between_requests),
        cmocka_unit_test(a_database_that_goes_is_missed_and_found_again),
        cmocka_unit_test(no_database_is_no_dashboard),
    };
    return cmocka_run_group_tests(tests, make_finished, drop_finished);
}
