#include "cli/remote.h"

#include <stdlib.h>
#include <string.h>

#include "cli/bind.h"
#include "common/mem.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "master/server.h"
#include "proto/wire.h"
#include "sql/query.h"

enum { ADDRESS_MAX_BYTES = 300 };

void answer_fini(struct msg_answer *answer)
{
    json_free(answer->result);
    answer->result = NULL;
}

/* ---- over the wire ---- */

struct asking {
    struct wire *wire;
    const char *address;
    struct msg call;
    bool sent;
};

static int no_answer(const struct asking *a, struct err *err)
{
    if (!a->sent) {
        err_set(err, ERR_REACH, "no master can be reached at %s", a->address);
        return err_hint(err, "is it running? `hone master` prints its address");
    }
    err_set(err, ERR_REACH, "the master at %s took \"%s\" and has not answered", a->address,
            a->call.call.verb);
    return err_hint(err, "look before you repeat it: it may have been done");
}

/* One event. 1: *out is the answer; 0: go on; negative: it is over. */
static int on_event(struct asking *a, enum wire_event event, struct msg *msg, struct msg_answer *out,
                    struct err *err)
{
    if (event == WIRE_UP && !a->sent)
        a->sent = wire_send(a->wire, 0, &a->call) == 0;
    else if (event == WIRE_DOWN && a->sent)
        return no_answer(a, err);
    else if (event == WIRE_BAD)
        return err_prefix(err, "%s: ", a->address);
    if (event != WIRE_MESSAGE)
        return 0;
    int rc = 0;
    if (msg->kind == MSG_answer && msg->answer.id == a->call.call.id) {
        *out = msg->answer;
        msg->answer.result = NULL;
        rc = 1;
    } else if (msg->kind == MSG_error) {
        rc = err_set(err, ERR_PROTO, "%s: %s", a->address, msg->error.text);
    }
    msg_fini(msg);
    return rc;
}

static int wait_for_answer(struct asking *a, int64_t timeout_ms, struct msg_answer *out, struct err *err)
{
    int64_t start = clock_mono_ms();
    for (;;) {
        struct msg msg;
        peer_id from;
        enum wire_event event = wire_receive(a->wire, &from, &msg, err);
        int rc = on_event(a, event, &msg, out, err);
        if (rc)
            return rc;
        int64_t limit = a->sent || timeout_ms < REMOTE_UP_MS ? timeout_ms : REMOTE_UP_MS;
        int64_t left = start + limit - clock_mono_ms();
        if (left <= 0)
            return no_answer(a, err);
        if (event == WIRE_NOTHING)
            wire_wait(a->wire, NULL, 0, left);
    }
}

/* What the master says went wrong, as our own error. */
static int answer_code(struct msg_answer *answer, struct err *err)
{
    static const int codes[] = {0, ERR_NO, ERR_BAD, ERR_REACH};
    int code = answer->code < 4 ? codes[answer->code] : ERR_NO;
    if (!code)
        return 0;
    err_set(err, code, "%s", answer->text);
    if (answer->hint[0])
        err_hint(err, "%s", answer->hint);
    answer_fini(answer);
    return code;
}

int remote_call(const char *address, const char *verb, struct json *args, int64_t timeout_ms,
                struct msg_answer *out, struct err *err)
{
    struct json *none = args ? NULL : json_new_object();
    struct asking a = {.address = address, .call = {.kind = MSG_call}};
    *out = (struct msg_answer){0};
    a.call.call.id = random_seed();
    a.call.call.args = args ? args : none;
    str_copy(a.call.call.verb, sizeof a.call.call.verb, verb);
    int rc = wire_connect(address, &a.wire, err);
    if (!rc)
        rc = wait_for_answer(&a, timeout_ms, out, err);
    wire_free(a.wire);
    json_free(none);
    return rc == 1 ? answer_code(out, err) : rc;
}

bool remote_alive(const char *address)
{
    struct msg_answer answer;
    int rc = remote_call(address, "ping", NULL, REMOTE_PING_MS, &answer, NULL);
    if (!rc)
        answer_fini(&answer);
    return rc == 0;
}

/* ---- whoever has the database ---- */

/* A master that listens on every interface is reached through this host's own. */
/* The running master of a database that only it may open left its address in <db>.d; NULL: it did not. */
char *address_beside(const char *db)
{
    struct str text = {0};
    char *path = xasprintf("%s.d/address", db);
    int rc = file_read(path, 1024, &text, NULL);
    free(path);
    if (!rc)
        return str_take(&text);
    str_fini(&text);
    return NULL;
}

static int known_address(const char *db, struct str *out, struct err *err)
{
    char address[ADDRESS_MAX_BYTES] = "";
    struct query *query;
    int rc = query_open(db, &query, err);
    char *beside = rc == ERR_REACH ? address_beside(db) : NULL;
    if (beside) {
        bind_reach(beside, "127.0.0.1", out);
        free(beside);
        return 0;
    }
    if (rc)
        return rc;
    rc = query_address(query, address, sizeof address, err);
    query_close(query);
    if (!rc)
        bind_reach(address, "127.0.0.1", out);
    return rc;
}

bool master_alive(const char *db)
{
    struct str address = {0};
    bool alive = known_address(db, &address, NULL) == 0 && address.len && remote_alive(str_text(&address));
    str_fini(&address);
    return alive;
}

static int call_offline(const char *db, const char *verb, struct json *args, struct msg_answer *out,
                        struct err *err)
{
    struct msg_call call = {.id = 1, .args = args};
    *out = (struct msg_answer){0};
    str_copy(call.verb, sizeof call.verb, verb);
    int rc = server_offline_call(db, &call, out, err);
    return rc ? rc : answer_code(out, err);
}

int master_call(const char *db, const char *master, const char *verb, struct json *args,
                struct msg_answer *out, struct err *err)
{
    if (master)
        return remote_call(master, verb, args, REMOTE_CALL_MS, out, err);
    // only submit may make a database; anything else has nothing to work on without one
    bool there = file_exists(db);
    if (!there && strcmp(verb, "submit") != 0) {
        err_set(err, ERR_REACH, "there is no database \"%s\"", db);
        return err_hint(err, "name it with --db or HONE_DB, or the master with --master");
    }
    struct str address = {0};
    int rc = there ? known_address(db, &address, err) : 0;
    if (!rc && address.len && remote_alive(str_text(&address)))
        rc = remote_call(str_text(&address), verb, args, REMOTE_CALL_MS, out, err);
    else if (!rc)
        rc = call_offline(db, verb, args, out, err);
    str_fini(&address);
    return rc;
}

int master_ask(const char *db, const char *master, const char *verb, struct json *args,
               struct msg_answer *out, struct err *err)
{
    if (master)
        return remote_call(master, verb, args, REMOTE_CALL_MS, out, err);
    struct str address = {0};
    int rc = known_address(db, &address, err);
    if (!rc && address.len && remote_alive(str_text(&address)))
        rc = remote_call(str_text(&address), verb, args, REMOTE_CALL_MS, out, err);
    else if (!rc)
        rc = err_set(err, ERR_REACH, "no master runs");
    str_fini(&address);
    return rc;
}
