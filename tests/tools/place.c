#include "tests/tools/place.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

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

void place_init(struct place *p, const char *study_text)
{
    scratch_init(&p->scratch);
    scratch_text(&p->scratch, "study.json", study_text);
    snprintf(p->address, sizeof p->address, "ipc://%s/m.sock", p->scratch.folder);
    snprintf(p->db, sizeof p->db, "%s/hone.db", p->scratch.folder);
}

void place_fini(struct place *p)
{
    scratch_fini(&p->scratch);
}

void place_master(struct proc *master, const struct place *p)
{
    START(master, p->scratch.folder, "hone", "master", "--once", "study.json", "--db", p->db, "--bind",
          p->address, "--beat", "100ms", "--lease", "3s");
    proc_await_text(master, "hone worker");
}

void place_worker(struct proc *worker, const struct place *p, const char *name)
{
    START(worker, p->scratch.folder, "hone", "worker", p->address, "--name", name, "--idle", "30s");
}

void place_outcome(const struct place *p, struct str *out)
{
    int status = RUN(p->scratch.folder, out, "hone", "sql", "--csv", "--db", p->db,
                     "SELECT trial, status, lr, optimizer, val_acc, train_loss, best_epoch, epochs FROM "
                     "\"s\" ORDER BY trial");
    if (status)
        fail_msg("%s", str_text(out));
}

const char *place_undisturbed(void)
{
    struct place p;
    struct proc master, worker;
    if (undisturbed.len)
        return str_text(&undisturbed);
    place_init(&p, place_study);
    place_master(&master, &p);
    place_worker(&worker, &p, "w1");
    if (proc_wait(&master))
        fail_msg("%s", str_text(&master.out));
    proc_wait(&worker);
    place_outcome(&p, &undisturbed);
    proc_fini(&master);
    proc_fini(&worker);
    place_fini(&p);
    return str_text(&undisturbed);
}

void place_forget_undisturbed(void)
{
    str_fini(&undisturbed);
}

void place_expect_undisturbed(const struct place *p)
{
    struct str now = {0};
    const char *expected = place_undisturbed();
    place_outcome(p, &now);
    assert_string_equal(str_text(&now), expected);
    str_fini(&now);
    assert_int_equal(
        db_int(
            p->db,
            "SELECT count(*) FROM (SELECT 1 FROM epoch GROUP BY trial, attempt, epoch HAVING count(*) > 1)"),
        0);
    assert_int_equal(db_int(p->db, "SELECT count(DISTINCT trial || ' ' || epoch) FROM epoch"), PLACE_EPOCHS);
}

void hold_for(int ms)
{
    poll(NULL, 0, ms);
}
