/* Nobody gets in: a real master with keys, on loopback, and the attacker's side of every sentence about it. What the
 * attacker has is said in the test's name; what he must not get is asserted, and that the master still serves its
 * own people afterwards. */
#include "tests/fault/siege.h"

/* ---- who comes in ---- */

static void without_a_key_nobody_comes_in(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(ask(&p, "workers", "none", &out), 3);
    assert_non_null(strstr(str_text(&out), "wants keys"));
    expect_serving(&p);
    str_fini(&out);
    place_fini(&p);
}

static void a_key_that_is_not_on_the_list_does_not_come_in(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "keygen", "theirs"), 0);
    make_folder(&p, "stranger", "k", "theirs", "operator");
    assert_int_equal(ask(&p, "workers", "stranger", &out), 3);
    assert_non_null(strstr(str_text(&out), "does not let this key in"));
    expect_serving(&p);
    str_fini(&out);
    place_fini(&p);
}

/* An impostor in the master's place: his key is not the one we pinned, so he hears nothing from us. */
static void who_pins_the_servers_key_does_not_talk_to_another(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "keygen", "theirs"), 0);
    make_folder(&p, "deceived", "theirs", "k", "operator");
    assert_int_equal(ask(&p, "workers", "deceived", &out), 3);
    assert_non_null(strstr(str_text(&out), "server.pub"));
    str_fini(&out);
    place_fini(&p);
}

static void a_revoked_key_is_cut_off_on_the_running_master(void **state)
{
    (void)state;
    struct place p;
    struct caller peer;
    struct msg msg;
    struct msg_job job;
    place_init(&p);
    assert_int_equal(
        RUN(p.scratch.folder, NULL, "hone", "keys", "add", "node7", "--role", "worker", "--keys", "k"), 0);
    join(&peer, &p, "k/clients/node7", "7777");
    take_job(&peer, &job);
    assert_int_equal(RUN(p.scratch.folder, NULL, "hone", "keys", "revoke", "node7", "--keys", "k"), 0);
    for (enum wire_event event = WIRE_UP; event != WIRE_DOWN;) {
        event = peer_next(&peer, &msg);
        if (event == WIRE_MESSAGE)
            msg_fini(&msg);
    }
    db_await(p.db, "SELECT count(*) FROM worker WHERE left_why = 'revoked'");
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'running'"),
                     0);               /* it goes on elsewhere */
    while (!wire_refusal(peer.wire)) { /* and it does not come back */
        peer_id from;
        assert_int_not_equal(wire_receive(peer.wire, &from, &msg, NULL), WIRE_UP);
        wire_wait(peer.wire, NULL, 0, 1000);
    }
    assert_non_null(strstr(wire_refusal(peer.wire), "not on its list"));
    expect_serving(&p);
    peer_close(&peer);
    place_fini(&p);
}

/* ---- roles ---- */

static void a_viewer_looks_and_cannot_stop_a_study(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    make_folder(&p, "viewer", "k", "k", "viewer");
    assert_int_equal(ask(&p, "studies", "viewer", &out), 0);
    const char *const verbs[] = {"stop", "pause", "resume"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++) {
        assert_int_equal(ask(&p, verbs[i], "viewer", &out), 1);
        assert_non_null(strstr(str_text(&out), "the key of a viewer"));
        assert_non_null(strstr(str_text(&out), "run commands on every worker"));
    }
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "study.json", "--fresh", "--master",
                         p.address, "--keys", "viewer"),
                     1);
    expect_running(&p);
    assert_int_equal(ask(&p, "pause", p.keys, &out), 0); /* the operator may */
    str_fini(&out);
    place_fini(&p);
}

static void a_worker_cannot_stop_a_study_and_an_operator_cannot_train(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    struct caller peer;
    struct msg msg;
    place_init(&p);
    make_folder(&p, "worker", "k", "k", "worker");
    assert_int_equal(ask(&p, "stop", "worker", &out), 1);
    assert_non_null(strstr(str_text(&out), "the key of a worker"));
    assert_int_equal(ask(&p, "studies", "worker", &out), 1);
    expect_running(&p);
    peer_open(&peer, &p, "k", ROLE_OPERATOR);
    peer_up(&peer);
    say_hello(&peer, "0001");
    assert_int_equal(peer_next(&peer, &msg), WIRE_MESSAGE);
    assert_int_equal(msg.kind, MSG_error);
    assert_string_equal(msg.error.code, "role");
    peer_close(&peer);
    str_fini(&out);
    place_fini(&p);
}

/* ---- whose trial it is ---- */

static void expect_fenced(struct caller *peer)
{
    struct msg msg;
    peer_expect(peer, MSG_stop, &msg);
    assert_string_equal(msg.stop.reason, "fenced");
}

static void nobody_reports_anothers_trial_by_a_guessed_or_a_recorded_token(void **state)
{
    (void)state;
    struct place p;
    struct caller a, b;
    struct msg_job job;
    struct msg msg;
    char guess[HASH_HEX];
    place_init(&p);
    assert_int_equal(
        RUN(p.scratch.folder, NULL, "hone", "keys", "add", "other", "--role", "worker", "--keys", "k"), 0);
    join(&a, &p, "k", "aaaa");
    take_job(&a, &job);
    join(&b, &p, "k/clients/other", "bbbb");
    random_hex(guess);
    report(&b, &job, 1, 1, guess, NULL);
    expect_fenced(&b);
    report(&b, &job, 2, 1, job.token, NULL); /* a's own words, from b */
    expect_fenced(&b);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), 0);
    say_hello(&b, "aaaa"); /* nor does b become a, whose uuid is no secret */
    do
        assert_int_equal(peer_next(&b, &msg), WIRE_MESSAGE);
    while (msg.kind != MSG_error);
    assert_string_equal(msg.error.code, "role");
    report(&a, &job, 1, 1, job.token, NULL);
    peer_expect(&a, MSG_ack, &msg);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), 1);
    peer_close(&a);
    peer_close(&b);
    place_fini(&p);
}

static void paths_never_leave_their_folder(void **state)
{
    (void)state;
    struct place p;
    struct caller a;
    struct msg_job job;
    struct msg msg;
    struct str out = {0};
    place_init(&p);
    join(&a, &p, "k", "aaaa");
    take_job(&a, &job);
    report(&a, &job, 1, 1, job.token,
           "{\"path\": \"s/../../../../etc/passwd\", \"bytes\": 9, \"hash\": "
           "\"0123456789abcdef0123456789abcdef\"}");
    peer_expect(&a, MSG_ack, &msg);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"),
                     1); /* the report counts, the checkpoint does not */
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM checkpoint"), 0);
    report(&a, &job, 2, 2, job.token, /* two dots in a name climb nowhere */
           "{\"path\": \"s/t00001/a1/v1..2.ckpt\", \"bytes\": 9, \"hash\": "
           "\"0123456789abcdef0123456789abcdef\"}");
    peer_expect(&a, MSG_ack, &msg);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM checkpoint"), 1);
    const char *const names[] = {"../s", "/etc/s", "s/t", ".", "..", "a b"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char set[64];
        snprintf(set, sizeof set, "study=\"%s\"", names[i]);
        assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "study.json", "--set", set, "--master",
                             p.address, "--keys", "k"),
                         2);
        assert_int_equal(
            RUN(p.scratch.folder, &out, "hone", "keys", "add", names[i], "--role", "worker", "--keys", "k"),
            2);
        assert_int_equal(RUN(p.scratch.folder, &out, "hone", "keys", "revoke", names[i], "--keys", "k"), 2);
    }
    peer_close(&a);
    str_fini(&out);
    place_fini(&p);
}

static void a_study_that_carries_hooks_is_refused(void **state)
{
    (void)state;
    struct place p;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "study.json", "--fresh", "--set",
                         "hooks={\"end\": [\"sh\", \"-c\", \"id\"]}", "--master", p.address, "--keys", "k"),
                     2);
    assert_non_null(strstr(str_text(&out), "hooks"));
    str_fini(&out);
    place_fini(&p);
}

/* ---- what is recorded cannot be played again ---- */

static bool carry(int from, int to, struct str *record)
{
    char chunk[4096];
    ssize_t got = read(from, chunk, sizeof chunk);
    if (got <= 0)
        return false;
    if (record)
        str_addn(record, chunk, (size_t)got);
    return write(to, chunk, (size_t)got) == got;
}

/* One connection, in the middle of which somebody listens. */
static void relay_one(int listener, int port, struct str *record)
{
    int client = accept(listener, NULL, NULL), master = raw_connect(port);
    bool open = true;
    while (open) {
        struct pollfd fds[2] = {{client, POLLIN, 0}, {master, POLLIN, 0}};
        assert_true(poll(fds, 2, PATIENCE_MS) > 0);
        if (fds[0].revents)
            open = carry(client, master, record);
        if (fds[1].revents && open)
            open = carry(master, client, NULL);
    }
    close(client);
    close(master);
}

/* As often as they connect; the last conversation is kept. */
static void relay(int listener, int port, const struct proc *talker, struct str *record)
{
    for (;;) {
        struct pollfd fds[2] = {{listener, POLLIN, 0}, {talker->out_fd, 0, 0}};
        assert_true(poll(fds, 2, PATIENCE_MS) > 0);
        if (!fds[0].revents)
            return;
        str_clear(record);
        relay_one(listener, port, record);
    }
}

static void a_recorded_conversation_says_nothing_and_does_nothing_again(void **state)
{
    (void)state;
    struct place p;
    struct proc hone;
    struct str record = {0}, out = {0};
    char address[64];
    int port;
    place_init(&p);
    int listener = listen_somewhere(&port);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    START(&hone, p.scratch.folder, "hone", "pause", "--master", address, "--keys", "k");
    relay(listener, p.port, &hone, &record);
    if (proc_wait(&hone))
        fail_msg("%s", str_text(&hone.out));
    assert_null(memmem(record.text, record.len, "pause", 5)); /* encrypted */
    assert_int_equal(ask(&p, "resume", p.keys, &out), 0);
    expect_running(&p);
    int fd = raw_connect(p.port);
    ssize_t put = write(fd, record.text, record.len);
    assert_true(put == (ssize_t)record.len || errno == ECONNRESET);
    assert_true(await_end(fd));
    close(fd);
    close(listener);
    expect_serving(&p);
    expect_running(&p);
    proc_fini(&hone);
    str_fini(&record);
    str_fini(&out);
    place_fini(&p);
}

/* ---- secrets ---- */

static void file_text(const char *path, struct str *out)
{
    char chunk[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (ssize_t got; fd >= 0 && (got = read(fd, chunk, sizeof chunk)) > 0;)
        str_addn(out, chunk, (size_t)got);
    if (fd >= 0)
        close(fd);
}

static void add_files(const char *folder, struct str *out)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char *path = path_join(folder, entry->d_name);
        if (entry->d_type == DT_REG)
            file_text(path, out);
        else if (entry->d_type == DT_DIR && entry->d_name[0] != '.' && strcmp(entry->d_name, "k") != 0)
            add_files(path, out);
        free(path);
    }
    if (dir)
        closedir(dir);
}

static void add_process(pid_t pid, struct str *out)
{
    static const char *const files[] = {"cmdline", "environ"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
        file_text(path, out);
    }
}

static void expect_no_secret(const struct place *p, const struct str *seen)
{
    static const char *const roles[] = {"server", "worker", "operator", "viewer"};
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        struct str text = {0};
        char *path = xasprintf("%s/%s.key", p->keys, roles[i]);
        file_text(path, &text);
        assert_true(text.len > 41);
        char *secret = xstrndup(text.text + text.len - 41, 40);
        if (memmem(seen->text, seen->len, secret, 40))
            fail_msg("the secret of %s is to be seen", path);
        free(secret);
        free(path);
        str_fini(&text);
    }
}

/* ps, logs, the store with all its folders, the trainer's environment and what is said about a broken key. */
static void secrets_are_nowhere_to_be_seen(void **state)
{
    (void)state;
    struct place p;
    struct proc worker;
    struct str seen = {0}, out = {0};
    place_init(&p);
    scratch_text(&p.scratch, "env.json",
                 "{ \"study\": \"e\", \"metric\": {\"name\": \"m\", \"goal\": \"maximize\"}, \"trainer\": "
                 "{\"command\": "
                 "[\"sh\", \"-c\", \"env; exit 1\"]}, \"space\": {\"x\": {\"uniform\": [0, 1]}},"
                 " \"search\": {\"method\": \"random\", \"trials\": 1, \"epochs\": 1} }");
    setenv("DATABASE_PASSWORD", "correct horse", 1);
    setenv("HONE_LOG", "debug", 1);
    START(&worker, p.scratch.folder, "hone", "worker", p.address, "--keys", "k", "--log-file", "worker.log");
    unsetenv("DATABASE_PASSWORD");
    unsetenv("HONE_LOG");
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "env.json", "--no-check", "--master",
                         p.address, "--keys", "k"),
                     0);
    db_await(p.db, "SELECT count(*) FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 'e' AND "
                   "t.status = 'failed'");
    add_process(p.master.pid, &seen);
    add_process(worker.pid, &seen);
    proc_signal(&worker, SIGTERM);
    proc_wait(&worker);
    proc_signal(&p.master, SIGTERM);
    proc_wait(&p.master);
    str_addn(&seen, str_text(&worker.out), worker.out.len);
    str_addn(&seen, str_text(&p.master.out), p.master.out.len);
    str_clear(&out);
    add_files(p.scratch.folder, &out);
    assert_non_null(memmem(out.text, out.len, "HONE_TRIAL=1", 12)); /* the trainer's log is among it */
    char *log = path_join(p.scratch.folder, "worker.log");
    assert_true(file_size(log) > 0); /* and the worker's */
    free(log);
    assert_null(memmem(out.text, out.len, "correct horse", 13));
    assert_null(memmem(out.text, out.len, "HONE_KEYS", 9));
    str_addn(&seen, out.text, out.len);
    expect_no_secret(&p, &seen);
    str_fini(&seen);
    str_fini(&out);
    proc_fini(&worker);
    place_fini(&p);
}

/* ---- without keys ---- */

static void a_master_beyond_this_machine_wants_keys(void **state)
{
    (void)state;
    struct scratch scratch;
    struct str out = {0};
    scratch_init(&scratch);
    scratch_text(&scratch, "study.json", study_text);
    const char *const addresses[] = {"tcp://*:7077", "tcp://0.0.0.0:7077", "tcp://[::]:7077",
                                     "tcp://10.0.0.1:7077"};
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        assert_int_equal(RUN(scratch.folder, &out, "env", "XDG_CONFIG_HOME=/nowhere", getenv("HONE"),
                             "master", "study.json", "--bind", addresses[i]),
                         2);
        assert_non_null(strstr(str_text(&out), "there are no keys"));
        assert_non_null(strstr(str_text(&out), "hone keygen"));
        assert_non_null(strstr(str_text(&out), "WHOEVER REACHES THE PORT CAN RUN COMMANDS ON EVERY WORKER"));
    }
    str_fini(&out);
    scratch_fini(&scratch);
}

static void a_socket_file_is_its_owners_alone(void **state)
{
    (void)state;
    struct place p = {0};
    char path[128], address[160];
    struct stat st;
    mode_t before = umask(0);
    scratch_init(&p.scratch);
    write_study(&p);
    snprintf(path, sizeof path, "%s/m.sock", p.scratch.folder);
    snprintf(address, sizeof address, "ipc://%s", path);
    START(&p.master, p.scratch.folder, "hone", "master", "study.json", "--bind", address);
    proc_await_text(&p.master, "hone worker");
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    place_fini(&p);
}

/* ---- what a worker runs ---- */

static void a_worker_runs_what_it_was_told_and_within_its_limits(void **state)
{
    (void)state;
    struct place p;
    struct proc worker;
    struct str out = {0};
    place_init(&p);
    assert_int_equal(ask(&p, "stop", p.keys, &out), 0);
    scratch_text(
        &p.scratch, "two.json",
        "{ \"study\": \"two\", \"metric\": {\"name\": \"m\", \"goal\": \"maximize\"}, \"trainer\": "
        "{\"command\": "
        "[\"sh\", \"./{x}.sh\", \"; touch pwned\"]}, \"space\": {\"x\": {\"choice\": [\"good\", \"evil\"]}},"
        " \"search\": {\"method\": \"grid\", \"epochs\": 1}, \"max_attempts\": 1 }");
    scratch_text(&p.scratch, "good.sh", "ulimit -n; ulimit -d; mkfifo block; exec cat block\n");
    scratch_text(&p.scratch, "evil.sh", "touch pwned\n");
    START(&worker, p.scratch.folder, "hone", "worker", p.address, "--keys", "k", "--allow", "sh ./good.sh",
          "--limit-time", "300ms", "--limit-files", "50", "--limit-memory", "100M");
    assert_int_equal(RUN(p.scratch.folder, &out, "hone", "submit", "two.json", "--no-check", "--master",
                         p.address, "--keys", "k"),
                     0);
    db_await(p.db, "SELECT count(*) = 2 FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 'two' AND "
                   "t.status = 'failed'");
    assert_int_equal(
        db_int(p.db, "SELECT count(*) FROM attempt WHERE detail LIKE '%this worker does not run \"sh\"%'"),
        1);
    assert_int_equal(
        db_int(p.db, "SELECT count(*) FROM attempt WHERE cause = 'timeout' AND detail LIKE '%50%102400%'"),
        1);
    char *pwned = path_join(p.scratch.folder, "pwned");
    assert_false(file_exists(pwned));
    free(pwned);
    proc_fini(&worker);
    str_fini(&out);
    place_fini(&p);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_key_nobody_comes_in),
        cmocka_unit_test(a_key_that_is_not_on_the_list_does_not_come_in),
        cmocka_unit_test(who_pins_the_servers_key_does_not_talk_to_another),
        cmocka_unit_test(a_revoked_key_is_cut_off_on_the_running_master),
        cmocka_unit_test(a_viewer_looks_and_cannot_stop_a_study),
        cmocka_unit_test(a_worker_cannot_stop_a_study_and_an_operator_cannot_train),
        cmocka_unit_test(nobody_reports_anothers_trial_by_a_guessed_or_a_recorded_token),
        cmocka_unit_test(paths_never_leave_their_folder),
        cmocka_unit_test(a_study_that_carries_hooks_is_refused),
        cmocka_unit_test(a_recorded_conversation_says_nothing_and_does_nothing_again),
        cmocka_unit_test(secrets_are_nowhere_to_be_seen),
        cmocka_unit_test(a_master_beyond_this_machine_wants_keys),
        cmocka_unit_test(a_socket_file_is_its_owners_alone),
        cmocka_unit_test(a_worker_runs_what_it_was_told_and_within_its_limits),
    };
    cmocka_set_test_filter(getenv("HONE_TEST_ONLY"));
    return cmocka_run_group_tests_name("security", tests, NULL, NULL);
}
