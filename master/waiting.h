/* waiting: what a waiting trial waits for, in one sentence; the master alone knows all of it (who is connected, which
 * slots are free, whose older attempt is still being wound up). */
#ifndef HONE_MASTER_WAITING_H
#define HONE_MASTER_WAITING_H

#include "master/reactor.h"

/* "" unless the trial waits. */
void waiting_reason(const struct reactor *reactor, const struct trial *trial, int64_t now_mono_ms,
                    struct str *out);

#endif
