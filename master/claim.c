#include "master/claim.h"

#include <string.h>

struct claim claim_of(const struct trial *t)
{
    return (struct claim){t->study->def.name, t->number, (uint64_t)t->attempt, t->token};
}

void claim_refuse(struct turn *turn, peer_id to, const struct claim *claim)
{
    struct msg msg = {.kind = MSG_stop};
    str_copy(msg.stop.study, sizeof msg.stop.study, claim->study);
    msg.stop.trial = claim->trial;
    msg.stop.attempt = claim->attempt;
    str_copy(msg.stop.token, sizeof msg.stop.token, claim->token);
    str_copy(msg.stop.when, sizeof msg.stop.when, "now");
    str_copy(msg.stop.reason, sizeof msg.stop.reason, "fenced");
    outbox_add(turn->outbox, to, &msg);
}

struct trial *claim_trial(struct reactor *r, struct turn *turn, peer_id from, const struct claim *claim)
{
    struct study *s = claim->study[0] ? studies_find(&r->studies, claim->study) : NULL;
    struct trial *t = s && claim->trial <= UINT32_MAX ? study_trial(s, (uint32_t)claim->trial) : NULL;
    bool named =
        t && t->attempt > 0 && (uint64_t)t->attempt == claim->attempt && strcmp(t->token, claim->token) == 0;
    if (named && (!t->holder || t->holder == roster_by_peer(&r->roster, from)))
        return t;
    r->fenced_count++;
    claim_refuse(turn, from, claim);
    return NULL;
}
