/* leftovers: what a worker that was killed has left in its folder, for the next one that uses the same folder.
 *
 * Beside each checkpoint that a worker offers to its master lies a note (NAME.offer): whose it is, by which process. As
 * long as that process lives it holds a lock (LOCK_EX of `.worker-UUID`, which the kernel opens when it dies). A later
 * process takes the notes of dead ones over and offers their files in its own name: the master fetches what it still
 * wants and says DROP to the rest. What has no note and is an hour old (halves of files, a checkpoint whose report was
 * never made) is deleted. Logs and the trainers' other files are left alone.
 *
 * Layout: SCRATCH/STORE8/STUDY/t00042/a2/e3.ckpt(.offer), as held.c makes it. Ownership: the transit's storage.
 */
#ifndef HONE_WORKER_LEFTOVERS_H
#define HONE_WORKER_LEFTOVERS_H

#include "worker/transit.h"

/* Writes the note. A disk that refuses costs no more than that nobody can take the file over. */
void leftovers_note(struct transit *transit, const struct offer *offer);
void leftovers_forget(const struct offer *offer); /* deletes the note */

/* Adds what dead processes offered to this master (transit->store); how many. */
size_t leftovers_adopt(struct transit *transit, int64_t now_wall_ms);

#endif
