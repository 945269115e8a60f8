/* More of those who would get in: a viewer who writes SQL, a master without keys on another host that sends a worker
 * commands to run, and a worker who says what it likes of a log. */
#include "tests/fault/siege.h"

/* ---- SQL of a peer ---- */

static void query(struct caller *peer, const char *sql, struct msg *answer)
{
    struct msg msg = {.kind = MSG_call, .call.id = 1};
    struct str args = {0};
    struct jw w = jw_to(&args);
    jw_object(&w, NULL);
    jw_text(&w, "sql", sql);
    jw_close_object(&w);
    str_copy(msg.call.verb, sizeof msg.call.verb, "query");
    msg.call.args = json_parse(str_text(&args), args.len, "args", NULL);
    wire_send(peer->wire, 0, &msg);
    msg_fini(&msg);
    str_fini(&args);
    peer_expect(peer, MSG_answer, answer);
}

static void a_viewers_sql_reads_and_does_nothing_else(void **state)
{
    (void)state;
    static const char *const sql[] = {
        "DELETE FROM study",
        "UPDATE study SET wish = 'stop'",
        "INSERT INTO meta VALUES ('address', 'tcp://6.6.6.6:7077')",
        "DROP TABLE trial",
        "SELECT 1; DELETE FROM study",
        "ATTACH '/etc/passwd' AS p",
        "ATTACH 'pwned.db' AS p",
        "VACUUM INTO 'pwned.db'",
        "PRAGMA writable_schema = 1",
        "PRAGMA journal_mode = DELETE",
        "SELECT load_extension('/tmp/evil.so')",
        "SELECT writefile('pwned.db', 'x')",
        "BEGIN IMMEDIATE",
        "WITH c(x) AS (SELECT 1) DELETE FROM study WHERE id IN (SELECT x FROM c)",
        "",
        "'",
    };
    struct place p;
    struct caller viewer;
    struct msg answer;
    place_init(&p);
    make_folder(&p, "viewer", "k", "k", "viewer");
    peer_open(&viewer, &p, "viewer", ROLE_VIEWER);
    peer_up(&viewer);
    for (size_t i = 0; i < COUNT_OF(sql); i++) {
        query(&viewer, sql[i], &answer);
        if (!answer.answer.code)
            fail_msg("\"%s\" is taken", sql[i]);
        msg_fini(&answer);
    }
    query(&viewer, "SELECT count(*) FROM study", &answer);
    assert_int_equal(answer.answer.code, 0);
    msg_fini(&answer);
    char *pwned = path_join(p.scratch.folder, "pwned.db");
    assert_false(file_exists(pwned));
    free(pwned);
    expect_running(&p);
    expect_serving(&p);
    peer_close(&viewer);
    place_fini(&p);
}

/* ---- a master that nobody knows ---- */

/* In a network namespace of its own, where 10.77.0.1 is as good as another host's address. */
static const char elsewhere[] = "ip link set lo up && ip addr add 10.77.0.1/32 dev lo || exit 77\n"
                                "$HONE master evil.json --no-check --insecure --bind tcp://10.77.0.1:7077 &\n"
                                "master=$!\n"
                                "$HONE worker tcp://10.77.0.1:7077 --keys none --name w1 &\n"
                                "worker=$!\n"
                                "wait $master\n"
                                "kill $worker; wait $worker\n";

static bool has_namespaces(const struct scratch *scratch)
{
    return RUN(scratch->folder, NULL, "unshare", "-rn", "sh", "-c",
               "ip link set lo up && ip addr add 10.77.0.1/32 dev lo") == 0;
}

static void without_keys_another_hosts_master_runs_no_command_here(void **state)
{
    (void)state;
    struct scratch scratch;
    struct proc net;
    char db[128];
    scratch_init(&scratch);
    if (!has_namespaces(&scratch)) {
        scratch_fini(&scratch);
        print_message("# skip: no network namespaces of one's own here (unshare -rn, ip)\n");
        skip();
    }
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    scratch_text(
        &scratch, "evil.json",
        "{ \"study\": \"evil\", \"metric\": {\"name\": \"m\", \"goal\": \"maximize\"}, \"trainer\": "
        "{\"command\": [\"touch\", \"pwned\"]}, \"space\": {\"x\": {\"uniform\": [0, 1]}},"
        " \"search\": {\"method\": \"random\", \"trials\": 1, \"epochs\": 1}, \"max_attempts\": 1 }");
    scratch_text(&scratch, "elsewhere.sh", elsewhere);
    name_the_executable();
    START(&net, scratch.folder, "unshare", "-rn", "--kill-child", "sh", "elsewhere.sh");
    db_await(db, "SELECT count(*) FROM trial WHERE status = 'failed'");
    assert_int_equal(
        db_int(db, "SELECT count(*) FROM attempt WHERE detail LIKE '%this worker does not run \"touch\"%'"),
        1);
    char *pwned = path_join(scratch.folder, "pwned");
    assert_false(file_exists(pwned));
    free(pwned);
    proc_fini(&net);
    scratch_fini(&scratch);
}

/* ---- logs of workers ---- */

static void ask_for_log(struct caller *viewer, const struct msg_job *job, int64_t bytes, uint64_t id)
{
    struct msg msg = {.kind = MSG_call, .call = {.id = id, .verb = "log", .args = json_new_object()}};
    json_put_text(msg.call.args, "study", job->study);
    json_put_num(msg.call.args, "trial", (double)job->trial);
    json_put_num(msg.call.args, "attempt", (double)job->attempt);
    json_put_num(msg.call.args, "offset", -100);
    json_put_num(msg.call.args, "bytes", (double)bytes);
    wire_send(viewer->wire, 0, &msg);
    msg_fini(&msg);
}

static uint64_t expect_look(struct caller *worker, const struct msg_job *job, uint64_t bytes)
{
    struct msg msg;
    peer_expect(worker, MSG_look, &msg);
    assert_string_equal(msg.look.study, job->study);
    assert_int_equal(msg.look.trial, job->trial);
    assert_int_equal(msg.look.attempt, job->attempt);
    assert_int_equal(msg.look.offset, 100);
    assert_true(msg.look.back);
    assert_int_equal(msg.look.bytes, bytes);
    return msg.look.id;
}

static void say_seen(struct caller *worker, uint64_t id, const char *data)
{
    struct msg msg = {.kind = MSG_seen,
                      .seen = {.id = id, .file = 42, .size = 8, .data = json_new_text(data)}};
    wire_send(worker->wire, 0, &msg);
    msg_fini(&msg);
}

/* data NULL: there is no such log. */
static void expect_answer(struct caller *viewer, uint64_t id, const char *data)
{
    struct msg msg;
    peer_expect(viewer, MSG_answer, &msg);
    assert_int_equal(msg.answer.id, id);
    assert_int_equal(msg.answer.code, 0);
    assert_int_equal((int)json_num(json_get(msg.answer.result, "file")), data ? 42 : 0);
    if (data)
        assert_string_equal(json_text(json_get(msg.answer.result, "data")), data);
    msg_fini(&msg);
}

/* Only who was asked is heard, once, and with no more than was asked for. */
static void what_a_worker_says_of_a_log_is_passed_on_and_not_believed(void **state)
{
    (void)state;
    static const char epoch_3[] = "ZXBvY2ggMwo=", half[] = "ZXBv";
    struct place p;
    struct caller worker, other, viewer;
    struct msg_job job;
    place_init(&p);
    assert_int_equal(
        RUN(p.scratch.folder, NULL, "hone", "keys", "add", "o", "--role", "worker", "--keys", "k"), 0);
    join(&worker, &p, "k", "aaaa");
    join(&other, &p, "k/clients/o", "bbbb");
    take_job(&worker, &job);
    peer_open(&viewer, &p, "k", ROLE_OPERATOR);
    peer_up(&viewer);

    ask_for_log(&viewer, &job, 1000, 7);
    uint64_t id = expect_look(&worker, &job, 1000);
    say_seen(&worker, id + 1, half);
    say_seen(&other, id, half);
    expect_serving(&p); /* these are dropped by then */
    say_seen(&worker, id, epoch_3);
    expect_answer(&viewer, 7, epoch_3);
    say_seen(&worker, id, half); /* nobody asks any more */

    ask_for_log(&viewer, &job, 3, 8);
    id = expect_look(&worker, &job, 3);
    say_seen(&worker, id, epoch_3);
    expect_answer(&viewer, 8, NULL);
    ask_for_log(&viewer, &job, 1000, 9);
    say_seen(&worker, expect_look(&worker, &job, 1000), "no base64");
    expect_answer(&viewer, 9, NULL);
    ask_for_log(&viewer, &job, 1000, 10);
    expect_look(&worker, &job, 1000);
    expect_answer(&viewer, 10, NULL); /* it says nothing */
    job.attempt++;
    ask_for_log(&viewer, &job, 1000, 11);
    expect_answer(&viewer, 11, NULL); /* nobody has that one */
    expect_serving(&p);
    peer_close(&worker);
    peer_close(&other);
    peer_close(&viewer);
    place_fini(&p);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewers_sql_reads_and_does_nothing_else),
        cmocka_unit_test(without_keys_another_hosts_master_runs_no_command_here),
        cmocka_unit_test(what_a_worker_says_of_a_log_is_passed_on_and_not_believed),
    };
    cmocka_set_test_filter(getenv("HONE_TEST_ONLY"));
    return cmocka_run_group_tests_name("strangers", tests, NULL, NULL);
}
