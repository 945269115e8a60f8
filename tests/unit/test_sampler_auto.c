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

static void takes_what_fits(void **state)
{
    (void)state;
    static const char tree[] =
        "{\"x\": {\"uniform\": [0, 1]}, \"c\": {\"choice\": [1, 2]}, \"y\": {\"uniform\": [0, 1], "
        "\"when\": {\"c\": [2]}}}";
    struct str wide = {0};
    for (int i = 0; i < 21; i++)
        str_addf(&wide, "%s\"p%d\": {\"uniform\": [0, 1]}", i ? ", " : "{", i);
    str_addc(&wide, '}');
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes_what_fits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
