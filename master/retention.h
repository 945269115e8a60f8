/* retention: the study's keep policy carried out in a turn. What goes is decided here and written to the store (state
 * doomed); files are deleted after the commit and off the loop (checkpoints.h), so that no row ever names a file that
 * is gone: neither after a crash in between.
 *
 * Refuses: dooming what a trial that goes on would resume from (keep.h).
 */
#ifndef HONE_MASTER_RETENTION_H
#define HONE_MASTER_RETENTION_H

#include "master/trial.h"

/* After a checkpoint of the trial came, or its status changed. */
void retention_trial(struct turn *turn, struct trial *trial);

/* A checkpoint is in its place now: counts against max_bytes. */
void retention_added(struct study *study, int64_t bytes);

#endif
