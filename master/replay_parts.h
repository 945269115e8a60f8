/* replay_parts: what the files of replay (replay, replay_points, replay_boxes, replay_moves) need of each other and show
 * to nobody else: the decisions as the rows have them, and a check for each kind.
 *
 * Each check counts itself in the report, and returns 0, or ERR_NO with the first difference in replay->err.
 */
#ifndef HONE_MASTER_REPLAY_PARTS_H
#define HONE_MASTER_REPLAY_PARTS_H

#include "master/eras.h"
#include "master/replay.h"
#include "master/search/pbt.h"
#include "master/search/retrace.h"
#include "master/study.h"

/* What a trial's row says of its proposal. */
struct made {
    uint32_t trial;
    char sampler[32], platform[128];
    int version;
    uint64_t cut;
    char *given; /* JSON of what somebody named of it; NULL: sampled */
};

struct seen_event {
    uint64_t seq;
    char param[PARAM_NAME], side[8], verdict[16];
    double best, lean, slope, trend, before_low, before_high, after_low, after_high;
    int top, trials;
};

/* A trial's way: what became of it when, and what a pruning decision says it saw. */
struct moved {
    uint64_t seq;
    uint32_t trial;
    enum trial_status to;
    char cause[16];
    uint64_t seen; /* newest seq of the history it was decided from; 0: decided otherwise */
    int epoch, until;
    int rank, of; /* its place among those it was compared with, as it was told; 0: it was not */
    bool more;    /* further trials could come */
};

struct approved {
    uint64_t seq; /* of the approval */
    char *events; /* JSON list of the box_events */
};

struct replay {
    struct study *study;
    struct retrace past; /* its history, from one decision to the next */
    struct eras eras;
    struct made *made;
    struct seen_event *events;
    struct moved *moved;
    struct approved *approved;
    size_t made_count, made_room, event_count, event_room, moved_count, moved_room;
    size_t approved_count, approved_room;
    struct finished finished; /* who was complete when the first `moved_seen` of moved[] were over */
    size_t moved_seen;
    const struct watcher *watcher;
    int64_t done; /* rows looked at */
    struct replay_report *report;
    struct err *err;
};

/* Was it proposed on a platform like this one? Then to the bit. */
bool made_is_here(const struct made *m);
/* Two NaN are the same; not exact: to 1e-9, relative for what is large. */
bool replay_near(double a, double b, bool exact);

int replay_proposal(struct replay *r, const struct made *m);
int replay_event(struct replay *r, const struct seen_event *e, bool exact);
int replay_box(struct replay *r, const struct history_box *box, bool exact);
int replay_judgement(struct replay *r, const struct moved *m);

/* What becomes of a trial at its generation's end, as the history to seq `cut` gives it: `*out`, at epoch `*at`, to run
 * until `*until`. False: nothing. */
bool replay_fate(struct replay *r, uint64_t cut, uint32_t trial, struct pbt_fate *out, int *at, int *until);

#endif
