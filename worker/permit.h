/* permit: what this worker lets a study run, and with how much. The worker's user says so on its command line; the
 * session passes it to each slot with the job, as "may" (slot.h), and nothing in a study can add to it.
 *
 *     {"any": bool, "allow": [["python3", "train.py"], ...], "trainers"?: absolute folder, "env": [NAME, ...],
 *      "memory"?: bytes, "files"?: descriptors, "time_ms"?: milliseconds, "log"?: bytes}
 *
 * A command is run if any is true, or if it begins with all words of one `allow` (compared byte by byte, after the
 * placeholders are filled), or if its program, links followed, lies in `trainers`. The built-in trainer always is.
 * An interpreter alone is no fence: `--allow python3` allows python3 -c ANYTHING.
 *
 * Trainers see variables that say where programs, libraries and devices are, and those named in `env` (a * at the
 * end stands for any); not what else the worker's user had set, such as passwords of other services.
 */
#ifndef HONE_WORKER_PERMIT_H
#define HONE_WORKER_PERMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"

struct permit_options {
    bool any;
    const char *const
        *allow; /* "python3 train.py": words, parted by blanks; there are no quotes and no shell */
    size_t allow_count;
    const char *trainers;   /* NULL or a folder */
    const char *const *env; /* names, or several parted by commas */
    size_t env_count;
    int64_t memory, files, time_ms, log; /* -1: no limit; of the log: 64 MiB */
};

/* Appends the JSON. ERR_BAD for an empty command, a folder that is not there, a name that is none. */
int permit_write(const struct permit_options *options, struct str *out, struct err *err);

/* `may` NULL allows everything. *program is what to execute, the caller frees; NULL: argv[0] as it is. `path` is
 * the trainer's PATH. */
int permit_check(const struct json *may, char *const *argv, const char *cwd, const char *path, char **program,
                 struct err *err);
/* "NAME=value": does the trainer see it? */
bool permit_env(const struct json *may, const char *entry);

#endif
