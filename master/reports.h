/* reports: what workers say of their attempts, REPORT and DONE. Each is acknowledged after the commit, also one that is
 * late, fenced or known: a worker may drop what is acknowledged.
 */
#ifndef HONE_MASTER_REPORTS_H
#define HONE_MASTER_REPORTS_H

#include "master/reactor.h"

/* Handlers of the reactor's table; `worker` is the one that `from` belongs to. */
void reports_on_report(struct reactor *reactor, struct turn *turn, peer_id from, struct worker *worker,
                       struct msg *msg);
void reports_on_done(struct reactor *reactor, struct turn *turn, peer_id from, struct worker *worker,
                     struct msg *msg);

#endif
