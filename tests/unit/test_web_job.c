/* job: work in a child, one at a time, its result given again for a while. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "web/job.h"

/* The study says what happens. */
static int work(const char *db, const char *study, struct str *out, struct err *err)
{
    if (strcmp(study, "few") == 0)
        return err_set(err, ERR_NO, "%s: too few", db);
    if (strcmp(study, "dies") == 0)
        raise(SIGKILL);
    if (strcmp(study, "long") == 0)
        for (int i = 0; i < 100000; i++)
            str_add(out, "0123456789");
    str_addf(out, "%s of %s by %d", study, db, (int)getpid());
    return 0;
}

/* Until its child has ended, whatever it does: seen without taking it from whoever waits for it. A long result is
 * taken while the child still writes. */
static int ask_till_done(struct jobs *jobs, const char *study, const char *version, int64_t now,
                         const char **out, struct err *err)
{
    int rc = jobs_ask(jobs, study, version, now, out, err);
    jobs_begin(jobs, now);
    while (rc == ERR_BUSY) {
        siginfo_t info;
        if (strcmp(study, "long") != 0)
            assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
        *err = ERR_NONE;
        rc = jobs_ask(jobs, study, version, now + 100, out, err);
    }
    return rc;
}

static void a_result_comes_from_a_child(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new("x.db", work);
    struct err err = ERR_NONE;
    const char *out;
    assert_int_equal(ask_till_done(jobs, "s", "1", 0, &out, &err), 0);
    assert_memory_equal(out, "s of x.db by ", 13);
    assert_int_not_equal(atoi(out + 13), getpid());
    assert_int_equal(ask_till_done(jobs, "long", "1", 0, &out, &err), 0);
    assert_memory_equal(out + 1000000, "long of x.db", 12);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // none is left
    jobs_free(jobs);
}

static void what_went_wrong_is_told(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new("x.db", work);
    struct err err = ERR_NONE;
    const char *out;
    assert_int_equal(ask_till_done(jobs, "few", "1", 0, &out, &err), ERR_NO);
    assert_string_equal(err.text, "x.db: too few");
    assert_int_equal(ask_till_done(jobs, "dies", "1", 0, &out, &err), ERR_IO);
    assert_non_null(strstr(err.text, "ended early"));
    jobs_free(jobs);
}

static void one_works_and_its_result_is_kept_for_a_while(void **state)
{
    (void)state;
    struct jobs *jobs = jobs_new("x.db", work);
    struct err err = ERR_NONE;
    const char *out;
    char first[64];
    assert_int_equal(jobs_ask(jobs, "s", "1", 0, &out, &err), ERR_BUSY);
    assert_int_equal(jobs_ask(jobs, "other", "1", 0, &out, &err), ERR_BUSY); // only the first begins
    assert_int_equal(ask_till_done(jobs, "s", "1", 0, &out, &err), 0);
    assert_true(str_copy(first, sizeof first, out));
    assert_int_equal(jobs_ask(jobs, "s", "2", 4000, &out, &err), 0); // changed since, but young
    assert_string_equal(out, first);
    assert_int_equal(jobs_ask(jobs, "s", "1", 1000000, &out, &err), 0); // old, but nothing has changed
    assert_string_equal(out, first);
    assert_int_equal(ask_till_done(jobs, "s", "2", 1000000, &out, &err), 0);
    assert_string_not_equal(out, first);
    assert_int_equal(jobs_ask(jobs, "s", "3", 2000000, &out, &err), ERR_BUSY);
    jobs_begin(jobs, 2000000);
    jobs_free(jobs); // ends the one that works
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_comes_from_a_child),
        cmocka_unit_test(what_went_wrong_is_told),
        cmocka_unit_test(one_works_and_its_result_is_kept_for_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
