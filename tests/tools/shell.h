/* shell: what a person at a shell does, for tests of the command line: a folder of its own, a command typed, the answer
 * read. One folder for a whole program; pass shell_open and shell_close to cmocka_run_group_tests. Include it after
 * cmocka.h.
 *
 *     assert_int_equal(HONE("best", "-n", "3"), 0);
 *     assert_said("rank  trial");
 */
#ifndef HONE_TESTS_TOOLS_SHELL_H
#define HONE_TESTS_TOOLS_SHELL_H

#include <string.h>

#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

static struct scratch scratch;
static struct str out; /* what the last command said, on either stream */

/* The exit status. */
#define HONE(...) (str_clear(&out), RUN(scratch.folder, &out, "hone", __VA_ARGS__))

#define assert_said(text)                                        \
    do {                                                         \
        if (!strstr(str_text(&out), text))                       \
            fail_msg("no \"%s\" in:\n%s", text, str_text(&out)); \
    } while (0)

static inline int shell_open(void **state)
{
    (void)state;
    scratch_init(&scratch);
    return 0;
}

static inline int shell_close(void **state)
{
    (void)state;
    str_fini(&out);
    scratch_fini(&scratch);
    return 0;
}

#endif
