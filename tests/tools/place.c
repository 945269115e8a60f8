#include "tests/tools/place.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"

#define STUDY(trials)                                                                                   \
    "{ \"study\": \"s\", \"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"},\n"                \
    "  \"trainer\": {\"builtin\": \"mlp\", \"data\": \"spiral:n=15000\", \"batch\": 32, \"seed\": 1,\n" \
    "                \"layers\": [\"affine 32\", \"relu\"]},\n"                                         \
    "  \"space\": {\"lr\": {\"log\": [1e-4, 1]}, \"optimizer\": {\"choice\": [\"sgd\", \"momentum\", "  \
    "\"adam\"]}},\n"                                                                                    \
    "  \"search\": {\"method\": \"random\", \"trials\": " trials ", \"epochs\": 6, \"seed\": 7} }\n"

const char place_study[] = STUDY("6");
const char place_long_study[] = STUDY("500");

static struct str undisturbed;
static const char *undisturbed_study; /* its text: there is one in a program */

void place_init(struct place *p, const char *study_text)
{
    *p = (struct place){.study = study_text, .lease = "3s"};
    scratch_init(&p->scratch);
    scratch_text(&p->scratch, "study.json", study_text);
    snprintf(p->address, sizeof p->address, "ipc://%s/m.sock", p->scratch.folder);
    snprintf(p->db, sizeof p->db, "%s/hone.db", p->scratch.folder);
}

void place_fini(struct place *p)
{
    scratch_fini(&p->scratch);
}

void place_master(struct proc *master, struct place *p)
{
    static const char says[] = "hone worker ";
    START(master, p->scratch.folder, "hone", "master", "--once", "study.json", "--db", p->db, "--bind",
          p->keys ? "tcp://127.0.0.1:*" : p->address, "--keys", p->keys ? p->keys : "none", "--beat", "100ms",
          "--lease", p->lease, p->more);
    proc_await_text(master, says);
    while (!strchr(strstr(str_text(&master->out), says), '\n'))
        proc_await_text(master, "\n");
    sscanf(strstr(str_text(&master->out), says) + strlen(says), "%127s", p->address);
}

void place_worker(struct proc *worker, const struct place *p, const char *name)
{
    START(worker, p->scratch.folder, "hone", "worker", p->address, "--name", name, "--idle", "30s");
}

static void outcome(const struct place *p, struct str *out)
{
    int status = RUN(p->scratch.folder, out, "hone", "sql", "--csv", "--db", p->db,
                     "SELECT trial, status, lr, optimizer, val_acc, train_loss, best_epoch, epochs FROM "
                     "\"s\" ORDER BY trial");
    if (status)
        fail_msg("%s", str_text(out));
}

/* Nobody is lost for being slow. */
static void search_undisturbed(const char *study_text)
{
    struct place p;
    struct proc master, worker;
    place_init(&p, study_text);
    p.lease = "10m";
    place_master(&master, &p);
    place_worker(&worker, &p, "w1");
    if (proc_wait(&master))
        fail_msg("%s", str_text(&master.out));
    proc_wait(&worker);
    str_fini(&undisturbed);
    outcome(&p, &undisturbed);
    undisturbed_study = study_text;
    proc_fini(&master);
    proc_fini(&worker);
    place_fini(&p);
}

int place_forget_undisturbed(void **state)
{
    (void)state;
    str_fini(&undisturbed);
    undisturbed_study = NULL;
    return 0;
}

void place_expect_undisturbed(const struct place *p)
{
    struct str now = {0}, verdict = {0};
    if (!undisturbed_study || strcmp(undisturbed_study, p->study) != 0)
        search_undisturbed(p->study);
    if (RUN(p->scratch.folder, &verdict, "hone", "verify", p->db))
        fail_msg("%s", str_text(&verdict));
    outcome(p, &now);
    assert_string_equal(str_text(&now), str_text(&undisturbed));
    assert_int_equal(db_int(p->db, "SELECT count(*) FROM (SELECT 1 FROM epoch GROUP BY trial, attempt, epoch "
                                   "HAVING count(*) > 1)"),
                     0);
    assert_true(db_int(
        p->db,
        "SELECT count(DISTINCT trial || ' ' || epoch) = (SELECT sum(epochs) FROM \"s\") FROM epoch "
        "WHERE trial IN (SELECT t.id FROM trial t JOIN study s ON s.id = t.study WHERE s.name = 's')"));
    str_fini(&now);
    str_fini(&verdict);
}

void hold_for(int ms)
{
    poll(NULL, 0, ms);
}
