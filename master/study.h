/* study: one search in memory: its definition, trials, waiting list, counters, history for the samplers, and the
 * accounting of its budget. What a study is doing is derived, by the first rule that matches (study_state); only
 * the user's wish (run, pause, stop) and the end are stored.
 *
 * Budgets are counted here, exactly: `trials` counts sampled points (pruned and failed too; not cancelled ones, not
 * further attempts), wall time counts while a master runs the study.
 *
 * Ownership: the reactor owns studies; a study owns its trials.
 */
#ifndef HONE_MASTER_STUDY_H
#define HONE_MASTER_STUDY_H

#include "master/proposer.h"
#include "master/search/curves.h"
#include "master/search/ladder.h"
#include "master/study_def.h"
#include "master/trial.h"

/* By whom a trial of a confirmation is proposed, as its row says. */
#define CONFIRM_SAMPLER "confirm"

struct study {
    /* the row */
    int64_t id;
    char *base;
    enum study_wish wish;
    int64_t created_ms, ended_ms;
    int64_t wall_used_ms, slot_used_ms;
    char end_reason[33]; /* "" until it has ended */
    enum study_checks checks;
    enum study_checked checked;

    /* memory */
    struct study_def def;
    struct sampler *sampler;
    struct history history;
    struct ladder *ladder;     /* its rungs, kept in order between questions */
    struct finished *finished; /* curves that pruners compare with; kept likewise */
    struct proposer *proposer; /* NULL: points are proposed on the spot (fast samplers, rehearsal) */
    bool asked;                /* a question is with the proposer */
    struct trial **trials;     /* trials[number - 1] */
    size_t count, room;
    struct trial *waiting_first, *waiting_last;
    int64_t counts[TRIAL_STATUS_COUNT]; /* of the search: without extra trials */
    int64_t extra_count, extra_open;    /* extra trials; of them, those that have not ended */
    int64_t open_count;                 /* attempts without an outcome */
    int64_t epochs_done;                /* rows that count, of the search */
    struct trial *best;
    struct worker *checker; /* who has its CHECK; NULL: nobody */
    char check_token[HASH_HEX];
    char ending[33];             /* why it is being wound up; "": it is not */
    bool exhausted;              /* the sampler has nothing left */
    bool course_done;            /* the last stage has ended */
    size_t looked_at;            /* finished trials at the last look at the walls */
    double flat_loss;            /* lowest level at which a trial's training loss came to rest; 0: none has */
    unsigned char *told_verdict; /* last verdict told, by parameter and side */
    int64_t counted_mono_ms;     /* wall and slot time are counted up to here; 0: not started */
    int64_t saved_wall_ms;       /* what the row says */
    int64_t kept_bytes;          /* of its checkpoints that are kept */
    bool none_spare;             /* the last look found nothing that max_bytes could take */
    double served;               /* jobs given, over the weight: for the fair share */
    bool was_unreadable;         /* and its row still says so */
};

/* From a checked definition (taken; empty afterwards) to a study with its sampler. NULL and err on failure. */
struct study *study_new(struct study_def *def, const char *base, struct err *err);
void study_free(struct study *study);

/* Rows of a study just submitted. */
int study_create(struct turn *turn, struct study *study, struct err *err);
/* Trials, curves and open attempts out of the store; open ones get a fresh lease until orphan_until_mono_ms. */
int study_load(struct turn *turn, struct study *study, int64_t orphan_until_mono_ms, struct err *err);

/* Lets a sampler that fits models work off the loop from now on. */
void study_use_proposer(struct study *study, struct proposer *proposer);

/* What samplers learn, here and in the proposer's mirror. */
void study_learn_point(struct study *study, const struct trial *trial, const struct proposal *note,
                       uint64_t seq);
/* `step` without its until, which is study_learn_until's. */
void study_learn_result(struct study *study, uint32_t trial, const struct history_step *step,
                        const double more[HISTORY_MORE]);
/* Its job now ends after this epoch: sampled, promoted. */
void study_learn_until(struct study *study, uint32_t trial, int until, uint64_t seq);
void study_learn_box(struct study *study, const struct box *box, int stage, int carried, uint64_t seq);

struct trial *study_trial(const struct study *study, uint32_t number);  /* NULL: no such trial */
struct trial *study_trial_of_id(const struct study *study, int64_t id); /* of its row; NULL: none */

/* `worker` (0: any): trials that failed there last are for others.
 * The next trial to start: the front of the waiting list, else a newly sampled one. NULL: nothing now. */
struct trial *study_next(struct turn *turn, struct study *study, int64_t worker);

/* The checkpoint it goes on from is on the way here: its own, or a child's parent's, which nobody has moved on from yet. */
bool study_awaits_file(const struct trial *trial, int64_t now_mono_ms);

/* Is there something to start: does the search go on, or wait extra trials? */
bool study_has_work(const struct study *study);
/* Trials of the search, whatever became of them. */
int64_t study_sampled(const struct study *study);

/* A trial to be made; what is 0 or NULL is as usual. All borrowed. */
struct newcomer {
    const struct point *point;
    const struct proposal *note;
    const char *given; /* JSON of what somebody named of the point */
    uint32_t group;    /* 0: its own */
    int repeat;
    int until; /* 0: as far as a new trial is let run */
    bool confirms;
    bool is_extra; /* outside the search (extra.h): `until` is the length of its training */
};
/* In memory and in the store, waiting; samplers learn of it. */
struct trial *study_add(struct turn *turn, struct study *study, const struct newcomer *newcomer);

/* A trial of a point that somebody names, in whole or in part; it counts among the trials of the budget. ERR_NO: the
 * study has no room for one; ERR_BAD: the point cannot be. */
int study_add_given(struct turn *turn, struct study *study, const struct jcur *given, const char *who,
                    struct trial **out, struct err *err);

/* ERR_NO: its method visits points of its own, now and for ever. */
int study_takes_points(const struct study *study, struct err *err);

/* Counts time and ends what has to end; call it every turn. Returns the monotonic time of its next deadline,
 * INT64_MAX if there is none. */
int64_t study_tick(struct turn *turn, struct study *study);

/* Winds the study up: running attempts stop after their epoch, nothing new starts. */
void study_begin_end(struct turn *turn, struct study *study, const char *reason);
bool study_has_ended(const struct study *study);
/* Open again: a retry, a resume after stop. */
void study_reopen(struct turn *turn, struct study *study);

/* Another definition of the same trials (an edit): takes `def`, makes the sampler anew. PRE: the same parameters. */
void study_redefine(struct study *study, struct study_def *def);

/* running, checking, paused, stopping, ended: the first rule that matches. */
const char *study_state(const struct study *study);
int64_t study_planned(const struct study *study); /* trials in all; -1: unknown */
int study_stage(const struct study *study);       /* from 0 */
bool study_awaits_checks(const struct study *study);
/* Has the budget room for another point, and the sampler one left? */
bool study_may_sample(const struct study *study);

/* Waiting list; front: preempted and lost trials go first. */
void study_enqueue(struct study *study, struct trial *trial, bool front);
void study_dequeue(struct study *study, struct trial *trial);
/* One more (or fewer) trial in this status. */
void study_count(struct study *study, const struct trial *trial, enum trial_status status, int by);
/* Is score a better than b under the goal? NaN is worse than anything. */
bool study_prefers(const struct study *study, double a, double b);
/* Best trial after a change of this one's score. */
void study_consider_best(struct study *study, struct trial *trial);

#endif
