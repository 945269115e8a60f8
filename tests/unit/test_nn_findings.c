/* The babysitter over real trainings: for each of its rules one that sets it off and one that does not, through the
 * built-in trainer's own reports. (What a rule says of given numbers is in test_nn_babysit; D12 and D13, which need
 * the study, are in tests/sim/test_findings.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"
#include "tests/tools/trainer.h"

static struct peer peer;

/* Trains, and says which rules spoke: " D1 D3 ". */
static void findings_of(const char *trainer, int epochs, char out[128])
{
    char *job = xasprintf("{\"job\":{\"study\":\"s\",\"trial\":1,\"attempt\":1,\"params\":{},\"seed\":3,"
                          "\"until\":%d,\"epochs\":%d,\"metric\":\"val_acc\",\"dir\":\"%s\",\"base\":\"/\","
                          "\"trainer\":{\"builtin\":\"mlp\",%s}}}",
                          epochs, epochs, peer.dir, trainer);
    bool done = false;
    strcpy(out, " ");
    peer_say(&peer, job);
    while (!done) {
        struct json *line = peer_hear_report(&peer);
        done = json_get(line, "done");
        if (done && !json_bool(json_get(line, "done")))
            fail_msg("%s: %s", trainer, json_text(json_get(line, "text")));
        for (const struct json *f = json_first(json_get(line, "findings")); f; f = json_next(f)) {
            strncat(out, json_text(json_get(f, "rule")), 120 - strlen(out));
            strcat(out, " ");
        }
        json_free(line);
    }
    free(job);
}

struct pair {
    const char *rule;
    const char *loud, *quiet; /* trainings */
    int epochs;
};

#define SPIRAL "\"data\":\"spiral:n=300\","
#define GLYPHS "\"data\":\"glyphs:n=1500\""
#define DEEP(unit)                                                                         \
    "\"watch\":1,\"lr\":0.01,\"layers\":[\"affine 16\",\"" unit "\",\"affine 16\",\"" unit \
    "\",\"affine 16\",\"" unit "\",\"affine 16\",\"" unit "\",\"affine 16\",\"" unit "\"]"

static const struct pair pairs[] = {
    {"D0", SPIRAL "\"lr\":1e10", SPIRAL "\"lr\":0.05", 4},
    {"D1", SPIRAL "\"init\":\"small\",\"lr\":10,\"layers\":[\"affine 16\",\"relu\"]",
     SPIRAL "\"init\":\"small\",\"lr\":0.05,\"layers\":[\"affine 16\",\"relu\"]", 6},
    {"D2", SPIRAL "\"optimizer\":\"sgd\",\"lr\":1e-6,\"init\":\"small\"",
     "\"data\":\"spiral\",\"optimizer\":\"sgd\",\"lr\":0.1", 3},
    {"D3", SPIRAL "\"watch\":1,\"lr\":1", SPIRAL "\"watch\":1,\"lr\":0.01", 3},
    {"D4", SPIRAL "\"watch\":1,\"optimizer\":\"sgd\",\"lr\":1e-6",
     SPIRAL "\"watch\":1,\"optimizer\":\"sgd\",\"lr\":0.05", 3},
    {"D5", "\"data\":\"glyphs:n=150\",\"val_part\":0.5,\"lr\":0.1", GLYPHS, 12},
    {"D6",
     "\"data\":\"spiral:n=6000\",\"layers\":[\"affine "
     "2\",\"relu\"],\"lr\":0.1,\"schedule\":\"exp\",\"decay\":0.5",
     "\"data\":\"spiral:n=6000\",\"lr\":0.05", 25},
    {"D7", SPIRAL "\"batch\":1,\"lr\":0.001", "\"data\":\"spiral:n=900\",\"batch\":30,\"lr\":0.001", 3},
    {"D8", SPIRAL "\"watch\":1,\"lr\":3,\"layers\":[\"affine 16\",\"relu\"]",
     SPIRAL "\"watch\":1,\"lr\":0.05,\"layers\":[\"affine 16\",\"relu\"]", 3},
    {"D9", SPIRAL "\"watch\":1,\"init_scale\":30,\"layers\":[\"affine 16\",\"tanh\"]",
     SPIRAL "\"watch\":1,\"layers\":[\"affine 16\",\"tanh\"]", 3},
    {"D10", SPIRAL DEEP("sigmoid"), SPIRAL DEEP("relu"), 3},
    {"D11", "\"data\":\"glyphs:n=150\",\"val_part\":0.5,\"lr\":0.1", GLYPHS, 14},
};

static void each_rule_has_a_training_that_sets_it_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const struct pair *p = &pairs[i];
        char found[128], name[8];
        snprintf(name, sizeof name, " %s ", p->rule);
        findings_of(p->loud, p->epochs, found);
        if (!strstr(found, name))
            fail_msg("%s is silent over {%s}: it found%s", p->rule, p->loud, found);
        findings_of(p->quiet, p->epochs, found);
        if (strstr(found, name))
            fail_msg("%s speaks over {%s}", p->rule, p->quiet);
    }
}

static void good_trainings_are_left_in_peace(void **state)
{
    (void)state;
    static const char *const good[] = {"\"data\":\"spiral\",\"watch\":1",
                                       "\"data\":\"spiral\",\"watch\":1,\"layers\":[\"affine 32\",\"tanh\"]",
                                       GLYPHS ",\"watch\":1"};
    char found[128];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        findings_of(good[i], 12, found);
        if (strcmp(found, " "))
            fail_msg("over {%s}: %s", good[i], found);
    }
}

/* What a rate far too high does is D1's to say; "too low", of a loss that is still large, would be the wrong advice. */
static void a_rate_too_high_is_not_called_too_low(void **state)
{
    (void)state;
    char found[128];
    findings_of("\"data\":\"spiral:n=120\",\"lr\":0.1,\"batch\":10,\"hidden\":200", 4, found);
    assert_non_null(strstr(found, " D1 "));
    assert_null(strstr(found, " D2 "));
}

static int begin(void **state)
{
    (void)state;
    peer_start(&peer);
    json_free(peer_hear(&peer));
    return 0;
}

static int finish(void **state)
{
    (void)state;
    return peer_end(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_has_a_training_that_sets_it_off),
        cmocka_unit_test(good_trainings_are_left_in_peace),
        cmocka_unit_test(a_rate_too_high_is_not_called_too_low),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
