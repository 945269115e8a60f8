#include "common/trial_status.h"

#include <stddef.h>
#include <string.h>

#include "common/check.h"

static const char *const names[] = {
#define TRIAL_STATUS(name, hue, gloss) #name,
#include "common/trial_status.def"
};

static const char *const hues[] = {
#define TRIAL_STATUS(name, hue, gloss) hue,
#include "common/trial_status.def"
};

static const char *const glosses[] = {
#define TRIAL_STATUS(name, hue, gloss) gloss,
#include "common/trial_status.def"
};

static const struct {
    enum trial_status from, to;
    const char *event;
} edges[] = {
#define TRIAL_EDGE(from, to, event) {TRIAL_##from, TRIAL_##to, event},
#include "common/trial_status.def"
};

const char *trial_status_name(enum trial_status status)
{
    PRE(status < TRIAL_STATUS_COUNT);
    return names[status];
}

const char *trial_status_gloss(enum trial_status status)
{
    PRE(status < TRIAL_STATUS_COUNT);
    return glosses[status];
}

const char *trial_status_hue(enum trial_status status)
{
    PRE(status < TRIAL_STATUS_COUNT);
    return hues[status];
}

bool trial_status_parse(const char *name, enum trial_status *out)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum trial_status)i;
            return true;
        }
    }
    return false;
}

bool trial_status_is_final(enum trial_status status)
{
    return status == TRIAL_complete || status == TRIAL_pruned || status == TRIAL_failed ||
           status == TRIAL_cancelled;
}

const char *trial_edge_event(enum trial_status from, enum trial_status to)
{
    for (size_t i = 0; i < COUNT_OF(edges); i++)
        if (edges[i].from == from && edges[i].to == to)
            return edges[i].event;
    return NULL;
}
