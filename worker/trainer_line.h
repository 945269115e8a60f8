/* trainer_line: what one line of a trainer says (proto/TRAINER.md section 3).
 *
 * A trainer is a stranger: it may be buggy, and its metrics end up in everybody's store. So a line is either
 * exactly one of the six known ones or a fault, with a sentence that names what is wrong.
 *
 * Refuses: anything but a JSON object, unknown keys beside known ones, more than 64 metrics, metrics that are
 * neither numbers nor null, checkpoint names that leave the attempt's folder.
 * Ownership: a line owns its tree; every text in it is borrowed from there. trainer_line_fini frees.
 */
#ifndef HONE_WORKER_TRAINER_LINE_H
#define HONE_WORKER_TRAINER_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"

enum { TRAINER_LINE_MAX = 65536, TRAINER_METRICS_MAX = 64 };

enum trainer_says {
    TRAINER_REPORT,
    TRAINER_READY,
    TRAINER_DONE,
    TRAINER_FAILED,
    TRAINER_NOTE,
    TRAINER_RESULT
};

struct trainer_line {
    enum trainer_says says;
    uint64_t epoch;              /* of a report */
    const char *checkpoint;      /* of a report: a name inside the attempt's folder, or NULL */
    const struct json *findings; /* of a report: a list of findings (common/finding.h), or NULL */
    const char *cause;           /* of a failure: "error" unless the trainer knows better */
    const char *text;            /* of a failure or note */
    struct json *tree;           /* the whole line; in a report most keys are metrics */
};

/* Of an epoch report: any key but epoch, checkpoint and findings. */
bool trainer_key_is_metric(const char *key);

/* ERR_PROTO with a sentence if it is none of the six; *out is empty then. */
int trainer_line_parse(const char *line, size_t len, struct trainer_line *out, struct err *err);
void trainer_line_fini(struct trainer_line *line);

#endif
