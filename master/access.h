/* access: which role may say what. One row for each message and each verb; what has no row nobody may say.
 *
 *     worker    HELLO to DONE, and nothing that asks or changes
 *     viewer    verbs that only look
 *     operator  every verb. A study says which program the workers run, so submit and edit mean running commands
 *               on the workers, as their users: an operator's key is a login on all of them
 *     local     everything: a peer on a socket without keys, guarded by its folder or the loopback interface
 *
 * Pure; asked by the server before the reactor hears of the message.
 */
#ifndef HONE_MASTER_ACCESS_H
#define HONE_MASTER_ACCESS_H

#include "proto/keys.h"
#include "proto/message.h"

/* 0, or ERR_NO with a sentence that says what the role may do. */
int access_check(const struct key_owner *sender, const struct msg *msg, struct err *err);

/* What it costs of the sender's budget (proto/peers.h) beside its bytes. */
int64_t access_units(const struct msg *msg, int64_t took_ms);

#endif
