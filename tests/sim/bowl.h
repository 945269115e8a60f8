/* bowl: one small study in rehearsal, and calls to its master. Its metric climbs towards a top that depends on lr alone.
 * Include it after cmocka.h. */
#ifndef HONE_TESTS_SIM_BOWL_H
#define HONE_TESTS_SIM_BOWL_H

#include <math.h>
#include <stdio.h>

#include "tests/sim/play.h"

/* Climbs towards a top that depends on lr alone; best at lr = 1e-2. */
static inline double bowl(void *arg, const struct json *params, uint64_t seed, int epoch, int epochs)
{
    (void)arg, (void)seed, (void)epochs;
    double d = log10(json_num(json_get(params, "lr"))) + 2;
    return (1 - 0.02 * d * d) * (1 - exp(-epoch));
}

static const char study_text[] =
    "{\"study\":\"s\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},"
    "\"trainer\":{\"command\":[\"true\"],\"seed\":3},\"space\":{\"lr\":{\"log\":[1e-6,10]}},"
    "\"search\":{\"method\":\"random\",\"trials\":40,\"epochs\":8,\"seed\":1}%s}";

static inline struct rehearsal *begin(struct rehearsal_options options, const char *extra, int workers)
{
    struct err err = ERR_NONE;
    char text[2000];
    options.objective = options.objective ? options.objective : bowl;
    options.metric = "acc";
    struct rehearsal *r = rehearsal_new(&options, &err);
    assert_non_null(r);
    snprintf(text, sizeof text, study_text, extra);
    if (rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < workers; i++)
        rehearsal_add_worker(r, 1);
    return r;
}

static inline void call(struct rehearsal *r, const char *verb, const char *args, uint64_t code)
{
    struct msg answer;
    rehearsal_call(r, verb, args, &answer);
    if (answer.answer.code != code)
        fail_msg("%s: %llu %s", verb, (unsigned long long)answer.answer.code, answer.answer.text);
    msg_fini(&answer);
}

#endif
