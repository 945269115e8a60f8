/* log_file: a log that stays within bounds. Over half of its bytes it is renamed to NAME.1, which replaces the one before,
 * and begun anew: together they never hold more than `most`, and always the newest. A log that cannot be written is no
 * reason to stop anything: what finds no place is dropped.
 *
 * Ownership: the caller's storage; log_file_close. One process writes a log.
 */
#ifndef HONE_COMMON_LOG_FILE_H
#define HONE_COMMON_LOG_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct log_file {
    int fd; /* -1: not open */
    char *path;
    int64_t bytes, most; /* of this file; of both together */
};

/* Goes on with what is there. */
int log_file_open(struct log_file *log, const char *path, int64_t most, struct err *err);
void log_file_write(struct log_file *log, const void *bytes, size_t len);
void log_file_close(struct log_file *log); /* also of one that is not open */

#endif
