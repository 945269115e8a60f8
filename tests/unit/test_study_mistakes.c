/* What people get wrong in a study file, one mistake at a time: each is refused with the line, the path, what was found
 * and a way out. A message that would not help its reader is changed here first. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"
#include "master/study_def.h"

static const char good[] =
    "{\n"
    "  \"study\": \"mine\",\n"
    "  \"metric\": { \"name\": \"val_loss\", \"goal\": \"minimize\" },\n"
    "  \"trainer\": { \"command\": [\"python3\", \"train.py\"] },\n"
    "  \"space\": { \"lr\": { \"log\": [1e-5, 1] }, \"hidden\": { \"int\": [8, 256] } },\n"
    "  \"search\": { \"trials\": 40, \"epochs\": 5 }\n"
    "}\n";

#define HIDDEN "{ \"int\": [8, 256] }"
#define COMMAND "{ \"command\": [\"python3\", \"train.py\"] }"

/* In `good`, `now` stands where `was` stood. */
static const struct {
    const char *was, *now, *text, *hint; /* hint: a part of it; "": there is none */
} mistakes[] = {
    /* values of another kind */
    {"1e-5", "\"1e-5\"", "s.json:5: space.lr.log[0]: must be a number (got \"1e-5\")",
     "without the quotes: 1e-5"},
    {"40", "\"40\"", "s.json:6: search.trials: must be a number (got \"40\")", "without the quotes: 40"},
    {"40", "\"many\"", "s.json:6: search.trials: must be a number (got \"many\")", ""},
    {"40", "40.5", "s.json:6: search.trials: must be a whole number (got 40.5)", ""},
    {"40", "0", "s.json:6: search.trials: must be from 1 to 1000000000 (got 0)", ""},
    {"40", "1e300", "s.json:6: search.trials: must be from 1 to 1000000000 (got 1e+300)", ""},
    {"5 }", "5, \"seed\": 18446744073709551615 }",
     "s.json:6: search.seed: must be from 0 to 9007199254740991 (got 1.8446744073709552e+19)", ""},
    {"{ \"name\": \"val_loss\", \"goal\": \"minimize\" }", "\"val_loss\"",
     "s.json:3: metric: must be an object (got \"val_loss\")", "\"goal\": \"maximize\""},
    {COMMAND, "\"python3 train.py\"", "s.json:4: trainer: must be an object (got \"python3 train.py\")",
     "{\"command\": [\"python3\", \"train.py\"]}"},
    {"[\"python3\", \"train.py\"]", "\"python3 train.py\"",
     "s.json:4: trainer.command: must be a list (got \"python3 train.py\")", "there is no shell"},
    {"[\"python3\", \"train.py\"]", "[]", "s.json:4: trainer.command: must have 1 to 256 elements",
     "python3"},
    {"\"search\"", "\"budget\": {\"wall\": 7200}, \"search\"",
     "s.json:6: budget.wall: must be a string (got 7200)", "\"2h30m\""},
    {"\"search\"", "\"repeat\": 3, \"search\"", "s.json:6: repeat: must be an object (got 3)",
     "{\"seeds\": 3}"},
    {"\"search\"", "\"enqueue\": {\"lr\": 1}, \"search\"", "s.json:6: enqueue: must be a list", "[{\"lr\""},
    {"\"search\"", "\"prune\": \"asha\", \"search\"", "s.json:6: prune: must be an object (got \"asha\")",
     "\"eta\""},
    /* keys and words that are not there */
    {"\"metric\"", "\"metrics\"", "s.json:3: unknown key \"metrics\"", "did you mean \"metric\"?"},
    {"\"goal\"", "\"gaol\"", "s.json:3: metric: unknown key \"gaol\"", "did you mean \"goal\"?"},
    {", \"goal\": \"minimize\"", "", "s.json:3: metric.goal: is missing", "\"maximize\" or \"minimize\""},
    {"\"minimize\"", "\"min\"", "s.json:3: metric.goal: \"min\" is not one", "did you mean \"minimize\"?"},
    {"\"minimize\"", "\"minimise\"", "s.json:3: metric.goal: \"minimise\"", "did you mean \"minimize\"?"},
    {"\"trials\"", "\"n_trials\"", "s.json:6: search: unknown key \"n_trials\"", "did you mean \"trials\"?"},
    {"\"trials\": 40, ", "", "s.json:6: search.trials: is missing", "\"budget\""},
    {"\"trials\": 40", "\"method\": \"TPE\", \"trials\": 40", "search.method: \"TPE\" is not",
     "did you mean \"tpe\"?"},
    {"\"trials\": 40", "\"method\": \"cmaes\", \"trials\": 40", "\"cmaes\" is not",
     "did you mean \"cma-es\"?"},
    {"\"search\": {", "\"method\": \"tpe\", \"search\": {", "s.json:6: method: stands inside \"search\"", ""},
    {"\"search\"", "\"prune\": {\"method\": \"hyberband\"}, \"search\"", "prune.method: \"hyberband\"",
     "did you mean \"hyperband\"?"},
    {"\"search\"", "\"prune\": {\"eta\": 3}, \"search\"", "s.json:6: prune.eta: belongs to a method",
     "\"method\": \"asha\""},
    {"train.py\"]", "train.py\", \"--lr={lrr}\"]", "s.json:4: trainer.command[2]: {lrr} is not a parameter",
     "\"space\""},
    {COMMAND, "{}", "s.json:4: trainer: must have \"builtin\" or \"command\"", "\"spiral\""},
    {COMMAND, "{ \"builtin\": \"mlp\", \"data\": \"spiral\", \"optimiser\": \"adam\" }",
     "s.json:4: trainer: unknown key \"optimiser\"", "did you mean \"optimizer\"?"},
    /* ranges */
    {"[1e-5, 1]", "[1, 1e-5]", "s.json:5: space.lr.log: low must be less than high", "swap them"},
    {"[1e-5, 1]", "[0, 1]", "s.json:5: space.lr.log[0]: must be > 0 (got 0)", "or_zero"},
    {"[1e-5, 1]", "[-5, 0]", "s.json:5: space.lr.log[0]: must be > 0 (got -5)", "values, never exponents"},
    {"[1e-5, 1]", "[1e-5]", "s.json:5: space.lr.log: must be a pair", "[0.001, 0.5]"},
    {"[1e-5, 1]", "[1e-5, null]", "s.json:5: space.lr.log[1]: must be a number (got null)", ""},
    {"[8, 256]", "[8, 8]", "s.json:5: space.hidden.int: low must be less than high", "a constant"},
    {"[8, 256]", "[8.5, 256]", "s.json:5: space.hidden.int[0]: must be a whole number (got 8.5)", ""},
    {HIDDEN, "[8, 256]", "s.json:5: space.hidden: must be an object with a distribution (got [8,256])",
     "a constant"},
    {HIDDEN, "{ \"choice\": [] }", "s.json:5: space.hidden.choice: must have 1 to 1000 elements (got 0)", ""},
    {HIDDEN, "{ \"choice\": [8, 8] }", "s.json:5: space.hidden.choice[1]: 8 is there twice", ""},
    {HIDDEN, "{ \"choice\": [[8, 8], [16]] }",
     "s.json:5: space.hidden.choice[0]: must be a string, a number, "
     "true or false (got [8,8])",
     "\"64x64\""},
    {"\"search\"", "\"require\": [\"hiden > 3\"], \"search\"",
     "s.json:6: require[0]: column 1: no parameter 'hiden'", ""},
    /* as other tools have it */
    {HIDDEN, "{ \"type\": \"int\", \"low\": 8, \"high\": 256 }",
     "s.json:5: space.hidden: has no distribution", "{\"int\": [16, 512]}"},
    {HIDDEN, "{ \"min\": 8, \"max\": 256 }", "has no distribution", "{\"uniform\": [0, 1]}"},
    {HIDDEN, "{ \"distribution\": \"log_uniform_values\", \"min\": 8, \"max\": 256 }", "has no distribution",
     "{\"log\": [1e-5, 1]}"},
    {HIDDEN, "{ \"_type\": \"randint\", \"_value\": [8, 256] }", "has no distribution",
     "{\"int\": [16, 512]}"},
    {HIDDEN, "{ \"categorical\": [8, 256] }", "has no distribution", "{\"choice\": "},
    {"\"log\"", "\"loguniform\"", "s.json:5: space.lr: has no distribution", "{\"log\": [1e-5, 1]}"},
    {HIDDEN, "{ \"gaussian\": [8, 256] }", "has no distribution", "known: uniform, log"},
    /* names */
    {"\"mine\"", "\"my study\"", "s.json:2: study: \"my study\" is not a name", "start with a letter"},
    {"\"mine\"", "\"../mine\"", "s.json:2: study: \"../mine\" is not a name", "start with a letter"},
    {"\"mine\"", "\"trial\"", "s.json:2: study: \"trial\" is a name that the database uses", "trial-1"},
    {"\"hidden\"", "\"Status\"", "s.json:5: space.Status: is the name of a column", "Status_"},
    {"\"hidden\"", "\"LR\"", "s.json:5: space.LR: differs from \"lr\" only in case", "rename"},
    /* the text itself */
    {"\"study\": \"mine\"", "\"study\": \"a\", \"study\": \"b\"", "s.json:2: study: this key is there twice",
     ""},
    {"\"hidden\"", "\"lr\"", "s.json:5: space.lr: this key is there twice", ""},
    {"[1e-5, 1]", "[1e-5, 1e999]", "s.json:5: space.lr.log[1]: the number is too large", ""},
    {"[1e-5, 1]", "[NaN, 1]", "s.json:5:30: not valid JSON: there is no NaN", ""},
    {"5 }", "5, }", "s.json:6:40: not valid JSON: this comma before a } is one too many", ""},
    {"5 }", "5 } # the budget", "s.json:6:43: not valid JSON: a comment begins with //", ""},
};

static void expect(const char *text, size_t len, const char *says, const char *hint)
{
    struct study_def def;
    struct err err = ERR_NONE;
    assert_int_equal(study_def_parse(text, len, "s.json", &def, &err), ERR_BAD);
    bool told = strstr(err.text, says) && (*hint ? strstr(err.hint, hint) != NULL : !err.hint[0]);
    if (!told)
        fail_msg("\"%s\", hint \"%s\"; wanted \"%s\", hint \"%s\"", err.text, err.hint, says, hint);
}

static void each_mistake_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        const char *at = strstr(good, mistakes[i].was);
        assert_non_null(at);
        struct str text = {0};
        str_addf(&text, "%.*s%s%s", (int)(at - good), good, mistakes[i].now, at + strlen(mistakes[i].was));
        expect(str_text(&text), text.len, mistakes[i].text, mistakes[i].hint);
        str_fini(&text);
    }
}

/* Line ends of another system and a byte order mark change nothing, not even the line that is named. */
static void other_systems_write_it_too(void **state)
{
    (void)state;
    struct str text = {0};
    str_add(&text, "\xef\xbb\xbf");
    for (const char *c = good; *c; c++)
        str_addf(&text, "%s%c", *c == '\n' ? "\r" : "", *c);
    struct study_def def;
    struct err err = ERR_NONE;
    assert_int_equal(study_def_parse(str_text(&text), text.len, "s.json", &def, &err), 0);
    study_def_fini(&def);
    *strstr(text.text, "1e-5") = '0'; /* 0e-5 */
    expect(str_text(&text), text.len, "s.json:5: space.lr.log[0]: must be > 0 (got 0)", "or_zero");
    str_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_is_named),
        cmocka_unit_test(other_systems_write_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
