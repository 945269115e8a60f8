/* Rungs, brackets and populations over real processes: sixteen workers, a master that is killed meanwhile, a worker too.
 * Every epoch is trained once where only the master dies; a child's training begins in its parent's checkpoint, whatever
 * program trains; every decision replays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

enum { WORKERS = 16 };

/* A checkpoint is the diary of its weights: a line for every epoch, by whatever trial trained it. */
static const char trainer[] =
    "#!/bin/sh\n"
    "set -eu\n"
    "dir=$1 resume=$2 from=$3 until=$4 x=$5\n"
    "if [ -n \"$resume\" ]; then cp \"$resume\" \"$dir/diary\"; else : >\"$dir/diary\"; fi\n"
    "epoch=$from\n"
    "while [ \"$epoch\" -lt \"$until\" ]; do\n"
    "    epoch=$((epoch + 1))\n"
    "    echo \"t$HONE_TRIAL e$epoch\" >>\"$dir/diary\"\n"
    "    cp \"$dir/diary\" \"$dir/e$epoch.ckpt\"\n"
    "    gain=$(awk -v x=\"$x\" -v e=\"$epoch\" 'BEGIN { print 1 - (x - 0.7) ^ 2 - 0.5 / e }')\n"
    "    printf '{\"epoch\":%d,\"gain\":%s,\"checkpoint\":\"e%d.ckpt\"}\\n' \"$epoch\" \"$gain\" \"$epoch\" "
    ">\"/dev/fd/$HONE_OUT_FD\"\n"
    "done\n";

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"gain\", \"goal\": \"maximize\"}, %s\n"
    "  \"trainer\": {\"command\": [\"sh\", \"train.sh\", \"{dir}\", \"{resume}\", \"{resume_epoch}\", "
    "\"{until}\", "
    "\"{x}\"], \"seed\": 1},\n"
    "  \"space\": {\"x\": {\"uniform\": [0, 1]}}, \"search\": {\"seed\": 3, %s} }\n";

struct place {
    struct scratch scratch;
    char address[128], db[128];
    struct proc master, workers[WORKERS];
};

static void start_master(struct place *p)
{
    START(&p->master, p->scratch.folder, "hone", "master", "--once", "study.json", "--no-check", "--bind",
          p->address, "--beat", "200ms", "--lease", "3s");
    proc_await_text(&p->master, "hone worker");
}

static void place_init(struct place *p, const char *prune, const char *search)
{
    char text[2000], name[16];
    *p = (struct place){0};
    scratch_init(&p->scratch);
    scratch_text(&p->scratch, "train.sh", trainer);
    snprintf(text, sizeof text, study_text, prune, search);
    scratch_text(&p->scratch, "study.json", text);
    snprintf(p->address, sizeof p->address, "ipc://%s/m.sock", p->scratch.folder);
    snprintf(p->db, sizeof p->db, "%s/hone.db", p->scratch.folder);
    start_master(p);
    for (int i = 0; i < WORKERS; i++) {
        snprintf(name, sizeof name, "w%d", i + 1);
        START(&p->workers[i], p->scratch.folder, "hone", "worker", p->address, "--name", name, "--idle",
              "60s");
    }
}

static void kill_master(struct place *p)
{
    proc_signal(&p->master, SIGKILL);
    proc_wait(&p->master);
    proc_fini(&p->master);
}

static void kill_and_restart_master(struct place *p)
{
    kill_master(p);
    start_master(p);
}

static void expect_fine(const struct place *p, const char *const argv[])
{
    struct str out = {0};
    if (run_in(p->scratch.folder, &out, argv))
        fail_msg("%s %s: %s", argv[0], argv[1], str_text(&out));
    str_fini(&out);
}

/* Lets it come to its end; every decision is what the rows say, and the rows hold together. */
static void place_end(struct place *p)
{
    if (proc_wait(&p->master))
        fail_msg("%s", str_text(&p->master.out));
    for (int i = 0; i < WORKERS; i++)
        if (p->workers[i].pid)
            proc_wait(&p->workers[i]);
    expect_fine(p, (const char *[]){"hone", "replay", "s", NULL});
    expect_fine(p, (const char *[]){"hone", "verify", "hone.db", NULL});
}

static void place_fini(struct place *p)
{
    proc_fini(&p->master);
    for (int i = 0; i < WORKERS; i++)
        proc_fini(&p->workers[i]);
    scratch_fini(&p->scratch);
}

/* Trained more than once: by two attempts, or again by a child. */
static const char paid_twice[] =
    "SELECT (SELECT count(*) FROM epoch) - (SELECT count(*) FROM (SELECT DISTINCT trial, epoch FROM epoch))";

/* What is stored of a decision is what the decision was, to the last figure: a rank that never was is found. */
static void a_planted_rank_is_found(const struct place *p)
{
    struct str out = {0};
    db_change(p->db,
              "UPDATE trial_event SET detail = replace(detail, '\"rank\":1,', '\"rank\":2,') WHERE seq = "
              "(SELECT min(seq) FROM trial_event WHERE detail LIKE '%\"rank\":1,%')");
    assert_int_equal(run_in(p->scratch.folder, &out, (const char *[]){"hone", "replay", "s", NULL}), 1);
    if (!strstr(str_text(&out), "stored with rank 2 of "))
        fail_msg("%s", str_text(&out));
    str_fini(&out);
}

/* No master is there, so nobody is promoted meanwhile. */
static void a_paused_trial_knows_its_place(const struct place *p)
{
    struct str out = {0}, want = {0};
    char number[16];
    int64_t trial = db_int(p->db, "SELECT max(number) FROM trial WHERE status = 'paused' AND last_epoch = 1");
    assert_true(trial > 0);
    snprintf(number, sizeof number, "%lld", (long long)trial);
    db_text(p->db,
            "SELECT printf('rank %d of %d at epoch 1; the best %d go on', sum(o.value >= m.value), count(*), "
            "count(*) / 3) FROM epoch o, trial t JOIN epoch m ON m.trial = t.id AND m.epoch = 1 WHERE "
            "o.epoch = 1 "
            "AND t.number = (SELECT max(number) FROM trial WHERE status = 'paused' AND last_epoch = 1)",
            &want);
    assert_int_equal(run_in(p->scratch.folder, &out, (const char *[]){"hone", "explain", number, NULL}), 0);
    if (!strstr(str_text(&out), str_text(&want)))
        fail_msg("no \"%s\" in:\n%s", str_text(&want), str_text(&out));
    str_fini(&out);
    str_fini(&want);
}

static void no_epoch_is_paid_twice_at_rungs(void **state)
{
    (void)state;
    struct place p;
    place_init(&p, "\"prune\": {\"method\": \"asha\", \"eta\": 3},",
               "\"method\": \"tpe\", \"trials\": 45, \"epochs\": 9");
    db_await(p.db, "SELECT count(*) >= 20 FROM epoch");
    kill_master(&p);
    a_paused_trial_knows_its_place(&p);
    start_master(&p);
    db_await(p.db, "SELECT count(*) >= 50 FROM epoch");
    kill_and_restart_master(&p);
    place_end(&p);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial"), 45);
    assert_int_equal(db_int(p.db, paid_twice), 0);
    assert_true(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'complete'") >= 5);
    /* Whoever goes on begins at the last epoch there is of it. */
    assert_int_equal(
        db_int(p.db,
               "SELECT count(*) FROM attempt a WHERE a.from_epoch <> coalesce("
               "(SELECT max(e.epoch) FROM epoch e WHERE e.trial = a.trial AND e.attempt < a.attempt), 0)"),
        0);
    assert_true(db_int(p.db, "SELECT count(*) FROM attempt WHERE from_epoch IN (1, 3)") >= 15);
    a_planted_rank_is_found(&p);
    place_fini(&p);
}

static void hyperband_is_exact_over_processes(void **state)
{
    (void)state;
    struct place p;
    place_init(&p, "\"prune\": {\"method\": \"hyperband\", \"eta\": 3},",
               "\"method\": \"random\", \"trials\": 34, \"epochs\": 9");
    db_await(p.db, "SELECT count(*) >= 30 FROM epoch");
    kill_and_restart_master(&p);
    place_end(&p);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), 2 * (9 + 3 * 2 + 6 + 5 * 3 + 6 + 3 * 9));
    assert_int_equal(db_int(p.db, paid_twice), 0);
    assert_int_equal(db_int(p.db, "SELECT group_concat(trials, '') = '953953' FROM study_bracket"), 1);
    expect_fine(&p, (const char *[]){"hone", "explain", "12", NULL});
    place_fini(&p);
}

/* The line of parents of a trial, as its checkpoint's diary has to have it. */
static const char line_of_parents[] =
    "WITH RECURSIVE line (id, below) AS (SELECT id, last_epoch FROM trial WHERE number = %lld UNION ALL "
    "SELECT l.parent, l.parent_epoch FROM line JOIN trial_lineage l ON l.trial = line.id) "
    "SELECT group_concat(said, '') FROM (SELECT 't' || t.number || ' e' || e.epoch || char(10) AS said FROM "
    "line "
    "JOIN trial t ON t.id = line.id JOIN (SELECT DISTINCT trial, epoch FROM epoch) e ON e.trial = t.id "
    "AND e.epoch <= line.below ORDER BY e.epoch)";

static void diaries_are_lineages(const struct place *p)
{
    char sql[1200];
    int64_t last = db_int(p->db, "SELECT max(number) FROM trial"), seen = 0;
    for (long long n = 1; n <= last; n++) {
        struct str path = {0}, diary = {0}, want = {0};
        snprintf(sql, sizeof sql,
                 "SELECT coalesce(max(c.path), '') FROM checkpoint c JOIN trial t ON t.id = c.trial "
                 "WHERE t.number = %lld AND c.state = 'kept' AND c.epoch = t.last_epoch",
                 n);
        db_text(p->db, sql, &path);
        snprintf(sql, sizeof sql, line_of_parents, n);
        db_text(p->db, sql, &want);
        if (path.len) { /* else another epoch was its best, and that one's checkpoint is kept */
            char *file = xasprintf("%s.d/%s", p->db, str_text(&path));
            assert_int_equal(file_read(file, 1 << 20, &diary, NULL), 0);
            assert_string_equal(str_text(&diary), str_text(&want));
            seen += strstr(str_text(&diary), "t1 e1") == NULL;
            free(file);
        }
        str_fini(&path);
        str_fini(&diary);
        str_fini(&want);
    }
    assert_true(seen >= 6);
}

static void a_population_survives_master_and_workers(void **state)
{
    (void)state;
    struct place p;
    place_init(&p, "", "\"method\": \"pbt\", \"population\": 12, \"interval\": 2, \"epochs\": 8");
    db_await(p.db, "SELECT count(*) >= 20 FROM epoch");
    kill_and_restart_master(&p);
    db_await(p.db, "SELECT count(*) >= 1 FROM trial_lineage");
    proc_signal(&p.workers[3], SIGKILL);
    proc_wait(&p.workers[3]);
    kill_and_restart_master(&p);
    place_end(&p);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial WHERE status = 'complete'"), 12);
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM trial_lineage"),
                     3 * 3); /* a quarter of twelve, three times */
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM (SELECT DISTINCT trial, epoch FROM epoch)"), 12 * 8);
    diaries_are_lineages(&p);
    place_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_epoch_is_paid_twice_at_rungs),
        cmocka_unit_test(hyperband_is_exact_over_processes),
        cmocka_unit_test(a_population_survives_master_and_workers),
    };
    return cmocka_run_group_tests_name("fidelity", tests, NULL, NULL);
}
