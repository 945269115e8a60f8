/* docs/study.schema.json and the reader of study files agree: same keys, same verdicts, same options, same words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/trainer_options.h"
#include "master/study_def.h"
#include "tests/tools/schema.h"
#include "tests/unit/study_cases.h"

static struct json *file_parsed(const char *path)
{
    struct str text = {0};
    struct err err = ERR_NONE;
    if (file_read(path, 1 << 20, &text, &err))
        fail_msg("%s (tests run in the repository's root)", err.text);
    struct json *root = json_parse(str_text(&text), text.len, path, &err);
    if (!root)
        fail_msg("%s", err.text);
    str_fini(&text);
    return root;
}

static int setup(void **state)
{
    *state = file_parsed("docs/study.schema.json");
    return 0;
}

static int teardown(void **state)
{
    json_free(*state);
    return 0;
}

/* ---- verdicts ---- */

static bool schema_takes(const struct json *schema, const char *base, const char *set, struct str *why)
{
    struct json *root = json_parse(base, strlen(base), "base", NULL);
    const char *equals = strchr(set, '=');
    char *path = xstrndup(set, (size_t)(equals - set));
    struct json *value = json_parse(equals + 1, strlen(equals + 1), "set", NULL);
    assert_non_null(value);
    assert_int_equal(json_set(root, path, value, NULL), 0);
    bool takes = schema_holds(schema, root, why);
    free(path);
    json_free(root);
    return takes;
}

static bool reader_takes(const char *base, const char *set, struct err *err)
{
    struct study_def def;
    const char *const sets[] = {set, NULL};
    if (study_def_parse_set(base, strlen(base), "base", sets, &def, err))
        return false;
    study_def_fini(&def);
    return true;
}

static int cases_judge(const struct json *schema, const char *base, const struct trial_case *cases,
                       size_t count)
{
    int wrong = 0;
    for (size_t i = 0; i < count; i++) {
        struct str why = {0};
        struct err err = ERR_NONE;
        bool schema_fine = schema_takes(schema, base, cases[i].set, &why);
        bool reader_fine = reader_takes(base, cases[i].set, &err);
        if (schema_fine != (cases[i].verdict != BAD) || reader_fine != (cases[i].verdict == FINE)) {
            print_error("%s: the schema %s (%s), the reader %s (%s)\n", cases[i].set,
                        schema_fine ? "takes it" : "refuses", str_text(&why),
                        reader_fine ? "takes it" : "refuses", err.text);
            wrong++;
        }
        str_fini(&why);
    }
    return wrong;
}

static void schema_and_reader_agree(void **state)
{
    int wrong = cases_judge(*state, base_builtin, builtin_cases, COUNT_OF(builtin_cases));
    wrong += cases_judge(*state, base_command, command_cases, COUNT_OF(command_cases));
    assert_int_equal(wrong, 0);
}

static void what_must_be_there_agrees(void **state)
{
    static const char *const keys[] = {"study", "metric", "trainer", "space", "search"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct json *root = json_parse(base_builtin, sizeof base_builtin - 1, "base", NULL);
        json_free(json_take(root, keys[i]));
        struct str text = {0};
        struct study_def def;
        json_print(root, &text);
        assert_false(schema_holds(*state, root, NULL));
        assert_int_equal(study_def_parse(text.text, text.len, "base", &def, NULL), ERR_BAD);
        str_fini(&text);
        json_free(root);
    }
}

/* ---- keys: the reader's list is in the hint it gives for an unknown one ---- */

/* Keys that the reader knows only beside a certain method. */
static bool needs_a_method(const char *key)
{
    static const char *const keys[] = {"grid",     "stages",       "sampler",      "eta",     "min_epochs",
                                       "variant",  "grace_epochs", "grace_trials", "chance",  "population",
                                       "interval", "quantile",     "resample",     "explore", NULL};
    for (int i = 0; keys[i]; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static void keys_agree(const char *base, const char *path, const struct json *properties)
{
    struct err err = ERR_NONE;
    char *set = xasprintf("%s%s#############################=1", path, *path ? "." : "");
    assert_false(reader_takes(base, set, &err));
    const char *known = strstr(err.hint, "known: ");
    if (!known)
        fail_msg("%s: no list of keys in \"%s\" (%s)", path, err.text, err.hint);
    char *list = xasprintf(", %s, ", known + 7);
    int count = 0;
    for (const struct json *p = json_first(properties); p; p = json_next(p), count++) {
        char *name = xasprintf(", %s, ", json_key(p));
        bool is_special = needs_a_method(json_key(p));
        count -= is_special;
        if (!strstr(list, name) && !is_special)
            fail_msg("%s: the schema has %s, the reader knows %s", path, json_key(p), known);
        free(name);
    }
    int commas = 0;
    for (const char *c = known; *c; c++)
        commas += *c == ',';
    if (count != commas + 1)
        fail_msg("%s: the schema has %d keys, the reader knows %s", path, count, known);
    free(list);
    free(set);
}

static const struct json *properties_of(const struct json *schema, const char *def)
{
    return json_get(json_get(json_get(schema, "$defs"), def), "properties");
}

static void reader_knows_the_schemas_keys(void **state)
{
    const struct json *schema = *state, *top = json_get(schema, "properties");
    keys_agree(base_builtin, "", top);
    keys_agree(base_builtin, "metric", properties_of(schema, "metric"));
    keys_agree(base_builtin, "search", json_get(json_get(top, "search"), "properties"));
    keys_agree(base_builtin, "budget", json_get(json_get(top, "budget"), "properties"));
    keys_agree(base_builtin, "prune", json_get(json_get(top, "prune"), "properties"));
    keys_agree(base_command, "trainer", properties_of(schema, "command"));
}

static void schema_knows_the_methods(void **state)
{
    const struct json *method =
        json_get(json_get(json_get(json_get(*state, "properties"), "search"), "properties"), "method");
    const struct json *word = json_first(json_get(method, "enum"));
    for (const char *const *name = sampler_names(); *name; name++, word = json_next(word)) {
        assert_non_null(word);
        assert_string_equal(json_text(word), *name);
    }
    assert_null(word);
}

/* ---- the built-in trainer's options: table, schema and docs/study-file.md ---- */

static const struct json *bounds_of(const struct json *property)
{
    const struct json *any = json_get(property, "anyOf");
    return any ? json_first(any) : property;
}

static void choices_agree(const struct trainer_option *option, const struct json *words)
{
    struct str joined = {0};
    for (const struct json *w = json_first(words); w; w = json_next(w))
        str_addf(&joined, "%s%s", joined.len ? "|" : "", json_text(w));
    assert_string_equal(str_text(&joined), option->choices);
    str_fini(&joined);
}

static void default_agrees(const struct trainer_option *option, const struct json *property)
{
    const struct json *given = json_get(property, "default");
    if (!*option->fallback || !strcmp(option->fallback, "null") || !strcmp(option->name, "seed")) {
        assert_null(given);
        return;
    }
    struct json *fallback = json_parse(option->fallback, strlen(option->fallback), "default", NULL);
    if (!given || !json_same(given, fallback, NULL))
        fail_msg("%s: another default than %s", option->name, option->fallback);
    json_free(fallback);
}

static void option_agrees(const struct trainer_option *option, const struct json *property)
{
    if (!property)
        fail_msg("the schema lacks %s", option->name);
    const struct json *bounds = bounds_of(property);
    if (strcmp(option->name, "seed") != 0)
        assert_string_equal(json_text(json_get(property, "description")), option->meaning);
    default_agrees(option, property);
    switch (option->kind) {
    case OPTION_NUM:
    case OPTION_INT:
        assert_string_equal(json_text(json_get(bounds, "type")),
                            option->kind == OPTION_INT ? "integer" : "number");
        assert_float_equal(json_num(json_get(bounds, "minimum")), option->low, 0);
        assert_float_equal(json_num(json_get(bounds, "maximum")), option->high, 0);
        break;
    case OPTION_BOOL: assert_string_equal(json_text(json_get(bounds, "type")), "boolean"); break;
    case OPTION_CHOICE: choices_agree(option, json_get(bounds, "enum")); break;
    case OPTION_TEXT: assert_float_equal(json_num(json_get(bounds, "maxLength")), option->high, 0); break;
    case OPTION_LIST: assert_float_equal(json_num(json_get(bounds, "maxItems")), option->high, 0); break;
    }
}

static void every_option_is_in_the_schema(void **state)
{
    const struct json *properties = properties_of(*state, "builtin");
    size_t count = 0;
    for (const struct trainer_option *option = trainer_option_at(0); option;
         option = trainer_option_at((int)++count))
        option_agrees(option, json_get(properties, option->name));
    assert_int_equal(json_count(properties), count);
}

static void every_option_is_on_the_page(void **state)
{
    (void)state;
    struct str page = {0};
    assert_int_equal(file_read("docs/study-file.md", 1 << 20, &page, NULL), 0);
    for (int i = 0; trainer_option_at(i); i++) {
        const struct trainer_option *option = trainer_option_at(i);
        bool open = !*option->fallback || !strcmp(option->fallback, "null") || !strcmp(option->name, "seed");
        const char *value = option->fallback[0] == '"' ? option->fallback + 1 : option->fallback;
        char *row = open ? xasprintf("\n| `%s` | ", option->name)
                         : xasprintf("\n| `%s` | %s%.*s", option->name, value != option->fallback ? "`" : "",
                                     (int)strcspn(value, "\""), value);
        if (!strstr(str_text(&page), row))
            fail_msg("docs/study-file.md has no row that begins%s", row);
        free(row);
    }
    str_fini(&page);
}

/* ---- the examples ---- */

static void examples_pass_both(void **state)
{
    static const char *const files[] = {"examples/spiral.json", "examples/glyphs.json", "examples/mnist.json",
                                        "examples/command.json", "examples/shell.json"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct json *root = file_parsed(files[i]);
        struct str why = {0};
        struct study_def def;
        struct err err = ERR_NONE;
        if (!schema_holds(*state, root, &why))
            fail_msg("%s: %s", files[i], str_text(&why));
        if (study_def_load(files[i], NULL, &def, &err))
            fail_msg("%s (%s)", err.text, err.hint);
        study_def_fini(&def);
        str_fini(&why);
        json_free(root);
    }
}

/* The whole example of the page, between ```jsonc and ```. */
static void the_pages_example_passes_both(void **state)
{
    struct str page = {0};
    assert_int_equal(file_read("docs/study-file.md", 1 << 20, &page, NULL), 0);
    const char *start = strstr(str_text(&page), "```jsonc\n");
    assert_non_null(start);
    start += strlen("```jsonc\n");
    size_t len = (size_t)(strstr(start, "```") - start);
    struct json *root = json_parse(start, len, "docs/study-file.md", NULL);
    struct study_def def;
    assert_non_null(root);
    assert_true(schema_holds(*state, root, NULL));
    assert_int_equal(study_def_parse(start, len, "docs/study-file.md", &def, NULL), 0);
    study_def_fini(&def);
    json_free(root);
    str_fini(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schema_and_reader_agree),       cmocka_unit_test(what_must_be_there_agrees),
        cmocka_unit_test(reader_knows_the_schemas_keys), cmocka_unit_test(every_option_is_in_the_schema),
        cmocka_unit_test(every_option_is_on_the_page),   cmocka_unit_test(examples_pass_both),
        cmocka_unit_test(the_pages_example_passes_both), cmocka_unit_test(schema_knows_the_methods),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
