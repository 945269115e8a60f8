/* A study that was made on another platform: its numbers may differ in the last digits, and no further. The rows of a
 * study made here are given another platform, and values that are off by as much as another library's logarithm could
 * make them, or by more. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

static const char study_text[] =
    "{ \"study\": \"s\", \"metric\": {\"name\": \"height\", \"goal\": \"minimize\"},\n"
    "  \"trainer\": {\"command\": [\"sh\", \"t.sh\"], \"seed\": 1},\n"
    "  \"space\": {\"x\": {\"log\": [1e-4, 10]}, \"y\": {\"uniform\": [-2, 2]}, \"n\": {\"int\": [1, 9]}},\n"
    "  \"search\": {\"method\": \"%s\", \"trials\": 30, \"epochs\": 1, \"seed\": 1, \"boundary\": \"off\"} "
    "}\n";

static const char trainer_text[] =
    "h=$(awk -v x=\"$HONE_PARAM_x\" -v y=\"$HONE_PARAM_y\" 'BEGIN { print (log(x) + 3) ^ 2 + (y - 1) ^ 2 "
    "}')\n"
    "printf '{\"epoch\":1,\"height\":%s}\\n' \"$h\" >\"/dev/fd/$HONE_OUT_FD\"\n";

static void expect_replay(const struct scratch *scratch, int status, const char *said)
{
    struct str out = {0};
    int got = RUN(scratch->folder, &out, "hone", "replay");
    if (got != status || !strstr(str_text(&out), said))
        fail_msg("status %d, no \"%s\" in: %s", got, said, str_text(&out));
    str_fini(&out);
}

static void numbers_of_another_platform(const char *method)
{
    struct scratch scratch;
    char text[1000], db[128];
    scratch_init(&scratch);
    snprintf(text, sizeof text, study_text, method);
    snprintf(db, sizeof db, "%s/hone.db", scratch.folder);
    scratch_text(&scratch, "study.json", text);
    scratch_text(&scratch, "t.sh", trainer_text);
    assert_int_equal(RUN(scratch.folder, NULL, "hone", "run", "study.json", "--workers", "1", "-q"), 0);
    expect_replay(&scratch, 0, "s: the same: 30 proposals");

    /* The last point, off by 1e-13 of itself: found where it was made here, and fine from elsewhere. */
    db_change(db, "UPDATE param SET value = value * (1 + 1e-13) WHERE name = 'x' AND trial = 30");
    expect_replay(&scratch, 1, "s/30: x: stored");
    db_change(db, "UPDATE trial SET platform = 'm68k gcc 2.95' WHERE number = 30");
    expect_replay(&scratch, 0, "1 of the proposals were made on another platform (m68k gcc 2.95)");

    /* By 1e-6 it is another point, wherever it was made; so is another whole number. */
    db_change(db, "UPDATE param SET value = value * (1 + 1e-6) WHERE name = 'x' AND trial = 30");
    expect_replay(&scratch, 1, "it was made on another platform");
    db_change(db, "UPDATE param SET value = value / (1 + 1e-6) WHERE name = 'x' AND trial = 30;"
                  "UPDATE param SET value = value % 9 + 1 WHERE name = 'n' AND trial = 30");
    expect_replay(&scratch, 1, "s/30: n: stored");
    scratch_fini(&scratch);
}

static void a_design(void **state)
{
    (void)state;
    numbers_of_another_platform("random");
}

static void a_model(void **state)
{
    (void)state;
    numbers_of_another_platform("tpe");
    numbers_of_another_platform("gp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_design), cmocka_unit_test(a_model)};
    return cmocka_run_group_tests_name("replay_elsewhere", tests, NULL, NULL);
}
