/* What the plays in a rehearsal have in common. */
#ifndef HONE_TESTS_SIM_PLAY_H
#define HONE_TESTS_SIM_PLAY_H

#include "master/rehearsal.h"
#include "master/replay.h"

/* The study that was submitted last. */
static inline struct study *study_of(struct rehearsal *r)
{
    return reactor_study(rehearsal_reactor(r), NULL);
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
    if (replay_study(rehearsal_store(r), study, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.proposals, (int64_t)reactor_study(rehearsal_reactor(r), study)->count);
    end(r);
}

#endif
