/* store: the writer. One SQLite file holds every study, trial, attempt and epoch; this is the only code that
 * writes it, and the master's loop the only caller. sqlite3.h is included here in sql/ alone.
 *
 * Memory is the truth while the master runs, the store is enough to rebuild it: store_load.h hands every row
 * back in order. All changes of a turn go into one transaction, opened by the first change and closed by
 * store_commit, after which the loop may speak (synchronous=FULL: what was acknowledged survives a power cut).
 *
 * Refuses: a second master on the same file (lock on <db>.lock; the error names the holder's pid and host), a
 * database of another program or a newer version, a network file system unless asked for.
 * Errors: a write that fails (disk full, I/O) rolls the transaction back, and store_commit says so; the caller
 * must then rebuild its memory from the store or stop. Ownership: rows handed to callbacks are borrowed for the
 * call; rows given to store_* are copied by SQLite.
 */
#ifndef HONE_SQL_STORE_H
#define HONE_SQL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"
#include "common/trial_status.h"

struct store;
struct migration;

struct store_options {
    bool network_db; /* --network-db: exclusive locking, no shared memory */
    bool read_only;  /* no lock, nothing is written: one snapshot of a file that a master may be writing */
    bool brief;      /* for one transaction of a command: whoever comes second waits for that */
    bool memory;     /* a private in-memory database, for the rehearsal and tests; path is ignored */
    int64_t wal_named_bytes; /* a WAL over this names the reader that holds it; 0: 1 GiB */
    /* For tests: another text than /proc/self/mountinfo, other steps than sql/migrate's. */
    const char *mountinfo;
    const struct migration *steps;
    int step_count;
};

int store_open(const char *path, const struct store_options *options, struct store **out, struct err *err);
/* Read-only alone: did a master begin to write a file at rest while it was read? What was read is then of no use. */
bool store_overtaken(const struct store *store);
/* A store in memory as if new, but faster: for the next of many rehearsals. */
int store_renew(struct store *store, struct err *err);
/* Folds the WAL back so that one file is left. NULL is fine. */
void store_close(struct store *store);

const char *store_uuid(const struct store *store);
const char *store_path(const struct store *store); /* absolute, links resolved; ":memory:" */
const char *store_root(const struct store *store); /* <db>.d, absolute: logs and checkpoints; "" in memory */

/* Where the running master can be reached; NULL when it ends. Commits on its own. */
int store_set_address(struct store *store, const char *address, struct err *err);

/* ---- transactions ---- */

/* Commits what this turn changed; 0 also if nothing did. On failure everything since the last commit is undone. */
int store_commit(struct store *store, struct err *err);
bool store_dirty(const struct store *store);
/* Forgets what this turn changed, as a crash before the commit would (the rehearsal crashes a lot). */
void store_rollback(struct store *store);
/* After a commit that failed: reads again what it remembers of the file. */
int store_reload(struct store *store, struct err *err);
/* A small write and a commit of its own: does the disk take it? */
int store_try(struct store *store, int64_t now_ms, struct err *err);
/* ERR_REACH if the file (or its WAL) is no longer where it was: removed or replaced under us. What is written from
 * now on nobody would ever read. */
int store_in_place(struct store *store, struct err *err);
/* Something people should know of the file (a reader that holds the WAL), once; false: nothing. */
bool store_says(struct store *store, char text[512]);
/* For tests: this turn and all others fail as on a full disk, until it is mended. */
void store_break(struct store *store, bool broken);
/* First error since the last commit (0 none): writers below return void so that the reactor reads as a story;
 * a failed one makes the next store_commit fail with its text. */
int store_failed(const struct store *store);

/* One counter orders trial_event and epoch rows: the value given to the newest of them (0: none). */
uint64_t store_seq(const struct store *store);

/* ---- studies ---- */

enum study_wish { WISH_RUN, WISH_PAUSE, WISH_STOP };
/* Of the checks before the first trial, what the user wants. FORCE: begin whatever they find. */
enum study_checks { CHECKS_WANTED, CHECKS_FORCE, CHECKS_SKIP };
enum study_checked { CHECKED_NOT, CHECKED_PASSED, CHECKED_FAILED };

struct row_study {
    int64_t id;         /* set by store_add_study */
    const char *metric; /* that trials are ranked by */
    bool maximize;      /* its goal */
    const char *name;
    const char *definition; /* the study file as one line of canonical JSON, seeds filled in */
    const char *base;       /* folder of the study file, absolute */
    uint64_t seed;
    enum study_wish wish;
    double priority;              /* higher first */
    double weight;                /* share among equals */
    int64_t created_ms, ended_ms; /* 0: not yet */
    int64_t wall_used_ms;         /* while a master ran it */
    int64_t slot_used_ms;         /* sum over its attempts of the time they held a slot */
    /* NULL, or trials, target, wall, failed, epochs, slot_hours, stopped, exhausted, checks */
    const char *end_reason;
    enum study_checks checks;
    enum study_checked checked;
    bool unreadable; /* it has a row of study_unreadable */
};

/* One column of the study's flat view and one row of study_param. */
struct row_study_param {
    const char *name;
    const char *dist;       /* uniform, log, int, choice, logit */
    const char *definition; /* JSON of this parameter */
};

/* Names a study cannot have, whatever the case: our tables, views and fixed columns, sqlite_* and hone_*. */
bool store_name_reserved(const char *name);
/* Names a parameter cannot have: the fixed columns of its study's flat view. */
bool store_column_reserved(const char *name);

/* Adds the study, its parameters and its flat view (which takes on further metrics as they are first reported). */
int store_add_study(struct store *store, struct row_study *study, const struct row_study_param *params,
                    int param_count, struct err *err);
void store_study_wish(struct store *store, int64_t study, enum study_wish wish);
void store_study_ended(struct store *store, int64_t study, const char *reason, int64_t now_ms);
void store_study_reopened(struct store *store, int64_t study); /* ended no longer (retry, new budget) */
/* After an edit: the whole definition, and what views and other readers have of it. */
void store_study_redefined(struct store *store, int64_t study, const char *definition, double priority,
                           double weight);
void store_study_param(struct store *store, int64_t study, const char *name, const char *definition);
/* Its flat view is renamed too. ERR_BAD: no name for a study, or one that is taken. */
int store_study_renamed(struct store *store, int64_t study, const char *name, const char *definition,
                        struct err *err);
void store_study_used(struct store *store, int64_t study, int64_t wall_used_ms, int64_t slot_used_ms);
/* Its row of study_unreadable; there again or gone. */
void store_study_unreadable(struct store *store, int64_t study, const struct err *why, int64_t now_ms);
void store_study_readable(struct store *store, int64_t study);

/* ---- checks ---- */

void store_study_checks(struct store *store, int64_t study, enum study_checks checks,
                        enum study_checked checked);

struct check_result;
void store_add_check(struct store *store, int64_t study, int64_t worker, bool smoke,
                     const struct check_result *result, int64_t now_ms);
/* Has a worker of this one's name and host trained an epoch of the study as a check, and well? */
bool store_smoke_known(struct store *store, int64_t study, int64_t worker);

/* ---- workers ---- */

/* Takes jobs; takes no more and leaves; its trials fail, so it gets one at a time. */
enum worker_mode { WORKER_OPEN, WORKER_DRAINING, WORKER_QUARANTINED };

struct row_worker {
    int64_t id; /* set by store_worker_joined; the same uuid keeps its id */
    const char *uuid, *name, *host, *version, *platform;
    int64_t pid;
    int slots;
    const char *gpus;      /* "" or NULL: none */
    enum worker_mode mode; /* set by store_worker_joined, as is what follows */
    int failed_in_row;
};

void store_worker_joined(struct store *store, struct row_worker *worker, int64_t now_ms);
void store_worker_mode(struct store *store, int64_t worker, enum worker_mode mode, int failed_in_row);
void store_worker_gpus_out(struct store *store, int64_t worker, const char *gpus);
/* How many different workers went down with a trial, since it was last retried by hand. */
int store_workers_lost(struct store *store, int64_t trial);
/* Whose it is or was; 0: there is no such attempt. */
int64_t store_attempt_worker(struct store *store, int64_t trial, int64_t attempt);
void store_worker_left(struct store *store, int64_t worker, const char *why, int64_t now_ms); /* bye, lost */

/* ---- trials ---- */

struct row_value {
    const char *name;
    bool is_number;
    double number;
    const char *text; /* when not a number; true/false are the texts "true" and "false" */
};

struct row_trial {
    int64_t id; /* set by store_add_trial */
    int64_t study;
    uint32_t number; /* from 1 in its study */
    uint32_t group;  /* number of the group's first trial */
    int repeat;      /* 0 for the first of its group */
    enum trial_status status;
    const char *cause; /* NULL, or why it is in this status: diverged, budget, exit, ... */
    uint64_t seed;     /* for the trainer */
    const char *sampler;
    int sampler_version;
    uint64_t seq_cut; /* the history the proposal saw */
    const char *why;  /* one sentence of the sampler */
    const char *platform;
    const char *given; /* store_add_trial alone: JSON of what somebody named of it; NULL: sampled */
    const char *fit;   /* JSON list, or NULL: see struct proposal */
    int attempt;       /* newest attempt, 0: none */
    int until;         /* epoch to stop after */
    int epochs;        /* length of the whole training */
    int last_epoch;    /* of the newest attempt */
    int best_epoch;    /* 0: no score */
    double score;      /* NaN: none */
    int own_failures;  /* failures of its own making, against max_attempts */
    int lost_on;       /* different workers it took down (poison) */
    int64_t created_ms, started_ms, ended_ms;
};

/* Adds the trial in status waiting, its values, and the event that it was sampled. */
void store_add_trial(struct store *store, struct row_trial *trial, const struct row_value *values, int count);

/* What trial_move() writes: new status and cause, one trial_event. `cause` and `detail` (JSON) may be NULL. Returns the
 * event's seq. */
struct row_move {
    int64_t trial;
    enum trial_status from, to;
    const char *event, *cause;
    int attempt;
    int64_t at_ms;
    const char *detail;
};
uint64_t store_trial_moved(struct store *store, const struct row_move *move);
/* `hone delete`: hidden from people; an event of cause "deleted" that changes no status. Returns its seq. */
uint64_t store_trial_deleted(struct store *store, int64_t trial, enum trial_status status, int attempt,
                             int64_t now_ms);
/* Score, best and last epoch, until and failure counters after a change in memory. */
void store_trial_progress(struct store *store, const struct row_trial *trial);

/* ---- attempts, epochs, checkpoints ---- */

struct row_attempt {
    int64_t trial;
    int attempt;
    int64_t worker;
    const char *token;
    int from_epoch; /* resumed from this epoch's checkpoint, 0: from the start */
    int64_t started_ms, ended_ms;
    const char *outcome; /* NULL while running; finished, stopped, failed, preempted, refused, lost, fenced */
    const char *cause;
    const char *detail;
};

void store_attempt_started(struct store *store, const struct row_attempt *attempt);
struct row_attempt_end {
    int64_t trial;
    int attempt;
    const char *outcome, *cause, *detail;
    int64_t ended_ms;
};
void store_attempt_ended(struct store *store, const struct row_attempt_end *end);
/* An attempt thought lost that shows up again: outcome back to NULL. */
void store_attempt_reinstated(struct store *store, int64_t trial, int attempt, int64_t worker);

struct row_metric {
    const char *name;
    double value; /* NaN is stored as NULL */
};

struct row_epoch {
    int64_t trial;
    int attempt;
    int epoch;
    double value; /* the study's metric; NaN is stored as NULL */
    double seconds;
    int64_t received_ms;
};

/* Returns the row's seq, or 0 if (trial, attempt, epoch) is there already (a report sent twice). */
uint64_t store_add_epoch(struct store *store, const struct row_epoch *epoch, const struct row_metric *metrics,
                         int count);

/* In a worker's own folder and wanted; in its place; let go, its file to be deleted; deleted, or never arrived. */
enum checkpoint_state { CHECKPOINT_KEPT, CHECKPOINT_OFFERED, CHECKPOINT_DOOMED, CHECKPOINT_GONE };

struct row_checkpoint {
    int64_t trial;
    int attempt;
    int epoch;
    const char *path; /* relative to root, or absolute */
    int64_t bytes;
    const char *hash; /* BLAKE2b-128, hex */
    int64_t created_ms;
    enum checkpoint_state state;
};

/* False: it is there already. */
bool store_add_checkpoint(struct store *store, const struct row_checkpoint *checkpoint);
/* Doomed: all that is still on its way from attempts of this trial. */
void store_checkpoints_fenced(struct store *store, int64_t trial);
/* path NULL: the one it has. */
void store_checkpoint_state(struct store *store, int64_t trial, int attempt, int epoch,
                            enum checkpoint_state state, const char *path);

struct row_finding {
    int64_t trial;
    int attempt;
    int epoch;
    const char *rule, *action; /* "D5"; suggest, warn, stop */
    const char *text, *advice;
};

void store_add_finding(struct store *store, const struct row_finding *finding);
/* Has the study (trial 0), or this trial, a finding of the rule whose text has this part? */
bool store_finding_known(struct store *store, int64_t study, int64_t trial, const char *rule,
                         const char *part);

/* ---- boxes ---- */

struct row_box {
    int64_t study;
    int stage, carried;
    int trials;        /* that had ended */
    const char *walls; /* JSON, as course.c writes them */
    int64_t at_ms;
};
/* Returns the seq. */
uint64_t store_add_box(struct store *store, const struct row_box *box);

struct row_box_event {
    int64_t study;
    int stage;
    const char *param;
    const char *side; /* low, high, both */
    const char *verdict;
    double best, lean, slope, trend; /* NaN: none */
    int top, trials;
    double before_low, before_high, after_low, after_high;
    const char *choice; /* NULL: none */
    const char *behind; /* JSON list of trial numbers */
    const char *text;
};

uint64_t store_add_box_event(struct store *store, const struct row_box_event *event, int64_t now_ms);
/* Moves that wait for `hone approve`. */
int store_load_asked(struct store *store, int64_t study,
                     int (*visit)(void *arg, uint64_t seq, const char *param, const char *side, double low,
                                  double high),
                     void *arg, struct err *err);
/* The events themselves, in the order of seq. */
int store_load_box_events(struct store *store, int64_t study,
                          int (*visit)(void *arg, uint64_t seq, const struct row_box_event *row), void *arg,
                          struct err *err);
void store_box_event_approved(struct store *store, uint64_t seq, int64_t now_ms);
/* Most finished trials that any event of this study had looked at; 0: none. */
int store_last_look(struct store *store, int64_t study);

/* ---- what people did to a study ---- */

struct row_study_event {
    int64_t study;
    const char *event;          /* edit, approve, rename */
    const char *path;           /* of the study file, or a parameter; NULL: none */
    const char *before, *after; /* JSON; NULL: not there */
    const char *who;
    int64_t at_ms;
};

/* Returns the seq. */
uint64_t store_add_study_event(struct store *store, const struct row_study_event *event);
int store_load_study_events(struct store *store, int64_t study,
                            int (*visit)(void *arg, uint64_t seq, const struct row_study_event *row),
                            void *arg, struct err *err);

/* ---- lines of trials, brackets ---- */

/* The trial begins at a checkpoint of another. Ids. */
struct row_lineage {
    int64_t trial, parent, replaced;
    int parent_epoch, parent_attempt; /* attempt 0: there was no checkpoint */
};

void store_add_lineage(struct store *store, const struct row_lineage *row);
int store_load_lineage(struct store *store, int64_t study,
                       int (*visit)(void *arg, const struct row_lineage *row), void *arg, struct err *err);

struct row_bracket {
    int64_t study;
    uint32_t first_trial; /* a number */
    int64_t round, trials;
    int bracket, min_epochs, eta, epochs;
    int64_t opened_ms;
};

/* Nothing happens if the study has it already. */
void store_add_bracket(struct store *store, const struct row_bracket *row);

/* ---- what a study knew before its first trial ---- */

struct row_warm {
    int64_t study;
    int number;         /* from 1 */
    const char *source; /* the study it comes from */
    uint32_t trial;     /* its number there */
    const char *params; /* JSON */
    bool pruned;
    int epochs;
    double score; /* NaN: failed or diverged */
};

void store_add_warm(struct store *store, const struct row_warm *row);
int store_load_warm(struct store *store, int64_t study, int (*visit)(void *arg, const struct row_warm *row),
                    void *arg, struct err *err);

/* ---- as a whole ---- */

/* Online backup to another file (temporary name, then renamed); PRE: nothing uncommitted. Takes as long as the file
 * is large: off the loop, query_backup does the same on a connection of its own. */
int store_backup(struct store *store, const char *path, struct err *err);

/* Reads through the store's own connection, for readers that must go through the master (--network-db). Sees the
 * turn's uncommitted rows, so its answer leaves after the commit like everything else; a statement gets about a second.
 * query_close it before store_close. */
struct query;
int query_of_store(struct store *store, struct query **out, struct err *err);

#endif
