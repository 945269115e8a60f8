/* calls: the verbs of CALL, what the command line asks of a master: submit, cancel, retry, pause, resume, stop,
 * status, workers, ping. One row each in calls.c. They work on the reactor alone, so that with no master alive the
 * command line can apply the same verb to the store itself (server_offline_call). `query` and `shutdown` need the
 * server and are answered there. */
#ifndef HONE_MASTER_CALLS_H
#define HONE_MASTER_CALLS_H

#include "master/reactor.h"

/* Fills the answer; never fails: a bad call is answered with what is wrong with it. */
void calls_answer(struct reactor *reactor, struct turn *turn, const struct msg_call *call,
                  struct msg_answer *answer);

/* Verbs that change nothing: answered also while the store takes no writes. */
bool calls_only_look(const char *verb);

#endif
