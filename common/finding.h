/* finding: what a trainer that watches itself says is wrong with its training: the rule that saw it, what is to be done
 * about the trial, the evidence and the advice. The same in an epoch report of proto/TRAINER.md, on the wire and on the
 * way to the store.
 *
 * Refuses anything but the four texts within their bounds. Ownership: texts are borrowed from the JSON. */
#ifndef HONE_COMMON_FINDING_H
#define HONE_COMMON_FINDING_H

#include "common/json.h"

enum { FINDINGS_MAX = 32, FINDING_RULE_MAX = 16, FINDING_TEXT_MAX = 200 };

struct finding_said {
    const char *rule;   /* "D5" */
    const char *action; /* suggest, warn; stop: the trial is to end as pruned(babysit) */
    const char *text, *advice;
};

int finding_read(const struct jcur *cur, struct finding_said *out, struct err *err);

/* A whole list of them, as a report has it. */
int findings_check(const struct jcur *list, struct err *err);

#endif
