/* dispatch: which study gets the next free slot, and the start of an attempt.
 *
 * Studies with the highest priority come first; among equals the one that was served least for its weight. Within
 * a study the waiting list goes before new points, and lost or preempted trials stand at its front. */
#ifndef HONE_MASTER_DISPATCH_H
#define HONE_MASTER_DISPATCH_H

#include "master/roster.h"
#include "master/studies.h"

/* Gives jobs to every worker that has credit, round robin, until there is nothing to give. */
void dispatch_all(struct turn *turn, const struct studies *studies, struct roster *roster);

#endif
