/* The table of commands: everything in it is documented, completable and parsed; docs/hone.1 is what it
 * prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/commands.h"
#include "cli/pages.h"
#include "common/check.h"
#include "common/file.h"
#include "common/str.h"

static void test_every_command_has_help_and_an_example(void **state)
{
    (void)state;
    for (const struct command *c = commands; c->name; c++) {
        struct str out = {0};
        help_command(c, &out);
        assert_true(*c->gloss);
        assert_non_null(c->examples[0].line);
        for (const struct example *e = c->examples; e->line; e++) {
            char front[64];
            snprintf(front, sizeof front, "hone %s", c->name);
            assert_non_null(strstr(e->line, front));
            assert_non_null(strstr(str_text(&out), e->line));
        }
        for (const struct option *o = c->options; o->field; o++) {
            char name[OPTION_NAME_MAX];
            option_name(o, name);
            assert_non_null(strstr(str_text(&out), name));
            assert_true(*o->gloss);
            assert_true((o->kind == OPT_FLAG) == !*o->arg);
        }
        assert_null(strstr(str_text(&out), "  \n"));
        str_fini(&out);
    }
}

/* What is embedded is the file, to its end, and help lists it. */
static void test_pages_are_their_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *file;
    } files[] = {
#define PAGE(symbol, name, file, gloss) {name, file},
#include "cli/pages.def"
    };
    struct str top = {0};
    help_top(&top);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct str text = {0};
        struct err err = ERR_NONE;
        const struct page *page = page_find(files[i].name);
        if (file_read(files[i].file, 1 << 20, &text, &err))
            fail_msg("%s", err.text);
        assert_non_null(page);
        assert_string_equal(page->text, str_text(&text));
        assert_null(command_find(page->name));
        assert_non_null(strstr(str_text(&top), page->gloss));
        str_fini(&text);
    }
    assert_null(page_find("nothing"));
    str_fini(&top);
}

static void test_names_are_unique_and_groups_known(void **state)
{
    (void)state;
    for (const struct command *c = commands; c->name; c++) {
        assert_ptr_equal(command_find(c->name), c);
        bool known = command_is_hidden(c);
        for (const struct group *g = command_groups; g->name; g++)
            known = known || strcmp(g->name, c->group) == 0;
        assert_true(known);
        for (const struct option *a = c->options; a->field; a++) {
            assert_true(a->letter != 'h' && strcmp(a->field, "help") != 0);
            for (const struct option *b = c->options; b < a; b++) {
                assert_string_not_equal(a->field, b->field);
                assert_true(!a->letter || a->letter != b->letter);
            }
        }
    }
}

static void test_defaults_parse(void **state)
{
    (void)state;
    for (const struct command *c = commands; c->name; c++) {
        void *opt = calloc(1, c->size);
        struct text_list rest = {0};
        struct err err = ERR_NONE;
        assert_int_equal(options_parse(c->options, 0, NULL, opt, &rest, &err), 0);
        options_fini(c->options, opt);
        free(opt);
    }
}

static void test_completion_knows_every_command_and_option(void **state)
{
    (void)state;
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t i = 0; i < COUNT_OF(shells); i++) {
        struct str out = {0};
        assert_int_equal(complete_script(shells[i], &out, NULL), 0);
        for (const struct command *c = commands; c->name; c++) {
            if (command_is_hidden(c))
                continue;
            assert_non_null(strstr(str_text(&out), c->name));
            for (const struct option *o = c->options; o->field; o++) {
                char name[OPTION_NAME_MAX];
                option_name(o, name);
                assert_non_null(strstr(str_text(&out), i == 2 ? name + 2 : name));
            }
        }
        assert_non_null(
            strstr(str_text(&out), "history curve params walls front")); // what an argument may be
        assert_non_null(strstr(str_text(&out), "list add revoke"));
        assert_null(strstr(str_text(&out), "slot)"));
        str_fini(&out);
    }
    struct err err = ERR_NONE;
    assert_int_equal(complete_script("csh", NULL, &err), ERR_BAD);
}

static void test_bash_takes_its_script(void **state)
{
    (void)state;
    struct str out = {0};
    complete_script("bash", &out, NULL);
    FILE *bash = popen("bash -n", "w");
    assert_non_null(bash);
    fputs(str_text(&out), bash);
    assert_int_equal(pclose(bash), 0);
    str_fini(&out);
}

static void test_top_lists_every_command_within_80_columns(void **state)
{
    (void)state;
    struct str out = {0};
    help_top(&out);
    for (const struct command *c = commands; c->name; c++) {
        char row[64];
        snprintf(row, sizeof row, "\n  %-12s", c->name);
        assert_true(!strstr(str_text(&out), row) == command_is_hidden(c));
    }
    for (const char *line = str_text(&out); *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 88);
    str_fini(&out);
}

/* Makes it anew with: build/hone man > docs/hone.1 */
static void test_man_page_is_what_the_table_gives(void **state)
{
    (void)state;
    struct str made = {0}, kept = {0};
    man_page(&made);
    assert_int_equal(file_read("docs/hone.1", 1 << 20, &kept, NULL), 0);
    // the version in the first line changes with every release, the rest with the table alone
    const char *a = strchr(str_text(&made), '\n'), *b = strchr(str_text(&kept), '\n');
    assert_string_equal(a, b);
    str_fini(&made);
    str_fini(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_has_help_and_an_example),
        cmocka_unit_test(test_pages_are_their_files),
        cmocka_unit_test(test_names_are_unique_and_groups_known),
        cmocka_unit_test(test_defaults_parse),
        cmocka_unit_test(test_completion_knows_every_command_and_option),
        cmocka_unit_test(test_bash_takes_its_script),
        cmocka_unit_test(test_top_lists_every_command_within_80_columns),
        cmocka_unit_test(test_man_page_is_what_the_table_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
