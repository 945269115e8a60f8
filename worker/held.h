/* held: the attempts that this worker holds, from JOB until the master has committed their DONE.
 *
 * One record each: who it is (study, trial, attempt, token), where it runs, and the line that starts it in a
 * slot. Where its files go is decided here: into the master's folder if this host sees the same one, so that
 * every other worker can resume from them, else into one of our own.
 *
 * Refuses: study names that are no names, for they become folders; checkpoints outside the master's folder.
 * Ownership: the list owns its records; held_remove frees one.
 */
#ifndef HONE_WORKER_HELD_H
#define HONE_WORKER_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "worker/transit.h"

enum held_state {
    HELD_FETCHING, /* its checkpoint is on the way from the master */
    HELD_WAITING,  /* prefetched: no slot yet */
    HELD_RUNNING,
    HELD_ENDED,  /* its DONE is not acknowledged yet */
    HELD_ORPHAN, /* of a store that is gone: runs until its slot has stopped it, nobody will hear of it */
};

struct held {
    char study[65], token[33];
    uint64_t trial, attempt;
    uint64_t epoch; /* the last one reported, or resumed from */
    enum held_state state;
    int slot;           /* while it is running or an orphan */
    struct str line;    /* {"run":…}, until a slot has it */
    bool excused;       /* it failed, and its GPU is to blame */
    uint64_t done_seq;  /* of an ended one */
    int64_t begun_ms;   /* monotonic: when a slot got it */
    struct fetch fetch; /* what it resumes from, where the master's folder is not seen */
};

struct held_list {
    struct held **items;
    size_t count, room;
};

/* Where things are on this host. Borrowed texts. */
struct held_place {
    const char *root;    /* the master's folder, as WELCOME names it */
    bool root_seen;      /* and this host sees the same one */
    const char *store;   /* uuid of the store */
    const char *dir;     /* --dir: study paths resolve here; NULL: as on the master */
    const char *scratch; /* absolute: logs and checkpoints of a master whose folder is not seen */
    int64_t grace_ms;
    const char *may; /* JSON of permit.h; NULL: everything */
};

/* A waiting record with its line, or one that has to fetch its checkpoint first. ERR_BAD if the job cannot be run
 * anywhere; *out is there all the same, for its DONE. Borrows the job. */
int held_add(struct held_list *list, const struct msg_job *job, const struct held_place *place,
             int64_t now_ms, struct held **out, struct err *err);
/* The folder of an attempt's log where the master's is not seen; the caller frees. PRE: the study's name is one. */
char *held_folder(const char *scratch, const char *store, const char *study, uint64_t trial,
                  uint64_t attempt);
struct held *held_find(const struct held_list *list, const char *token); /* not among orphans */
struct held *held_waiting(const struct held_list *list);                 /* the oldest, or NULL */
size_t held_count(const struct held_list *list, enum held_state state);
void held_remove(struct held_list *list, struct held *held);
/* The list that HELLO carries; the caller frees it. NULL if there is nothing to tell. */
struct json *held_tell(const struct held_list *list);
void held_fini(struct held_list *list);

#endif
