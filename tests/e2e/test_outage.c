/* Promise 6: a disk that is full, fails or cannot be written, a master that was stopped for longer than a lease, a
 * database that somebody removes. Nothing dies of it but the last, nothing acknowledged is lost, and the outcome is
 * the undisturbed run's, number by number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/tools/place.h"
#include "tests/tools/shim.h"

enum { LONGER_THAN_A_LEASE_MS = 4500 };

static void expect_end(struct proc *p)
{
    if (proc_wait(p))
        fail_msg("%s", str_text(&p->out));
}

static int count_of(const char *text, const char *what)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        count++;
    return count;
}

/* Whoever wants something of the master is told what is wrong, at once. */
static void expect_calls_told(const struct place *p, const char *state)
{
    struct str out = {0};
    RUN(p->scratch.folder, &out, "hone", "pause", "s", "--master", p->address);
    if (!strstr(str_text(&out), state))
        fail_msg("\"%s\" is not in: %s", state, str_text(&out));
    str_fini(&out);
}

static void break_and_mend(int error, const char *says)
{
    struct place p;
    struct proc master, worker;
    struct disk disk;
    place_init(&p, place_study);
    disk_init(&disk, p.scratch.folder);
    disk_load(&disk, "hone.db");
    place_master(&master, &p);
    disk_unload();
    place_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 2 FROM epoch");
    disk_break(&disk, error);
    proc_await_text(&master, says);
    int64_t rows = db_int(p.db, "SELECT count(*) FROM epoch");
    hold_for(LONGER_THAN_A_LEASE_MS);
    assert_true(is_alive(master.pid) && is_alive(worker.pid));
    assert_int_equal(db_int(p.db, "SELECT count(*) FROM epoch"), rows);
    expect_calls_told(&p, "the master cannot do that now: store: ");
    disk_mend(&disk);
    proc_await_text(&master, "takes writes again");
    expect_end(&master);
    assert_int_equal(proc_wait(&worker), 0);
    assert_int_equal(count_of(str_text(&master.out), says), 1); /* said once */
    place_expect_undisturbed(&p);
    assert_int_equal(db_int(p.db, "SELECT max(attempt) FROM attempt"), 1); /* nobody lost his lease */
    proc_fini(&master);
    proc_fini(&worker);
    disk_fini(&disk);
    place_fini(&p);
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    break_and_mend(ENOSPC, "no space left");
}

static void an_io_error_is_waited_for(void **state)
{
    (void)state;
    break_and_mend(EIO, "the disk refused");
}

/* A device that went read-only answers so. */
static void a_read_only_disk_is_waited_for(void **state)
{
    (void)state;
    break_and_mend(EROFS, "no jobs are given");
}

static void a_disk_that_fails_now_and_then_costs_nothing(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker;
    struct disk disk;
    place_init(&p, place_study);
    disk_init(&disk, p.scratch.folder);
    disk_load(&disk, "hone.db");
    place_master(&master, &p);
    disk_unload();
    disk.shim->error = EIO;
    disk.shim->every = 101;
    __atomic_store_n(&disk.shim->fault, (uint32_t)SHIM_FAIL, __ATOMIC_SEQ_CST);
    place_worker(&worker, &p, "w1");
    expect_end(&master);
    proc_wait(&worker);
    assert_true(disk.shim->hits >= 3);
    place_expect_undisturbed(&p);
    proc_fini(&master);
    proc_fini(&worker);
    disk_fini(&disk);
    place_fini(&p);
}

/* ---- a real one: a tmpfs in a mount namespace of the master's own ---- */

static bool may_mount(const struct place *p)
{
    return RUN(p->scratch.folder, NULL, "unshare", "-Urm", "true") == 0;
}

static void fill(const char *path)
{
    static const char zeros[4096];
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    close(fd);
}

static void a_full_file_system_is_waited_for(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker;
    char script[8192], filler[200], real[4096];
    const char *hone = getenv("HONE");
    place_init(&p, place_study);
    if (!may_mount(&p)) {
        print_message("# skip no mount namespaces here\n");
        place_fini(&p);
        skip();
    }
    assert_non_null(realpath(hone ? hone : "build/hone", real));
    snprintf(script, sizeof script,
             "mkdir t && mount -t tmpfs -o size=16m none t && exec %s master --once study.json --db "
             "t/hone.db --bind %s "
             "--beat 100ms --lease 3s",
             real, p.address);
    START(&master, p.scratch.folder, "unshare", "-Urm", "sh", "-c", script);
    proc_await_text(&master, "hone worker");
    snprintf(filler, sizeof filler, "/proc/%d/root%s/t/filler", (int)master.pid, p.scratch.folder);
    place_worker(&worker, &p, "w1");
    fill(filler);
    proc_await_text(&master, "no space left");
    hold_for(LONGER_THAN_A_LEASE_MS);
    assert_true(is_alive(master.pid));
    assert_int_equal(unlink(filler), 0);
    proc_await_text(&master, "takes writes again");
    expect_end(&master);
    assert_int_equal(proc_wait(&worker), 0);
    proc_fini(&master);
    proc_fini(&worker);
    place_fini(&p);
}

/* ---- time that passes without us; a file that goes ---- */

static void a_master_that_slept_takes_nobodys_lease(void **state)
{
    (void)state;
    struct place p;
    struct proc master, worker;
    place_init(&p, place_study);
    place_master(&master, &p);
    place_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 2 FROM epoch");
    proc_signal(&master, SIGSTOP);
    hold_for(LONGER_THAN_A_LEASE_MS);
    proc_signal(&master, SIGCONT);
    expect_end(&master);
    assert_int_equal(proc_wait(&worker), 0);
    place_expect_undisturbed(&p);
    /* A job that was on its way when it stopped may be lost with the connection; a lease is not. */
    assert_null(strstr(str_text(&master.out), ": lost; "));
    proc_fini(&master);
    proc_fini(&worker);
    place_fini(&p);
}

static void lose_database(const char *how)
{
    struct place p;
    struct proc master, worker;
    place_init(&p, place_long_study);
    place_master(&master, &p);
    place_worker(&worker, &p, "w1");
    db_await(p.db, "SELECT count(*) >= 2 FROM epoch");
    assert_int_equal(RUN(p.scratch.folder, NULL, "sh", "-c", how), 0);
    assert_int_equal(proc_wait(&master), 3);
    assert_non_null(strstr(str_text(&master.out), "was removed or replaced"));
    assert_true(is_alive(worker.pid));
    proc_fini(&master);
    proc_fini(&worker);
    place_fini(&p);
}

static void a_database_that_is_gone_ends_the_master(void **state)
{
    (void)state;
    lose_database("rm hone.db");
    lose_database("rm hone.db-wal");
    lose_database("cp hone.db copy && mv copy hone.db");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_is_waited_for),
        cmocka_unit_test(an_io_error_is_waited_for),
        cmocka_unit_test(a_read_only_disk_is_waited_for),
        cmocka_unit_test(a_disk_that_fails_now_and_then_costs_nothing),
        cmocka_unit_test(a_full_file_system_is_waited_for),
        cmocka_unit_test(a_master_that_slept_takes_nobodys_lease),
        cmocka_unit_test(a_database_that_is_gone_ends_the_master),
    };
    return cmocka_run_group_tests_name("outage", tests, NULL, place_forget_undisturbed);
}
