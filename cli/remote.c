#include "cli/remote.h"

#include <stdlib.h>
#include <string.h>

#include "cli/bind.h"
#include "cli/trust.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "master/server.h"
#include "proto/wire.h"
#include "sql/lock.h"
#include "sql/place.h"
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
    if (!a->sent && wire_refusal(a->wire)) {
        err_set(err, ERR_PROTO, "%s: %s", a->address, wire_refusal(a->wire)); /* it is alive */
        return err_hint(
            err, "--keys DIR or HONE_KEYS names the folder with server.pub and your key; docs/security.md");
    }
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

struct question {
    const char *address;
    bool keyed; /* the master is known to want keys */
    const char *verb;
    struct json *args; /* NULL: none */
    int64_t timeout_ms;
};

/* An operator may do what a viewer may. */
static int ask(const struct question *q, struct msg_answer *out, struct err *err)
{
    static const enum role roles[] = {ROLE_OPERATOR, ROLE_VIEWER, ROLE_WORKER, ROLE_NONE};
    struct key_trust trust;
    bool use;
    int rc = trust_connect(q->address, q->keyed, roles, &trust, &use, err);
    if (rc)
        return rc;
    struct json *none = q->args ? NULL : json_new_object();
    struct asking a = {.address = q->address, .call = {.kind = MSG_call}};
    *out = (struct msg_answer){0};
    a.call.call.id = random_seed();
    a.call.call.args = q->args ? q->args : none;
    str_copy(a.call.call.verb, sizeof a.call.call.verb, q->verb);
    rc = wire_connect_keyed(q->address, use ? &trust : NULL, &a.wire, err);
    if (!rc)
        rc = wait_for_answer(&a, q->timeout_ms, out, err);
    wire_free(a.wire);
    json_free(none);
    key_pair_wipe(&trust.own);
    return rc == 1 ? answer_code(out, err) : rc;
}

int remote_call(const char *address, const char *verb, struct json *args, int64_t timeout_ms,
                struct msg_answer *out, struct err *err)
{
    return ask(&(struct question){address, false, verb, args, timeout_ms}, out, err);
}

static int ping(const char *address, bool keyed, struct err *err)
{
    struct msg_answer answer;
    int rc = ask(&(struct question){address, keyed, "ping", NULL, REMOTE_PING_MS}, &answer, err);
    if (!rc)
        answer_fini(&answer);
    return rc;
}

bool remote_alive(const char *address)
{
    return ping(address, false, NULL) == 0;
}

/* ---- whoever has the database ---- */

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

/* A master that listens on every interface is reached through this host's own. */
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

/* It says so beside its address. */
static bool wants_keys(const char *db)
{
    char *path = xasprintf("%s.d/keyed", db);
    bool keyed = file_exists(path);
    free(path);
    return keyed;
}

bool master_alive(const char *db)
{
    struct str address = {0};
    bool alive = known_address(db, &address, NULL) == 0 && address.len &&
                 ping(str_text(&address), wants_keys(db), NULL) == 0;
    str_fini(&address);
    return alive;
}

bool master_there(const char *db)
{
    char *path = NULL;
    bool is_there = place_resolve(db, &path, NULL) == 0 && db_lock_is_held(path);
    free(path);
    return is_there;
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
    bool keyed = wants_keys(db);
    struct err why = ERR_NONE;
    int rc = there ? known_address(db, &address, err) : 0, dead = ERR_REACH;
    if (!rc && address.len)
        dead = ping(str_text(&address), keyed, &why);
    if (!rc && !dead)
        rc = ask(&(struct question){str_text(&address), keyed, verb, args, REMOTE_CALL_MS}, out, err);
    else if (!rc && dead == ERR_REACH)
        rc = call_offline(db, verb, args, out, err);
    else if (!rc && err)
        *err = why; /* it is there, and does not know us */
    str_fini(&address);
    return rc ? rc : dead == ERR_REACH ? 0 : dead;
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
