/* note: beside each checkpoint that a worker offers to its master lies a note (NAME.offer): whose it is, by which process.
 * As long as that process lives it holds a lock (LOCK_EX of `.worker-UUID`, which the kernel opens when it dies). Who reads
 * them is leftovers.h.
 *
 * Layout: SCRATCH/STORE8/STUDY/t00042/a2/e3.ckpt(.offer), as held.c makes it. Ownership: the transit's storage; paths are
 * the caller's to free.
 */
#ifndef HONE_WORKER_NOTE_H
#define HONE_WORKER_NOTE_H

#include "worker/transit.h"

char *note_folder(const struct transit *transit); /* SCRATCH/STORE8 */
char *note_path(const struct offer *offer);
char *note_lock_path(const struct transit *transit, const char *uuid);
/* The lock of a process, if nobody holds it; else -1. */
int note_lock(const struct transit *transit, const char *uuid);

/* What names an offer, into an object that is open: the note has it, and so has HELLO. */
void offer_write(const struct offer *offer, struct jw *w);

/* A disk that refuses costs no more than that nobody can take the file over. */
void note_write(struct transit *transit, const struct offer *offer);
void note_delete(const struct offer *offer);

#endif
