/* A short race: a sampler against a function, one trial at a time, as the oracles of model-based samplers are
 * stated. Points are checked on the way. */
#ifndef HONE_TESTS_UNIT_RACE_H
#define HONE_TESTS_UNIT_RACE_H

#include "cli/functions.h"
#include "tests/unit/search.h"

/* To be minimised. */
typedef double objective(const struct space *space, const struct point *point);

/* A function that searches are simulated on (cli/functions.h), of the numbers of a point. */
static inline double function_of(const char *name, const struct space *space, const struct point *point)
{
    const struct function *function = function_find(name);
    double x[FUNCTION_PARAMS], out;
    assert_true(space->count <= function->most);
    for (int i = 0; i < space->count; i++)
        x[i] = point->v[i].num;
    function->at(x, space->count, &out);
    return out;
}

static inline double hartmann6(const struct space *space, const struct point *point)
{
    return function_of("hartmann6", space, point); /* least: -3.32237 */
}

static inline double branin(const struct space *space, const struct point *point)
{
    return function_of("branin", space, point); /* least: 0.397887 */
}

static const char hartmann6_space[] = "{\"a\": {\"uniform\": [0, 1]}, \"b\": {\"uniform\": [0, 1]}, \"c\": "
                                      "{\"uniform\": [0, 1]}, \"d\": {\"uniform\": [0, "
                                      "1]}, \"e\": {\"uniform\": [0, 1]}, \"f\": {\"uniform\": [0, 1]}}";
static const char branin_space[] = "{\"x\": {\"uniform\": [-5, 10]}, \"y\": {\"uniform\": [0, 15]}}";

struct race {
    struct space space;
    struct search_def def;
    struct sampler *sampler;
    struct history history;
    struct proposal note;
    struct point point;
    uint64_t seq;
    double best;
};

/* With this number of metrics. */
static inline void race_init_of(struct race *race, const char *space, const char *search, int metrics,
                                uint64_t seed)
{
    struct err err = ERR_NONE;
    *race = (struct race){.space = space_of(space), .best = INFINITY};
    race->def = search_of(search, &race->space);
    race->def.metrics = metrics;
    race->sampler = sampler_new(&race->def, &race->space, seed, &err);
    if (!race->sampler)
        fail_msg("%s", err.text);
    point_init(&race->point, &race->space);
}

static inline void race_init(struct race *race, const char *space, const char *search, uint64_t seed)
{
    race_init_of(race, space, search, 1, seed);
}

static inline void race_fini(struct race *race)
{
    point_fini(&race->point);
    history_fini(&race->history);
    sampler_free(race->sampler);
    search_fini(&race->def);
    space_fini(&race->space);
}

/* Proposes trial number `trial` and leaves it pending. */
static inline void race_ask(struct race *race, uint32_t trial)
{
    struct err err = ERR_NONE;
    int rc = sampler_propose(race->sampler, &race->history, trial, &race->point, &race->note, &err);
    if (rc)
        fail_msg("trial %u: %d %s", trial, rc, err.text);
    assert_true(space_holds(&race->space, &race->point));
    history_add(&race->history, trial, trial, &race->point, race->note.fit, race->note.fit_count,
                ++race->seq);
}

static inline void race_tell(struct race *race, uint32_t trial, double y)
{
    race->best = fmin(race->best, y);
    history_update(&race->history, trial, isfinite(y) ? HISTORY_SCORED : HISTORY_BAD, false, 1, -y,
                   ++race->seq);
}

static inline double race_run(struct race *race, objective *f, int trials)
{
    for (uint32_t t = (uint32_t)race->history.count + 1; t <= (uint32_t)trials; t++) {
        race_ask(race, t);
        race_tell(race, t, f(&race->space, &race->history.entries[t - 1].point));
    }
    return race->best;
}

/* 36 points are all there are: each is proposed once, then none. */
static inline void race_no_duplicates(const char *search)
{
    struct race race;
    struct err err = ERR_NONE;
    race_init(
        &race,
        "{\"a\": {\"int\": [1, 6]}, \"b\": {\"choice\": [\"x\", \"y\", \"z\"]}, \"c\": {\"values\": [1, 2]}}",
        search, 1);
    for (uint32_t t = 1; t <= 36; t++) {
        assert_int_equal(sampler_propose(race.sampler, &race.history, t, &race.point, &race.note, &err), 0);
        assert_false(history_has_point(&race.history, &race.point));
        history_add(&race.history, t, t, &race.point, race.note.fit, race.note.fit_count, ++race.seq);
        race_tell(&race, t, race.point.v[0].num);
    }
    assert_int_equal(sampler_propose(race.sampler, &race.history, 37, &race.point, &race.note, &err),
                     ERR_GONE);
    race_fini(&race);
}

#endif
