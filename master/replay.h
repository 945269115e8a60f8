/* replay: is everything that a study decided still what its rows say? Rebuilds the history from the store and
 * computes each decision again from what had been known at that moment:
 *
 *   proposals  sampler_propose with the history cut at trial.seq_cut, under the definition of that moment
 *              (study_event holds the edits), by a sampler that is told to forget its caches every time
 *   boxes      walls_look or stage_next_box with the history before the row; an approved wall from its events
 *   events     what was seen at each wall
 *   trials     which were carried on or given up at a stage's end, promoted at a rung or not, stopped by their curve,
 *              replaced in a population, and by whose child
 *
 * Bit for bit where the platform is the same. Proposals of another platform are computed from the stored points, one
 * step at a time, and held to 1e-9 on the parameter's own scale; the report says how many.
 *
 * It writes nothing and takes no lock: on a live study it sees one moment. Ownership: the store is borrowed.
 */
#ifndef HONE_MASTER_REPLAY_H
#define HONE_MASTER_REPLAY_H

#include "common/watcher.h"
#include "sql/store.h"

struct replay_report {
    char study[65];
    int64_t proposals, boxes, events, moves; /* recomputed and found the same */
    int64_t elsewhere;                       /* of these proposals, made on another platform */
    char platform[128];                      /* the first such one; "" if none */
};

/* `name` NULL or "": the newest study. `watcher` is told of rows (NULL: nobody). 0; ERR_NO with the first difference: trial,
 * parameter, stored and recomputed value, sampler, version and platform; else why the rows cannot be read. */
int replay_study(struct store *store, const char *name, const struct watcher *watcher,
                 struct replay_report *out, struct err *err);

#endif
