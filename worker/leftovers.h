/* leftovers: what a worker that was killed has left in its folder, for the next one that uses the same folder: it takes
 * the notes (note.h) of dead processes over and offers their files in its own name. The master fetches what it still
 * wants and says DROP to the rest. What has no note and is an hour old (halves of files, a checkpoint whose report was
 * never made) is deleted. Logs and the trainers' other files are left alone.
 */
#ifndef HONE_WORKER_LEFTOVERS_H
#define HONE_WORKER_LEFTOVERS_H

#include "worker/transit.h"

/* Adds what dead processes offered to this master (transit->store); how many. */
size_t leftovers_adopt(struct transit *transit, int64_t now_wall_ms);

#endif
