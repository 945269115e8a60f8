/* json: what it takes, how it complains, and that what is written reads back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/json_line.h"
#include "common/mem.h"

static struct json *parsed(const char *text)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse(text, strlen(text), "study.json", &err);
    if (!root)
        fail_msg("%s: %s", text, err.text);
    return root;
}

static void assert_printed(const struct json *node, const char *want)
{
    struct str out = {0};
    json_print(node, &out);
    assert_string_equal(str_text(&out), want);
    str_fini(&out);
}

static void assert_rejected(const char *text, size_t len, const char *want)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse(text, len, "s.json", &err);
    if (root || strcmp(err.text, want) != 0)
        fail_msg("%.60s\n   says %s\n   want %s", text, root ? "nothing" : err.text, want);
}

static void numbers_are_as_json_has_them(void **state)
{
    (void)state;
    static const char *const bad[] = {"[00.5]", "[-05]", "[007]", "[1.]", "[-.5]", "[1.e5]", "[0,01]"};
    static const char *const good[] = {"[0.5,-0.5,0,-0,100,10.05,0.005]", "[1e-05,1E05,1e+00,2.0e0]",
                                       "[\"00.5\",\"1.\"]"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct err err = ERR_NONE;
        assert_null(json_parse(bad[i], strlen(bad[i]), "s.json", &err));
        assert_non_null(strstr(err.text, "a number is written like 0.5, -3 or 1e-4"));
    }
    for (size_t i = 0; i < COUNT_OF(good); i++)
        json_free(parsed(good[i]));
}

static void values_and_comments_are_read(void **state)
{
    (void)state;
    struct json *root = parsed(
        "\xef\xbb\xbf// a study\n{ \"lr\": /* log */ {\"log\": [1e-6, 10]}, \"s\": \"// not a /* comment\",\n"
        "  \"t\": true, \"n\": null, \"q\": \"\\\"\\u00e4\\n\" } /**/ // end");
    assert_printed(root, "{\"lr\":{\"log\":[1e-06,10]},\"s\":\"// not a /* comment\",\"t\":true,\"n\":null,"
                         "\"q\":\"\\\"\xc3\xa4\\n\"}");
    assert_int_equal(json_type(root), JSON_OBJECT);
    assert_int_equal(json_count(root), 5);
    const struct json *log = json_get(json_get(root, "lr"), "log");
    assert_true(json_num(json_at(log, 1)) == 10);
    assert_null(json_at(log, 2));
    assert_null(json_get(root, "LR")); /* keys are case-sensitive */
    assert_string_equal(json_key(json_first(root)), "lr");
    assert_true(json_bool(json_get(root, "t")));
    assert_string_equal(json_text(json_get(root, "t")), "");
    json_free(root);
    json_free(NULL);
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "s.json:1:1: not valid JSON: the text ends where a value should be"},
        {"{\n  \"lr\": ,\n}", "s.json:2:9: not valid JSON: a value is missing before this"},
        {"{\"a\":1} x",
         "s.json:1:9: not valid JSON: the text goes on behind its end: an opening { may be missing"},
        {"// one\n/* two\n", "s.json:2:1: this comment never ends"},
        {"{ /*/ }", "s.json:1:3: this comment never ends"},
        {"{\"study: 1,\n\"b\": 2}", "s.json:1:12: the line ends inside a string: a quote is missing"},
        {"[\"a\\u0000b\"]", "s.json:1:4: \\u0000 cannot be part of a text here"},
        {"[\"a\tb\"]", "s.json:1:4: a control character in a string"},
        {"[\"\xff\"]", "s.json:1:3: these bytes are not UTF-8"},
        {"[\"\xc0\xaf\"]", "s.json:1:3: these bytes are not UTF-8"},
        {"[\"\xed\xa0\x80\"]", "s.json:1:3: these bytes are not UTF-8"},
        {"{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", "s.json: a.b: this key is there twice"},
        {"[1, 1e999]", "s.json: [1]: the number is too large"},
        {"[1,\n 2,\n 1e999]", "s.json:3: [2]: the number is too large"},
        {"{\n\"a\": 1,\n\"a\": 2}", "s.json:2: a: this key is there twice"},
        {"[NaN]", "s.json:1:2: not valid JSON: there is no NaN and no infinity in JSON"},
        {"[Infinity]", "s.json:1:2: not valid JSON: there is no NaN and no infinity in JSON"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_rejected(cases[i].text, strlen(cases[i].text), cases[i].says);
    assert_rejected("[1\0]", 4, "s.json:1:3: there is a NUL byte: this is not a JSON text");
    assert_rejected("\xff\xfe{\0}\0", 6, "s.json:1:1: this looks like UTF-16: save it as UTF-8");
    assert_rejected("{\0}\0", 4, "s.json:1:1: this looks like UTF-16: save it as UTF-8");
    assert_rejected("\0{\0}", 4, "s.json:1:1: this looks like UTF-16: save it as UTF-8");
}

/* What goes wrong when people edit a file, and where they have to look. */
static void slips_of_the_pen_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\n\"a\": 1, // last\n}", "s.json:2:7: not valid JSON: this comma before a } is one too many"},
        {"[1, 2,]", "s.json:1:6: not valid JSON: this comma before a ] is one too many"},
        {"{\"a\": 1\n\"b\": 2}", "s.json:2:1: not valid JSON: a comma is missing before this"},
        {"{\"a\" 1}", "s.json:1:6: not valid JSON: a : is missing between the key and this"},
        {"{a: 1}", "s.json:1:2: not valid JSON: a key stands in double quotes"},
        {"{'a': 1}", "s.json:1:2: not valid JSON: a key stands in double quotes"},
        {"{\"a\": 'b'}", "s.json:1:7: not valid JSON: a text stands in double quotes"},
        {"{\"a\": {\"b\": [1, 2}}", "s.json:1:18: not valid JSON: a ] is missing before this }"},
        {"[{\"a\": 1]", "s.json:1:9: not valid JSON: a } is missing before this ]"},
        {"{\"a\": {\"b\": 1}", "s.json:1:15: not valid JSON: the text ends before its last }"},
        {"{\"a\": [1", "s.json:1:9: not valid JSON: the text ends before its last ]"},
        {"{\"a\": 1}}", "s.json:1:9: not valid JSON: this closes nothing that is open"},
        {"{\"lr\": .1}", "s.json:1:8: not valid JSON: a number is written like 0.5, -3 or 1e-4"},
        {"{\"lr\": +1}", "s.json:1:8: not valid JSON: a number is written like 0.5, -3 or 1e-4"},
        {"{\"dir\": \"C:\\data\"}", "s.json:1:12: not valid JSON: a \\ in a text is written \\\\"},
        {"{\"on\": True}", "s.json:1:8: not valid JSON: true, false and null are written in small letters"},
        {"{\"on\": yes}",
         "s.json:1:8: not valid JSON: a text stands in double quotes; without them there are only "
         "true, false and null"},
        {"[0x10]", "s.json:1:2: not valid JSON: a number is written like 0.5, -3 or 1e-4"},
        {"[1_000]", "s.json:1:2: not valid JSON: a number is written like 0.5, -3 or 1e-4"},
        {"[10**-5]", "s.json:1:2: not valid JSON: a number is written like 0.5, -3 or 1e-4"},
        {"{\"a\": 1, # one\n\"b\": 2}", "s.json:1:10: not valid JSON: a comment begins with //, not with #"},
        {"{\"a\": 1 # one\n}", "s.json:1:9: not valid JSON: a comment begins with //, not with #"},
        {"# one\n{}", "s.json:1:1: not valid JSON: a comment begins with //, not with #"},
        {"{} # one", "s.json:1:4: not valid JSON: a comment begins with //, not with #"},
        {"{“a”: 1}", "s.json:1:2: not valid JSON: a text stands in straight quotes, not in typographic ones"},
        {"[‘a’]", "s.json:1:2: not valid JSON: a text stands in straight quotes, not in typographic ones"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_rejected(cases[i].text, strlen(cases[i].text), cases[i].says);
}

static void complaints_name_the_line(void **state)
{
    (void)state;
    static const char text[] =
        "// one\n{ \"a\": {\"x\": \"}\"}, /* {\n */ \"b\":\n[1, [2,\n3], \"c\\\"\"],\n\"d\": {}}";
    struct json *root = parsed(text);
    struct jcur top = jcur_root(root, "s.json");
    top.text = text;
    struct jcur a = jcur_get(&top, "a"), x = jcur_get(&a, "x"), b = jcur_get(&top, "b"),
                pair = jcur_at(&b, 1);
    struct jcur three = jcur_at(&pair, 1), d = jcur_get(&top, "d"), lost = jcur_get(&d, "lost");
    struct jcur none = jcur_get(&top, "none");
    assert_int_equal(json_line(&x), 2);
    assert_int_equal(json_line(&b), 4); /* where its value begins */
    assert_int_equal(json_line(&three), 5);
    assert_int_equal(json_line(&d), 6);
    assert_int_equal(json_line(&lost), 6); /* of what it should be in */
    assert_int_equal(json_line(&none), 0);
    assert_int_equal(json_line(&top), 0);
    struct err err = ERR_NONE;
    jcur_fail(&three, &err, "is odd");
    assert_string_equal(err.text, "s.json:5: b[1][1]: is odd");
    static const char *const keys[] = {"a", "b", "deep", NULL};
    assert_int_equal(jcur_known(&top, keys, &err), ERR_BAD);
    assert_string_equal(err.text, "s.json:6: unknown key \"d\"");
    top.text = "{\"a\": 1}"; /* on one line there is nothing to look for */
    assert_int_equal(json_line(&a), 0);
    json_free(root);
}

static char *nested(int depth)
{
    struct str out = {0};
    for (int i = 0; i < depth; i++)
        str_addc(&out, '[');
    for (int i = 0; i < depth; i++)
        str_addc(&out, ']');
    return str_take(&out);
}

static void depth_and_size_are_bounded(void **state)
{
    (void)state;
    char *deep = nested(JSON_MAX_DEPTH);
    json_free(parsed(deep));
    free(deep);
    deep = nested(JSON_MAX_DEPTH + 1);
    assert_rejected(deep, strlen(deep), "s.json:1:65: nested more than 64 deep");
    free(deep);
    deep = nested(100000); /* would overflow a stack if anything of ours recursed before it counted */
    assert_rejected(deep, strlen(deep), "s.json:1:65: nested more than 64 deep");
    free(deep);
    char *big = xmalloc(JSON_MAX_BYTES + 1);
    memset(big, ' ', JSON_MAX_BYTES + 1);
    assert_rejected(big, JSON_MAX_BYTES + 1, "s.json: larger than 16 MiB (16777217 bytes)");
    free(big);
}

static const char study[] =
    "{\"space\": {\"lr\": {\"log\": [0, \"x\"]}}, \"search\": {\"method\": \"rnadom\", \"trials\": 2.5},"
    " \"name\": \"9x\", \"on\": 1}";

static void cursors_complain_with_their_path(void **state)
{
    (void)state;
    struct json *root = parsed(study);
    struct jcur top = jcur_root(root, "study.json"), space = jcur_get(&top, "space"),
                lr = jcur_get(&space, "lr");
    struct jcur log = jcur_get(&lr, "log"), low = jcur_at(&log, 0), high = jcur_at(&log, 1);
    struct jcur search = jcur_get(&top, "search"), trials = jcur_get(&search, "trials"),
                name = jcur_get(&top, "name");
    struct jcur epochs = jcur_get(&search, "epochs"), below_nothing = jcur_get(&epochs, "x"),
                on = jcur_get(&top, "on");
    struct err err = ERR_NONE;
    double number;
    int64_t whole;
    bool flag;
    const char *text;
    assert_int_equal(jcur_num(&low, 1e-9, 10, &number, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: space.lr.log[0]: must be from 1e-09 to 10 (got 0)");
    assert_int_equal(jcur_num(&high, 0, 1, &number, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: space.lr.log[1]: must be a number (got \"x\")");
    assert_int_equal(jcur_int(&trials, 1, 9, &whole, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: search.trials: must be a whole number (got 2.5)");
    assert_int_equal(jcur_int(&low, 1, 9, &whole, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: space.lr.log[0]: must be from 1 to 9 (got 0)");
    assert_int_equal(jcur_int(&epochs, 1, 9, &whole, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: search.epochs: is missing; it must be a number");
    assert_int_equal(jcur_object(&below_nothing, 3, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: search.epochs.x: is missing; it must be an object");
    assert_int_equal(jcur_bool(&on, &flag, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: on: must be true or false (got 1)");
    assert_int_equal(jcur_name(&name, &text, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: name: \"9x\" is not a name");
    assert_int_equal(jcur_text(&name, 1, &text, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: name: is longer than 1 characters");
    assert_int_equal(jcur_array(&log, 3, 4, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: space.lr.log: must have 3 to 4 elements (got 2)");
    struct jcur met = jcur_of(&log, json_at(log.node, 1));
    jcur_fail(&met, &err, "bad");
    assert_string_equal(err.text, "study.json: space.lr.log[1]: bad");
    json_free(root);
}

static void cursors_read_what_is_right(void **state)
{
    (void)state;
    struct json *root = parsed("{\"n\": -3, \"x\": 0.5, \"b\": true, \"s\": \"adam\", \"l\": [1]}");
    struct jcur top = jcur_root(root, "f"), n = jcur_get(&top, "n"), x = jcur_get(&top, "x"),
                b = jcur_get(&top, "b");
    struct jcur s = jcur_get(&top, "s"), l = jcur_get(&top, "l"), none = jcur_get(&top, "none"),
                in_text = jcur_at(&s, 0);
    struct err err = ERR_NONE;
    int64_t whole;
    double number;
    bool flag;
    const char *text;
    int choice;
    assert_int_equal(jcur_int(&n, -3, 3, &whole, &err), 0);
    assert_int_equal(whole, -3);
    assert_int_equal(jcur_num(&x, 0, 1, &number, &err), 0);
    assert_int_equal(jcur_bool(&b, &flag, &err), 0);
    assert_int_equal(jcur_name(&s, &text, &err), 0);
    assert_string_equal(text, "adam");
    static const char *const names[] = {"sgd", "adam", NULL};
    assert_int_equal(jcur_choice(&s, names, &choice, &err), 0);
    assert_int_equal(choice, 1);
    assert_int_equal(jcur_array(&l, 1, 1, &err), 0);
    assert_true(jcur_has(&l));
    assert_false(jcur_has(&none));
    assert_false(jcur_has(&in_text));
    json_free(root);
}

static void unknown_words_get_a_suggestion(void **state)
{
    (void)state;
    struct json *root = parsed(study);
    struct jcur top = jcur_root(root, "study.json"), search = jcur_get(&top, "search"),
                method = jcur_get(&search, "method");
    static const char *const methods[] = {"grid", "random", "tpe", NULL};
    static const char *const keys[] = {"method", "trial", NULL};
    struct err err = ERR_NONE;
    int which;
    assert_int_equal(jcur_choice(&method, methods, &which, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: search.method: \"rnadom\" is not one of the choices");
    assert_string_equal(err.hint, "did you mean \"random\"? (known: grid, random, tpe)");
    assert_int_equal(jcur_known(&search, keys, &err), ERR_BAD);
    assert_string_equal(err.text, "study.json: search: unknown key \"trials\"");
    assert_string_equal(err.hint, "did you mean \"trial\"? (known: method, trial)");
    const char *many[101] = {NULL};
    for (int i = 0; i < 100; i++)
        many[i] = "stochastic";
    assert_int_equal(jcur_choice(&method, many, &which, &err), ERR_BAD);
    assert_string_equal(err.hint + strlen(err.hint) - strlen("stochastic, …"), "stochastic, …");
    struct jcur space = jcur_get(&top, "space"), lr = jcur_get(&space, "lr"), log = jcur_get(&lr, "log");
    assert_int_equal(jcur_known(&log, keys, &err), ERR_BAD);
    struct jcur absent = jcur_get(&top, "none");
    assert_int_equal(jcur_known(&absent, keys, &err), 0);
    assert_null(nearest_name("zzzzzz", methods));
    static const char *const goals[] = {"maximize", "minimize", NULL}, *const logs[] = {"log", "logit", NULL};
    assert_string_equal(nearest_name("min", goals), "minimize");
    assert_string_equal(nearest_name("loguniform", logs), "log");
    assert_string_equal(nearest_name("logits", logs), "logit");
    assert_null(nearest_name("mi", goals));
    json_free(root);
}

static void set_replaces_or_adds_at_a_path(void **state)
{
    (void)state;
    struct json *root = parsed("{\"search\": {\"trials\": 10}, \"l\": [1, {\"a\": 2}]}");
    struct err err = ERR_NONE;
    assert_int_equal(json_set(root, "search.trials", parsed("100"), &err), 0);
    assert_int_equal(json_set(root, "budget.wall", parsed("\"2h\""), &err), 0);
    assert_int_equal(json_set(root, "l[1].a", parsed("[3]"), &err), 0);
    assert_int_equal(json_set(root, "l[0]", parsed("null"), &err), 0);
    assert_printed(root,
                   "{\"search\":{\"trials\":100},\"l\":[null,{\"a\":[3]}],\"budget\":{\"wall\":\"2h\"}}");
    static const char *const bad[] = {"",          ".",   "l[2]", "l[-1]", "l.a", "search.trials.x",
                                      "search..x", "[0]", "a.",   "l[x]"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(json_set(root, bad[i], parsed("1"), &err), ERR_BAD);
        assert_non_null(strstr(err.text, "names no place"));
    }
    json_free(root);
}

static void sameness_names_the_first_difference(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *path; /* NULL: the same */
    } cases[] = {
        {"{\"a\":1,\"b\":[1,{}]}", "{\"b\":[1,{}],\"a\":1.0}", NULL},
        {"{\"space\":{\"lr\":{\"log\":[1,2]}}}", "{\"space\":{\"lr\":{\"log\":[1,3]}}}", "space.lr.log[1]"},
        {"[1,2]", "[1]", "[1]"},
        {"[1]", "[1,2]", "[1]"},
        {"{\"a\":{}}", "{\"a\":{\"x\":1}}", "a.x"},
        {"{\"a\":{\"x\":1}}", "{\"a\":{}}", "a.x"},
        {"{\"a\":true}", "{\"a\":1}", "a"},
        {"{\"a\":\"x\"}", "{\"a\":\"y\"}", "a"},
        {"{\"a\":false}", "{\"a\":true}", "a"},
        {"{\"a\":null}", "{}", "a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json *a = parsed(cases[i].a), *b = parsed(cases[i].b);
        struct str path = {0};
        assert_int_equal(json_same(a, b, &path), cases[i].path == NULL);
        assert_string_equal(str_text(&path), cases[i].path ? cases[i].path : "");
        str_fini(&path);
        json_free(a);
        json_free(b);
    }
}

static void members_can_be_put_taken_and_cloned(void **state)
{
    (void)state;
    struct json *root = json_new_object(), *list = parsed("[1,2]");
    json_put_num(root, "n", 0.1);
    json_put_text(root, "t", "x");
    json_put_text(root, "t", "y");
    json_put(root, "l", list);
    json_free(list);
    struct json *clone = json_clone(root), *taken = json_take(root, "l");
    assert_printed(root, "{\"n\":0.1,\"t\":\"y\"}");
    assert_printed(taken, "[1,2]");
    assert_printed(clone, "{\"n\":0.1,\"t\":\"y\",\"l\":[1,2]}");
    assert_null(json_take(root, "l"));
    json_free(taken);
    json_free(clone);
    json_free(root);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    jw_text(&w, "text", "a\"b\\c\n\t\x01\x7f \xc3\xa4 \xff \xe2\x82"); /* ends in half a character */
    jw_num(&w, "third", 1.0 / 3);
    jw_num(&w, "nan", 0.0 / 0.0);
    jw_int(&w, "big", INT64_MAX);
    jw_array(&w, "list");
    jw_bool(&w, NULL, true);
    jw_null(&w, NULL);
    jw_text(&w, NULL, NULL);
    jw_object(&w, NULL);
    jw_close_object(&w);
    jw_raw(&w, NULL, "[1]");
    jw_close_array(&w);
    jw_close_object(&w);
    assert_string_equal(str_text(&out),
                        "{\"text\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f \xc3\xa4 ? ??\","
                        "\"third\":0.3333333333333333,\"nan\":null,\"big\":9223372036854775807,"
                        "\"list\":[true,null,null,{},[1]]}");
    struct json *root = parsed(out.text);
    assert_true(json_num(json_get(root, "third")) == 1.0 / 3);
    json_free(root);
    str_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_as_json_has_them),
        cmocka_unit_test(values_and_comments_are_read),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(slips_of_the_pen_are_named),
        cmocka_unit_test(complaints_name_the_line),
        cmocka_unit_test(depth_and_size_are_bounded),
        cmocka_unit_test(cursors_complain_with_their_path),
        cmocka_unit_test(cursors_read_what_is_right),
        cmocka_unit_test(unknown_words_get_a_suggestion),
        cmocka_unit_test(set_replaces_or_adds_at_a_path),
        cmocka_unit_test(sameness_names_the_first_difference),
        cmocka_unit_test(members_can_be_put_taken_and_cloned),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
