/* checkpoints_parts: what the files of checkpoints (checkpoints, checkpoints_in, checkpoints_out) need of each other and
 * show to nobody else.
 */
#ifndef HONE_MASTER_CHECKPOINTS_PARTS_H
#define HONE_MASTER_CHECKPOINTS_PARTS_H

#include "master/checkpoints.h"
#include "master/claim.h"
#include "sql/store_load.h"

enum { CHUNK_BYTES = 196608 }; /* a piece; 256 KiB as base64 */

/* ---- in ---- */

struct arrival *arrival_find(struct checkpoints *c, const char *token, int epoch); /* NULL: none */
int arrival_add(void *checkpoints, const struct row_transit *row); /* a callback of store_load_transit */
/* The worker may delete its copy. */
void arrival_say_drop(struct turn *turn, peer_id to, const struct claim *claim, int epoch);
void arrival_forget(struct reactor *reactor, struct arrival *a);
void arrivals_begin_next(struct reactor *r, struct turn *turn);
void arrivals_look_after(struct reactor *r, struct turn *turn);
/* The porter has begun, written or finished a file; or could not. */
void arrival_take_back(struct reactor *r, struct turn *turn, const struct chore *chore);

/* ---- out ---- */

/* The porter has read a piece. */
void reading_take_back(struct checkpoints *c, struct turn *turn, const struct chore *chore);

#endif
