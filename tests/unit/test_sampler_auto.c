/* The default: which sampler it takes when, and that it says so. */
#include "tests/unit/race.h"

#include "master/search/sampler_row.h"

static int version_of(const char *sampler)
{
    static const struct sampler_row *const rows[] = {&sampler_halton, &sampler_gp, &sampler_tpe};
    for (int k = 0; k < 3; k++)
        if (strcmp(rows[k]->name, sampler) == 0)
            return rows[k]->version;
    return -1;
}

static const char *used_at(const char *space, const char *search, int finished, bool fresh)
{
    static char name[32];
    struct race race;
    struct err err = ERR_NONE;
    race_init(&race, space, search, 3);
    assert_string_equal(race.def.method, "auto");
    for (uint32_t t = 1; t <= (uint32_t)finished; t++) {
        struct history none = {0};
        sampler_propose(race.sampler, fresh ? &none : &race.history, t, &race.point, &race.note, &err);
        history_add(&race.history, t, t, &race.point, NULL, 0, ++race.seq);
        race_tell(&race, t, race.point.v[0].num);
    }
    uint32_t next = (uint32_t)finished + 1;
    assert_int_equal(sampler_propose(race.sampler, &race.history, next, &race.point, &race.note, &err), 0);
    assert_true(strlen(race.note.why) > 5 && race.note.version == version_of(race.note.sampler) &&
                race.note.seq_cut == race.seq);
    snprintf(name, sizeof name, "%s", race.note.sampler);
    race_fini(&race);
    return name;
}

/* The rule is in the note, in words. */
static void says_why(const char *space, const char *search, int finished, const char *reason)
{
    struct race race;
    struct err err = ERR_NONE;
    race_init(&race, space, search, 3);
    for (uint32_t t = 1; t <= (uint32_t)finished; t++) {
        struct rng rng = rng_at(1, t, 0, 0);
        double u[32];
        for (int i = 0; i < race.space.count; i++)
            u[i] = rng_unit(&rng);
        space_point(&race.space, u, &race.point);
        history_add(&race.history, t, t, &race.point, NULL, 0, ++race.seq);
        race_tell(&race, t, u[0]);
    }
    assert_int_equal(
        sampler_propose(race.sampler, &race.history, (uint32_t)finished + 1, &race.point, &race.note, &err),
        0);
    if (!strstr(race.note.why, reason))
        fail_msg("\"%s\" does not say \"%s\"", race.note.why, reason);
    race_fini(&race);
}

static const char tree[] = "{\"x\": {\"uniform\": [0, 1]}, \"c\": {\"choice\": [1, 2]},"
                           " \"y\": {\"uniform\": [0, 1], \"when\": {\"c\": [2]}}}";

/* One parameter more than a process is for; the caller frees. */
static struct str wide_space(void)
{
    struct str wide = {0};
    for (int i = 0; i < 21; i++)
        str_addf(&wide, "%s\"p%d\": {\"uniform\": [0, 1]}", i ? ", " : "{", i);
    str_addc(&wide, '}');
    return wide;
}

static void says_which_rule(void **state)
{
    (void)state;
    static const char off[] = "{\"boundary\": \"off\"}";
    struct str wide = wide_space();
    says_why(branin_space, off, 3, "startup: 3 of 8 results are there; auto takes gp: at most 250 results");
    says_why(branin_space, off, 12, "auto takes gp: at most 250 results");
    says_why(branin_space, off, 251, "auto takes tpe: more than 250 results");
    says_why(branin_space, "{\"trials\": 20, \"parallel\": 8}", 12,
             "auto takes halton: over a third of all trials run at once");
    says_why(tree, off, 12, "auto takes tpe: parameters have conditions");
    says_why(str_text(&wide), off, 12, "auto takes tpe: more than 20 parameters");
    str_fini(&wide);
}

static void takes_what_fits(void **state)
{
    (void)state;
    struct str wide = wide_space();
    assert_string_equal(used_at(branin_space, "{}", 5, false), "halton");
    assert_string_equal(used_at(branin_space, "{}", 12, false), "gp");
    assert_string_equal(used_at(branin_space, "{\"trials\": 60, \"parallel\": 8}", 12, false), "gp");
    assert_string_equal(used_at(branin_space, "{\"trials\": 20, \"parallel\": 8}", 12, false), "halton");
    assert_string_equal(used_at(branin_space, "{\"method\": \"auto\"}", 251, true), "tpe");
    assert_string_equal(used_at(tree, "{}", 5, false), "halton");
    assert_string_equal(used_at(tree, "{}", 12, false), "tpe");
    assert_string_equal(used_at(str_text(&wide), "{}", 30, false), "tpe");
    str_fini(&wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_what_fits), cmocka_unit_test(says_which_rule)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
