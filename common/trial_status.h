/* trial_status: the enum and the names that trial_status.def gives. Which moves happen when is decided in
 * master/trial.c alone; this only says which are allowed. */
#ifndef HONE_COMMON_TRIAL_STATUS_H
#define HONE_COMMON_TRIAL_STATUS_H

#include <stdbool.h>

enum trial_status {
#define TRIAL_STATUS(name, hue, gloss) TRIAL_##name,
#include "common/trial_status.def"
    TRIAL_STATUS_COUNT
};

const char *trial_status_name(enum trial_status status);
const char *trial_status_gloss(enum trial_status status);
const char *trial_status_hue(enum trial_status status); /* "#0072b2" */
bool trial_status_parse(const char *name, enum trial_status *out);
bool trial_status_is_final(enum trial_status status); /* complete, pruned, failed, cancelled */

/* The event of an allowed edge, NULL if there is no such edge. */
const char *trial_edge_event(enum trial_status from, enum trial_status to);

#endif
