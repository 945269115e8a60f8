/* logs: the LOG verb: a stretch of a log that lies in the master's folder, for those who do not see that folder: an
 * attempt's (`study`, `trial`, `attempt`), or that of a worker which `hone run` started (`worker`). `older`: of the part that
 * was renamed when it was full (common/log_file.h).
 *
 * One open, one read of at most STRETCH_MAX bytes. Refuses names that are no names, links, and whatever is no file: a peer
 * reads logs and nothing else. A log that is not there is no mistake: `file` is 0, unless its worker has it (looks.h). */
#ifndef HONE_MASTER_LOGS_H
#define HONE_MASTER_LOGS_H

#include <stdbool.h>

#include "proto/message.h"

struct log_asked {
    char study[65];
    int64_t trial, attempt; /* 0: the log of a worker */
    bool older;
    int64_t offset; /* of its first byte; negative: so many bytes before its end */
    int64_t bytes;
};

/* False: the answer is that it is not here, and it may be with the worker of the attempt. */
bool logs_answer(const char *root, const struct msg_call *call, struct log_asked *asked,
                 struct msg_answer *answer);
/* What a worker said of it, with at most `most` bytes, as the answer to that call. Bytes of a peer: they are counted, not read.
 * NULL: it has said nothing. */
void logs_pass_on(const struct msg_seen *seen, int64_t most, uint64_t call, struct msg_answer *answer);

#endif
