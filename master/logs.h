/* logs: the LOG verb: a stretch of a log that lies in the master's folder, for those who do not see that folder: an
 * attempt's (`study`, `trial`, `attempt`), or that of a worker which `hone run` started (`worker`). `older`: of the part that
 * was renamed when it was full (common/log_file.h).
 *
 * One open, one read of at most LOG_READ_MAX bytes; nothing stays open. Refuses names that are no names, links, and whatever is
 * no file: a peer reads logs and nothing else. A log that is not there is no mistake: `file` is 0. */
#ifndef HONE_MASTER_LOGS_H
#define HONE_MASTER_LOGS_H

#include "proto/message.h"

enum { LOG_READ_MAX = 196608 };

void logs_answer(const char *root, const struct msg_call *call, struct msg_answer *answer);

#endif
