/* calls_parts: what the files of calls (calls, calls_study, calls_trial) share and show to nobody else. */
#ifndef HONE_MASTER_CALLS_PARTS_H
#define HONE_MASTER_CALLS_PARTS_H

#include "master/calls.h"

struct asking {
    struct reactor *reactor;
    struct turn *turn;
    struct jcur args;
    struct jw *result;
    const char *who; /* the person, as the command names him: "anna@node1" */
};

/* A verb about a study that was named, or the newest. */
typedef int call_on_study(const struct asking *a, struct study *study, struct err *err);

call_on_study call_pause, call_resume, call_stop, call_approve, call_enqueue, call_edit, call_rename,
    call_status;

/* Of its trials: a list ("trials") or one ("trial"). */
call_on_study call_cancel, call_retry, call_delete, call_explain, call_seeds;

#endif
