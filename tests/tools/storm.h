/* storm: a hostile peer. Sends `count` messages that no master should take, and some that a master takes but that
 * make no sense there: random bytes, cut and damaged messages of the protocol, too many frames, frames over the
 * limit, other versions, strings that are no UTF-8, depths, duplicates, words of a master, reports of attempts that
 * are not its own, foreign routing ids, plain TCP rubbish. Everything follows from the seed.
 *
 * It never grants credit, so it is given no job: what it does it does with words alone. Knows libzmq only, so that
 * it can say what our own wire would not.
 */
#ifndef HONE_TESTS_TOOLS_STORM_H
#define HONE_TESTS_TOOLS_STORM_H

#include <stdbool.h>
#include <stdint.h>

/* `study` is a study's name for the messages that nearly make sense. Returns how many were sent: less than `count`
 * if the master took nothing for 30 s. */
int storm(const char *address, const char *study, uint64_t seed, int count);

/* One CALL ping over a connection of its own: is it answered within 30 s? */
bool storm_ping(const char *address);

#endif
