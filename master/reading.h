/* reading: the QUERY verb. A database that only its master may open (--network-db), or one on another host, is read
 * through the master: a named query with binds, or one SELECT, whose rows go into the answer. Bounded: an answer is
 * one message. */
#ifndef HONE_MASTER_READING_H
#define HONE_MASTER_READING_H

#include "proto/message.h"
#include "sql/store.h"

void reading_answer(struct store *store, const struct msg_call *call, struct msg_answer *answer);

#endif
