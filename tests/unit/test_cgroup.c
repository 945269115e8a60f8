/* cgroup: where this process's own control group lies, by what the kernel says of mounts and groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "worker/cgroup.h"

#define UNIFIED "24 1 0:21 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define HYBRID                                                \
    "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw\n" \
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
#define OF_A_CONTAINER "24 1 0:21 /pod/c1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n"

static void the_own_group_lies_below_its_mount(void **state)
{
    (void)state;
    static const struct {
        const char *mountinfo, *self, *path; /* path NULL: there is none */
    } cases[] = {
        {UNIFIED, "0::/user.slice/run.scope\n", "/sys/fs/cgroup/user.slice/run.scope"},
        {UNIFIED, "0::/\n", "/sys/fs/cgroup"},
        {HYBRID, "4:memory:/job\n1:cpu:/job\n0::/job\n", "/sys/fs/cgroup/unified/job"},
        {OF_A_CONTAINER, "0::/pod/c1/a\n", "/sys/fs/cgroup/a"},
        {OF_A_CONTAINER, "0::/pod/c1\n", "/sys/fs/cgroup"},
        {OF_A_CONTAINER, "0::/pod/c10\n", NULL},
        {OF_A_CONTAINER, "0::/pod\n", NULL},
        {UNIFIED, "0::/../outside\n", NULL},
        {UNIFIED, "4:memory:/job\n", NULL},
        {UNIFIED, "", NULL},
        {"33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw\n", "0::/\n", NULL},
        {"24 1 0:21 / /sys/fs/cgroup rw", "0::/\n", NULL},
        {"", "0::/\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[256] = "";
        bool found = cgroup_path_in(cases[i].mountinfo, cases[i].self, path, sizeof path);
        assert_int_equal(found, cases[i].path != NULL);
        if (found)
            assert_string_equal(path, cases[i].path);
    }
}

static void a_path_that_does_not_fit_is_none(void **state)
{
    (void)state;
    char path[16];
    assert_false(cgroup_path_in(UNIFIED, "0::/a\n", path, sizeof path));
    assert_true(cgroup_path_in(UNIFIED, "0::/\n", path, sizeof path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_own_group_lies_below_its_mount),
        cmocka_unit_test(a_path_that_does_not_fit_is_none),
    };
    return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
