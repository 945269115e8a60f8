/* The dashboard beside a search: it hears of every epoch, and holds up nobody. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "tests/e2e/dash_party.h"

struct search {
    struct place place;
    struct proc master, worker;
};

static void search_start(struct search *s)
{
    place_init(&s->place, place_long_study);
    place_master(&s->master, &s->place);
    place_worker(&s->worker, &s->place, "w1");
    db_await(s->place.db, "SELECT count(*) > 0 FROM epoch");
}

static void search_end(struct search *s)
{
    assert_true(is_alive(s->master.pid));
    proc_fini(&s->master);
    proc_fini(&s->worker);
    place_fini(&s->place);
}

static void who_waits_hears_of_every_epoch(void **state)
{
    (void)state;
    struct search s;
    struct dash d;
    char target[256], version[128] = "";
    search_start(&s);
    dash_start(&d, s.place.db);
    for (int i = 0; i < 5; i++) {
        snprintf(target, sizeof target, "/api/changes?since=%s&wait=30", version);
        struct json *news = ask_json(&d, target);
        assert_string_not_equal(json_text(json_get(news, "version")), version);
        snprintf(target, sizeof target, "/api/trials?study=s&after=%s", version);
        struct json *trials = ask_json(&d, target);
        assert_int_equal(json_bool(json_get(trials, "all")), i == 0);
        assert_true(json_count(json_get(trials, "trials")) > 0); // the one that runs
        snprintf(version, sizeof version, "%s", json_text(json_get(news, "version")));
        json_free(news);
        json_free(trials);
    }
    dash_end(&d);
    search_end(&s);
}

/* A thousand requests, and some that wait, while a study runs; then dozens who take nothing of what they asked for. The
 * search goes on under all of it, the WAL is folded back, and the file is one file in the end. */
static void browsers_never_hold_up_a_trial(void **state)
{
    (void)state;
    static const char *const paths[] = {"/api/studies",
                                        "/api/trials?study=s",
                                        "/api/study?name=s",
                                        "/api/events?study=s",
                                        "/api/curves?study=s&trials=1,2,3,4,5",
                                        "/api/importance?study=s"};
    struct search s;
    struct dash d;
    int deaf[50];
    char text[512], sql[128];
    search_start(&s);
    dash_start(&d, s.place.db);
    int64_t before = db_int(s.place.db, "SELECT count(*) FROM epoch");
    for (int i = 0; i < 1000; i++) {
        const char *path = paths[i % 100 == 0 ? 5 : i % 5];
        expect_status(d.port, "GET", path, d.key, 200);
    }
    snprintf(sql, sizeof sql, "SELECT count(*) > %lld FROM epoch", (long long)before);
    db_await(s.place.db, sql);
    for (size_t i = 0; i < COUNT_OF(deaf); i++) {
        deaf[i] = visitor_connect(d.port);
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", paths[i % 5], d.key);
        for (int again = 0; again < 20; again++)
            visitor_say(deaf[i], text);
    }
    before = db_int(s.place.db, "SELECT count(*) FROM epoch");
    snprintf(sql, sizeof sql, "SELECT count(*) > %lld FROM epoch", (long long)before + 20);
    db_await(s.place.db, sql);
    proc_signal(&d.proc, SIGSTOP); // held in the middle of whatever it does
    before = db_int(s.place.db, "SELECT count(*) FROM epoch");
    snprintf(sql, sizeof sql, "SELECT count(*) > %lld FROM epoch", (long long)before + 20);
    db_await(s.place.db, sql);
    proc_signal(&d.proc, SIGCONT);
    for (size_t i = 0; i < COUNT_OF(deaf); i++)
        close(deaf[i]);
    dash_end(&d);
    search_end(&s);
}

/* ---- --http ---- */

static void it_comes_and_goes_with_the_search(void **state)
{
    (void)state;
    struct place p;
    struct proc run;
    struct dash d = {0};
    pid_t child[2];
    char line[200];
    place_init(&p, place_long_study);
    START(&run, p.scratch.folder, "hone", "run", "study.json", "--db", p.db, "-w", "1", "-q", "--http=0",
          "--no-check");
    proc_await_text(&run, "#token=");
    db_await(p.db, "SELECT count(*) > 0 FROM epoch");
    proc_drain(&run);
    dash_read_line(&d, str_text(&run.out));
    struct json *studies = ask_json(&d, "/api/studies");
    assert_string_equal(json_text(json_get(studies, "master")), "here");
    json_free(studies);
    snprintf(line, sizeof line, "dash --db %s --until-eof", p.db);
    assert_int_equal(find_processes(line, child, 2), 1);
    proc_signal(&run, SIGTERM);
    assert_int_equal(proc_wait(&run), 143);
    await_gone(child[0]);
    char wal[160];
    snprintf(wal, sizeof wal, "%s-wal", p.db);
    assert_false(file_exists(wal)); // nobody kept it open
    proc_fini(&run);

    START(&run, p.scratch.folder, "hone", "master", "--db", p.db, "--bind", p.address, "--http=0");
    proc_await_text(&run, "dashboard: http://127.0.0.1:");
    assert_int_equal(find_processes(line, child, 2), 1);
    proc_signal(&run, SIGKILL);
    proc_wait(&run);
    await_gone(child[0]);
    proc_fini(&run);
    place_fini(&p);
}

/* A port that is taken is said, and costs nothing but the dashboard. */
static void a_search_goes_on_without_its_dashboard(void **state)
{
    (void)state;
    struct place p;
    struct dash d;
    struct str out = {0};
    char http[32];
    dash_start(&d, finished.db);
    place_init(&p, quick_study);
    snprintf(http, sizeof http, "--http=%d", d.port);
    assert_int_equal(
        RUN(p.scratch.folder, &out, "hone", "run", "study.json", "--db", p.db, "-w", "1", "--no-check", http),
        0);
    assert_non_null(strstr(str_text(&out), "no dashboard"));
    str_fini(&out);
    place_fini(&p);
    dash_end(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_waits_hears_of_every_epoch),
        cmocka_unit_test(browsers_never_hold_up_a_trial),
        cmocka_unit_test(it_comes_and_goes_with_the_search),
        cmocka_unit_test(a_search_goes_on_without_its_dashboard),
    };
    return cmocka_run_group_tests(tests, make_finished, drop_finished);
}
