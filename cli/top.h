/* top: the screen of `hone top`: what is known of the studies, and where the person looks.
 *
 *   top_load    reads it, with short statements; nothing stays open between two reads
 *   top_sheet   draws it: a function of struct top and a size alone
 *   top_log     asks the master for the log of the trial whose page is open
 *   top_key     what a key means: changes where one looks, or asks for something to be done
 *
 * Studies and the trials of the chosen one are one list that the cursor goes through. What a person chose stays chosen while
 * rows come and go. Ownership: top_fini frees. */
#ifndef HONE_CLI_TOP_H
#define HONE_CLI_TOP_H

#include "cli/draw/sheet.h"
#include "cli/source.h"

enum top_sort { TOP_BY_STATE, TOP_BY_SCORE, TOP_BY_NUMBER, TOP_SORTS };
enum top_mode { TOP_LIST, TOP_TRIAL, TOP_FILTER, TOP_CONFIRM };

/* What a key asks the program to do. */
enum top_act {
    TOP_NOTHING,
    TOP_LOAD, /* something else is looked at */
    TOP_PAUSE,
    TOP_RESUME,
    TOP_CANCEL,
    TOP_QUIT,
};

enum {
    TOP_NAME = 65,
    TOP_FILTER_MAX = 32,
    TOP_TEXT = 768,
    TOP_TRIALS_MAX = 200,
    TOP_EVENTS_MAX = 30,
    TOP_LOG_LINES = 40
};

/* How fast a study's epochs come, between two reads. */
struct top_pace {
    char study[TOP_NAME];
    int64_t epochs, at_ms;
    double per_s; /* 0: not known yet */
};

struct top {
    /* what is known */
    char place[256];         /* the database, or the master that is asked */
    const char *db, *master; /* where logs are; borrowed */
    struct rows studies, trials, workers, events;
    struct rows head, params, curve, findings; /* of the trial whose page is open */
    char *log;                                 /* its last lines; NULL: not here */
    bool log_here;                             /* it was read here, not asked for */
    bool log_awaited;                          /* nobody knows yet */
    struct top_pace *paces;
    size_t pace_count, pace_room;
    int64_t read_ms;  /* wall clock of the newest read */
    int utc_offset_s; /* for the clock */
    bool master_here;
    bool may_change;     /* p and c are for this person */
    char away[TOP_TEXT]; /* why nothing could be read; "": it could */

    /* where the person looks */
    enum top_mode mode;
    enum top_sort sort;
    char study[TOP_NAME]; /* the chosen one */
    uint32_t trial;       /* under the cursor, or of the page; 0: the cursor is on a study */
    char filter[TOP_FILTER_MAX];
    char message[TOP_TEXT];      /* what came of the last thing that was asked for */
    char awaited[TOP_NAME + 64]; /* what the master is being asked for; "": nothing */
};

void top_fini(struct top *top);

/* Keeps what was known where it fails. */
int top_load(struct top *top, struct source *source, int64_t wall_ms, struct err *err);

void top_sheet(const struct top *top, struct sheet *sheet);
void top_trial_sheet(const struct top *top, struct sheet *sheet);

enum top_act top_key(struct top *top, int key);

/* One question at a time, in a process of its own: a master that does not answer holds up no key. */
struct top_log {
    struct errand *errand; /* NULL: nothing is asked */
    char study[TOP_NAME];  /* whose log was asked for, or is shown */
    uint32_t trial;
    int64_t attempt, asked_ms; /* wall clock */
};

/* After each read: asks again where the log is not here, or drops what was asked for a page that was left. `keys`: the folder, NULL for the usual one. */
void top_log_ask(struct top_log *log, struct top *top, const char *keys);
/* Takes what has come. */
void top_log_take(struct top_log *log, struct top *top);
void top_log_fini(struct top_log *log);

/* ---- for them ---- */

/* The last rows of a screen: the keys, and above them what there is to say: what came of a key, what is awaited, why nothing can
 * be read. In a low window that stands where the keys were. */
void top_foot(const struct top *top, struct sheet *sheet, struct style style, const char *keys);
int top_foot_rows(const struct top *top, int rows);

/* The row of the chosen study, of the trial under the cursor; -1: none. */
int top_study_row(const struct top *top);
int top_trial_row(const struct top *top);
double top_pace_of(const struct top *top, const char *study);
/* "14:03:12", on the person's clock. */
void top_clock(const struct top *top, int64_t wall_ms, char out[16]);

#endif
