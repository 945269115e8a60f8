#include "master/access.h"

#include <string.h>

#include "common/check.h"
#include "proto/peers.h"

enum { MAY_WORKER = 1 << ROLE_WORKER, MAY_VIEWER = 1 << ROLE_VIEWER, MAY_OPERATOR = 1 << ROLE_OPERATOR };
enum { MAY_LOOK = MAY_VIEWER | MAY_OPERATOR, MAY_ALL = MAY_WORKER | MAY_LOOK };

/* By THE table: what workers say needs a worker's key, also a message that is new there. */
static int who_may_say(enum msg_kind kind)
{
    if (kind == MSG_error || !(msg_is_from(kind, 'W') || msg_is_from(kind, 'C')))
        return MAY_ALL; /* what only a master says is answered as from anybody: there is no such message here */
    return MAY_WORKER;
}

/* Those of viewers; every other verb, also one that is not known here, is an operator's. */
static const struct {
    const char *verb;
    int may;
} verbs[] = {
    {"ping", MAY_ALL}, {"status", MAY_LOOK}, {"workers", MAY_LOOK}, {"query", MAY_LOOK}, {"log", MAY_LOOK},
};

static int who_may_call(const char *verb)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            return verbs[i].may;
    return MAY_OPERATOR;
}

static int refuse(const struct key_owner *sender, const struct msg *msg, int may, struct err *err)
{
    bool call = msg->kind == MSG_call;
    err_set(err, ERR_NO, "\"%s\" has the key of a %s, and %s needs %s's", sender->name,
            role_name(sender->role), call ? msg->call.verb : msg_name(msg->kind),
            may & MAY_WORKER   ? "a worker"
            : may & MAY_VIEWER ? "a viewer"
                               : "an operator");
    if (call && !(may & MAY_VIEWER))
        err_hint(
            err,
            "an operator can run commands on every worker; hone keys add NAME --role operator makes one");
    return ERR_NO;
}

int access_check(const struct key_owner *sender, const struct msg *msg, struct err *err)
{
    if (sender->role == ROLE_LOCAL)
        return 0;
    int may = msg->kind == MSG_call ? who_may_call(msg->call.verb) : who_may_say(msg->kind);
    return may & 1 << sender->role ? 0 : refuse(sender, msg, may, err);
}

int64_t access_units(const struct msg *msg, int64_t took_ms)
{
    enum { HELLO_UNITS = 2000, CALL_UNITS = 500, QUERY_UNITS = 2000 };
    switch (msg->kind) {
    case MSG_hello: return HELLO_UNITS; /* rows, and a walk over what it held */
    case MSG_call: /* the text of a query decides how long it takes, a disk how long a log */
        return strcmp(msg->call.verb, "query") == 0 || strcmp(msg->call.verb, "log") == 0
                   ? QUERY_UNITS + took_ms * (PEER_RATE / 1000)
                   : CALL_UNITS;
    default: return 0;
    }
}
