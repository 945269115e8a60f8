/* THE status table, and that every picture of it agrees. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/trial_status.h"

static void names_go_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++) {
        enum trial_status status = (enum trial_status)i, back;
        assert_true(trial_status_parse(trial_status_name(status), &back));
        assert_int_equal(back, status);
        assert_true(strlen(trial_status_gloss(status)) > 5);
    }
    enum trial_status status;
    assert_false(trial_status_parse("lost", &status)); /* losing a worker is an event, not a status */
    assert_false(trial_status_parse("Running", &status));
    assert_false(trial_status_parse("", &status));
}

static void edges_are_those_of_the_house(void **state)
{
    (void)state;
    assert_string_equal(trial_edge_event(TRIAL_waiting, TRIAL_running), "dispatched");
    assert_string_equal(trial_edge_event(TRIAL_running, TRIAL_waiting), "given_back");
    assert_string_equal(trial_edge_event(TRIAL_paused, TRIAL_waiting), "promoted");
    assert_string_equal(trial_edge_event(TRIAL_complete, TRIAL_waiting), "edit");
    assert_null(trial_edge_event(TRIAL_waiting, TRIAL_complete));
    assert_null(trial_edge_event(TRIAL_pruned, TRIAL_waiting));
    assert_null(trial_edge_event(TRIAL_paused, TRIAL_running));
    int edges = 0;
    for (int from = 0; from < TRIAL_STATUS_COUNT; from++)
        for (int to = 0; to < TRIAL_STATUS_COUNT; to++)
            edges += trial_edge_event((enum trial_status)from, (enum trial_status)to) != NULL;
    assert_int_equal(edges, 14);
}

static void every_status_can_be_reached_and_final_ones_stay(void **state)
{
    (void)state;
    bool reached[TRIAL_STATUS_COUNT] = {[TRIAL_waiting] = true};
    for (int round = 0; round < TRIAL_STATUS_COUNT; round++)
        for (int from = 0; from < TRIAL_STATUS_COUNT; from++)
            for (int to = 0; to < TRIAL_STATUS_COUNT; to++)
                if (reached[from] && trial_edge_event((enum trial_status)from, (enum trial_status)to))
                    reached[to] = true;
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++) {
        enum trial_status status = (enum trial_status)i;
        assert_true(reached[i]);
        assert_null(trial_edge_event(status, status));
        if (!trial_status_is_final(status))
            continue;
        for (int to = 0; to < TRIAL_STATUS_COUNT;
             to++) /* only a person brings one back, and only to waiting */
            if (trial_edge_event(status, (enum trial_status)to))
                assert_int_equal(to, TRIAL_waiting);
    }
}

/* The picture is drawn once, in trial_status.def, and shown in the README: line by line the same. */
static void the_readme_shows_the_picture_of_the_table(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    struct str def = {0}, readme = {0};
    if (file_read("common/trial_status.def", 1 << 20, &def, &err) ||
        file_read("README.md", 1 << 20, &readme, &err))
        fail_msg("%s (tests run in the repository's root)", err.text);
    int lines = 0;
    char *rest = NULL, *line = strtok_r(def.text, "\n", &rest);
    for (; line && strstr(line, "TRIAL_STATUS(name") == NULL; line = strtok_r(NULL, "\n", &rest)) {
        const char *drawn = line + strspn(line, " *");
        bool is_picture = strstr(line, "─") || strstr(line, "│") || strstr(line, "dispatched");
        if (!is_picture)
            continue;
        lines++;
        if (!strstr(readme.text, drawn))
            fail_msg("not in README.md: %s", drawn);
    }
    assert_in_range(lines, 6, 20);
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        assert_non_null(strstr(readme.text, trial_status_name((enum trial_status)i)));
    str_fini(&def);
    str_fini(&readme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_there_and_back),
        cmocka_unit_test(edges_are_those_of_the_house),
        cmocka_unit_test(every_status_can_be_reached_and_final_ones_stay),
        cmocka_unit_test(the_readme_shows_the_picture_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
