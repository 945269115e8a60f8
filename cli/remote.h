/* remote: asking a master. One CALL, one ANSWER, a time limit.
 *
 * master_call finds out whom to ask: the address given (--master, HONE_MASTER), else the one the running
 * master wrote into the database, if it answers a ping. With no master alive the call is applied to the
 * database here, under its lock, by the same code a master would run. One that holds the database and does not listen
 * yet is waited for, as long as its process lives (20 s at most), and then asked.
 *
 * An answer with a code other than 0 is an error of the same code, with the master's text and hint.
 * Ownership: the answer is the caller's, answer_fini; args are borrowed.
 */
#ifndef HONE_CLI_REMOTE_H
#define HONE_CLI_REMOTE_H

#include "proto/message.h"

enum {
    REMOTE_UP_MS = 3000, /* to get a connection */
    REMOTE_PING_MS = 2000,
    REMOTE_CALL_MS = 30000,
};

int remote_call(const char *address, const char *verb, struct json *args, int64_t timeout_ms,
                struct msg_answer *out, struct err *err);
int master_call(const char *db, const char *master, const char *verb, struct json *args,
                struct msg_answer *out, struct err *err);
/* The same, but only of a master that runs: ERR_REACH if none does. */
int master_ask(const char *db, const char *master, const char *verb, struct json *args,
               struct msg_answer *out, struct err *err);
/* Has this person what it takes to change something there: an operator's key, or a master that wants none? Asks nobody. */
bool master_may_change(const char *db, const char *master);
void answer_fini(struct msg_answer *answer);

/* What the running master wrote to DB.d/address, for a database that nobody else may open; NULL: nothing there. */
char *address_beside(const char *db);
/* Does a master answer at this address; at the one that the database names? */
bool remote_alive(const char *address);
bool master_alive(const char *db);
/* The same without asking it: whether somebody who lives holds the database. */
bool master_there(const char *db);

#endif
