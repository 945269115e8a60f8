/* The options of the built-in trainer: what is refused and how it is said, defaults, parameters,
 * placeholders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/trainer_layers.h"
#include "common/trainer_options.h"

static struct json *parse(const char *text)
{
    struct err err = ERR_NONE;
    struct json *json = json_parse(text, strlen(text), "s.json", &err);
    if (!json)
        fail_msg("%s", err.text);
    return json;
}

static struct json *resolve(const char *trainer, const char *params)
{
    struct json *t = parse(trainer), *p = parse(params), *out = NULL;
    struct jcur cur = jcur_root(t, "s.json");
    struct err err = ERR_NONE;
    if (trainer_resolve(&cur, p, &out, &err))
        fail_msg("%s; %s", err.text, err.hint);
    json_free(t);
    json_free(p);
    return out;
}

static void assert_refused(const char *trainer, const char *params, const char *text, const char *hint)
{
    struct json *t = parse(trainer), *p = params ? parse(params) : NULL, *out = NULL;
    struct jcur cur = jcur_root(t, "s.json");
    struct err err = ERR_NONE;
    int rc = params ? trainer_resolve(&cur, p, &out, &err) : trainer_options_check(&cur, &err);
    assert_int_equal(rc, ERR_BAD);
    if (!strstr(err.text, text) || !strstr(err.hint, hint))
        fail_msg("expected \"%s\" (%s) in: %s (%s)", text, hint, err.text, err.hint);
    json_free(t);
    json_free(p);
}

static void assert_option(const struct json *options, const char *key, const char *expected)
{
    struct str found = {0};
    json_print(json_get(options, key), &found);
    assert_string_equal(str_text(&found), expected);
    str_fini(&found);
}

static void every_option_gets_a_value(void **state)
{
    (void)state;
    struct json *o = resolve("{\"builtin\":\"mlp\",\"data\":\"spiral\"}", "{}");
    for (int i = 0; trainer_option_at(i); i++) {
        const struct json *value = json_get(o, trainer_option_at(i)->name);
        if (!value || json_type(value) == JSON_NULL)
            fail_msg("%s has no value", trainer_option_at(i)->name);
    }
    assert_option(o, "layers", "[\"affine 100\",\"relu\"]");
    assert_option(o, "lr", "0.02");
    assert_option(o, "momentum_start", "0.9");
    json_free(o);
}

static void defaults_follow_other_options(void **state)
{
    (void)state;
    struct json *o = resolve("{\"builtin\":\"convnet\",\"data\":\"glyphs\",\"dropout\":0.25,\"hidden\":64,"
                             "\"optimizer\":\"adam\",\"schedule\":\"plateau\",\"init\":\"small\"}",
                             "{}");
    assert_option(
        o, "layers",
        "[\"conv 3x3x16\",\"relu\",\"pool 2\",\"conv 3x3x32\",\"relu\",\"pool 2\",\"affine 64\",\"relu\","
        "\"dropout 0.25\"]");
    assert_option(o, "lr", "0.002");
    assert_option(o, "decay", "0.5");
    assert_option(o, "init_scale", "0.01");
    json_free(o);
}

static void a_parameter_sets_the_option_of_its_name(void **state)
{
    (void)state;
    struct json *o = resolve("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"lr\":0.5,\"batch\":100}",
                             "{\"lr\":0.001,\"optimizer\":\"adam\",\"bias_correction\":false,\"other\":3}");
    assert_option(o, "lr", "0.001");
    assert_option(o, "batch", "100");
    assert_option(o, "optimizer", "\"adam\"");
    assert_option(o, "bias_correction", "false");
    assert_null(json_get(o, "other"));
    json_free(o);
}

static void placeholders_become_values(void **state)
{
    (void)state;
    struct json *o =
        resolve("{\"builtin\":\"mlp\",\"layers\":[\"affine {h1}\",\"relu\",\"dropout {dropout}\","
                "\"affine {hidden}\",\"dropout\"],\"data\":\"spiral:arms={arms}\",\"batch\":\"{b}\","
                "\"flip\":\"{mirror}\"}",
                "{\"h1\":64,\"dropout\":0.5,\"arms\":5,\"b\":32,\"mirror\":true}");
    assert_option(
        o, "layers",
        "[\"affine 64\",\"relu\",\"dropout 0.5\",\"affine 100\",\"dropout 0.5\"]"); /* hidden: its default */
    assert_option(o, "data", "\"spiral:arms=5\"");
    assert_option(o, "batch", "32");
    assert_option(o, "flip", "true");
    json_free(o);
}

static void resolving_twice_changes_nothing(void **state)
{
    (void)state;
    struct json *once =
        resolve("{\"builtin\":\"convnet\",\"data\":\"glyphs\",\"dropout\":0.5}", "{\"lr\":0.1}");
    struct str text = {0}, path = {0};
    json_print(once, &text);
    struct json *twice = resolve(str_text(&text), "{}");
    assert_true(json_same(once, twice, &path));
    json_free(once);
    json_free(twice);
    str_fini(&text);
}

static void mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"lrr\":1}", NULL, "unknown key \"lrr\"",
                   "known: builtin");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"lrr\":1}", NULL, "unknown key \"lrr\"",
                   "babysit, watch)");
    assert_refused("{\"builtin\":\"mpl\",\"data\":\"spiral\"}", NULL, "s.json: builtin", "mlp");
    assert_refused("{\"builtin\":\"mlp\"}", NULL, "s.json: data", "");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"batch\":0.5}", NULL, "s.json: batch", "");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"dropout\":1}", NULL, "s.json: dropout", "");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"optimizer\":\"adm\"}", NULL,
                   "s.json: optimizer", "adam");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"layers\":[\"relu\",\"afine 3\"]}", NULL,
                   "s.json: layers[1]: \"afine 3\" is no layer", "did you mean \"affine\"?");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"layers\":[\"affine h\"]}", NULL,
                   "expected 1 to 65536 units at \"h\"", "goes in by its name: {h}");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"layers\":[\"affine {h}\"]}", "{}",
                   "s.json: layers[0]: {h} is not a parameter", "");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"layers\":[\"affine {h}\"]}", "{\"h\":0.5}",
                   "layers[0]: \"affine 0.5\": expected 1 to 65536 units at \"0.5\"", "affine 128");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\",\"batch\":\"{b}\"}", "{\"b\":\"many\"}",
                   "s.json: batch", "");
    assert_refused("{\"builtin\":\"mlp\",\"data\":\"spiral\"}", "{\"lr\":\"high\"}", "s.json: lr", "");
    assert_refused("[]", NULL, "s.json", "");
}

static void placeholders_pass_the_check_before_their_values_are_known(void **state)
{
    (void)state;
    struct json *t =
        parse("{\"builtin\":\"mlp\",\"data\":\"csv:{file}\",\"batch\":\"{b}\",\"layers\":[\"affine {h}\","
              "\"conv {k}x{k}x{f} stride {s} pad {p}\",\"pool {q}\",\"leaky {l}\",\"dropout {d}\","
              "\"maxout {m}\"]}");
    struct jcur cur = jcur_root(t, "s.json");
    struct err err = ERR_NONE;
    if (trainer_options_check(&cur, &err))
        fail_msg("%s", err.text);
    assert_true(trainer_uses_param(t, "file") && trainer_uses_param(t, "b") && trainer_uses_param(t, "k"));
    assert_true(trainer_uses_param(t, "lr"));
    assert_false(trainer_uses_param(t, "learning_rate") || trainer_uses_param(t, "fil"));
    json_free(t);
}

static void layers_are_read(void **state)
{
    (void)state;
    struct layer_spec s;
    assert_int_equal(layer_spec_parse("conv 3x5x16 stride 2 pad 4", &s, NULL), 0);
    assert_true(s.kind == LAYER_CONV && s.height == 3 && s.width == 5 && s.count == 16 && s.stride == 2 &&
                s.pad == 4);
    assert_int_equal(layer_spec_parse("conv 5x5x8", &s, NULL), 0);
    assert_true(s.stride == 1 && s.pad == 2);
    assert_int_equal(layer_spec_parse("pool 3 stride 2", &s, NULL), 0);
    assert_true(s.height == 3 && s.width == 3 && s.stride == 2);
    assert_int_equal(layer_spec_parse("pool 2x1", &s, NULL), 0);
    assert_true(s.height == 2 && s.width == 1 && s.stride == 2);
    assert_int_equal(layer_spec_parse("leaky", &s, NULL), 0);
    assert_true(s.value == 0.01);
    assert_int_equal(layer_spec_parse("dropout 0.25 ", &s, NULL), 0);
    assert_true(s.value == 0.25 && !s.bare);
}

static void wrong_layers_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "affine",         "affine -1",       "affine 1e3", "affine 99999",
        "conv 3x3",   "conv 3",         "conv 3x3x",       "pool",       "pool 0",
        "relu 3",     "dropout 1",      "dropout nan",     "maxout 1",   "conv 3x3x2 pad",
        "affine 3 4", "Affine 3",       "affine {h",       "pool 2x",    "flatten x",
        "conv axbxc", "leaky 2 stride", "conv 3x3x4 pool", "affine3",    "affine {h}x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct layer_spec spec;
        struct err err = ERR_NONE;
        if (layer_spec_parse(wrong[i], &spec, &err) != ERR_BAD)
            fail_msg("\"%s\" was taken", wrong[i]);
        assert_true(*err.text && *err.hint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_gets_a_value),
        cmocka_unit_test(defaults_follow_other_options),
        cmocka_unit_test(a_parameter_sets_the_option_of_its_name),
        cmocka_unit_test(placeholders_become_values),
        cmocka_unit_test(resolving_twice_changes_nothing),
        cmocka_unit_test(mistakes_are_named_with_their_place),
        cmocka_unit_test(placeholders_pass_the_check_before_their_values_are_known),
        cmocka_unit_test(layers_are_read),
        cmocka_unit_test(wrong_layers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
