/* What the plays in a rehearsal have in common. */
#ifndef HONE_TESTS_SIM_PLAY_H
#define HONE_TESTS_SIM_PLAY_H

#include <stdio.h>

#include "master/rehearsal.h"
#include "master/replay.h"

/* The study that was submitted last. */
static inline struct study *study_of(struct rehearsal *r)
{
    return reactor_study(rehearsal_reactor(r), NULL);
}

/* A study "s" of one axis, x from -1 to 1, whose metric is "acc". In a storm messages, workers and the master are lost now
 * and then. `search` and `more` are members of "search" and of the study ("" or beginning with a comma). */
static inline struct rehearsal *axis_begin(struct rehearsal_options options, bool storm, int workers,
                                           const char *search, const char *more)
{
    char text[1000];
    struct err err = ERR_NONE;
    options.metric = "acc";
    if (storm) {
        options.lose = 0.01;
        options.late = 0.2;
        options.crash_before = options.crash_after = 0.02;
        options.kill_worker = 0.05;
    }
    struct rehearsal *r = rehearsal_new(&options, &err);
    snprintf(text, sizeof text,
             "{\"study\":\"s\",\"metric\":{\"name\":\"acc\",\"goal\":\"maximize\"},\"trainer\":{\"command\":["
             "\"true\"],\"seed\":1},\"space\":{\"x\":{\"uniform\":[-1,1]}},\"search\":{\"seed\":%llu,%s}%s}",
             (unsigned long long)options.seed, search, more);
    if (!r || rehearsal_submit(r, text, &err))
        fail_msg("%s", err.text);
    for (int i = 0; i < workers; i++)
        rehearsal_add_worker(r, 1);
    return r;
}

/* To the study's end, the last of it in calm weather. */
static inline struct study *finish(struct rehearsal *r)
{
    rehearsal_run(r, 3000);
    rehearsal_calm(r);
    assert_true(rehearsal_run(r, 600000));
    return study_of(r);
}

/* The promises hold. */
static inline void check(struct rehearsal *r)
{
    struct err err = ERR_NONE;
    if (rehearsal_check(r, &err))
        fail_msg("%s", err.text);
}

static inline void end(struct rehearsal *r)
{
    check(r);
    rehearsal_free(r);
}

/* And every proposal of this study replays. */
static inline void end_replayed(struct rehearsal *r, const char *study)
{
    struct replay_report report;
    struct err err = ERR_NONE;
    if (replay_study(rehearsal_store(r), study, NULL, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.proposals, (int64_t)reactor_study(rehearsal_reactor(r), study)->count);
    end(r);
}

#endif
