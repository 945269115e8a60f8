/* checks: what has to be seen of a trainer before the master spends slots on it.
 *
 * The first worker with credit gets the whole CHECK of a study, and nobody a job of it until its answer is there. Other
 * workers train one epoch (smoke) before their first job of a study whose trainer is a command: what runs on one host
 * need not run on the next. A study in which something is wrong ends before it begins (end_reason checks), unless its
 * user said --force; a worker on which the smoke run goes wrong gets no job of that study.
 *
 * What is under way lives in memory alone, with the connection it was sent over: a worker that is lost, and a master
 * that starts anew, just lead to another CHECK. What was found is rows, written with the answer. */
#ifndef HONE_MASTER_CHECKS_H
#define HONE_MASTER_CHECKS_H

#include "master/roster.h"
#include "master/studies.h"

/* The CHECK of a study but its token; the caller calls msg_fini. Also what `hone check` carries out by itself. */
void checks_describe(const struct study_def *def, const char *base, struct msg *out);

/* A worker with credit: gives it the check of a study that waits for one. False: there is none. */
bool checks_give(struct turn *turn, const struct studies *studies, struct worker *worker);

/* May this worker train this study now; if not, is it the moment for its smoke run? */
enum checks_door { DOOR_OPEN, DOOR_SMOKE, DOOR_SHUT };
enum checks_door checks_door(struct turn *turn, const struct study *study, struct worker *worker);
void checks_smoke(struct turn *turn, struct study *study, struct worker *worker);

void checks_on_checked(struct turn *turn, const struct studies *studies, struct worker *worker,
                       const struct msg_checked *checked);
/* It does not know CHECK (a peer of another make): taken as skipped. */
void checks_on_unknown(struct turn *turn, const struct studies *studies, struct worker *worker);
/* Its connection is gone, and with it what it was checking. */
void checks_drop(const struct studies *studies, struct worker *worker);

/* The user's word about a study that is known: submitted again with or without --no-check, --force. */
void checks_resubmit(struct turn *turn, struct study *study, enum study_checks checks);

#endif
