#include "cli/remote.h"

#include <poll.h>
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

enum {
    ADDRESS_MAX_BYTES = 300,
    PATIENCE_MS = 20000, /* for a master that lives on this host, however slow the host is */
    UNSIGNED_MS = 200,   /* for one that holds the database and has not said yet who it is */
    LOOK_MS = 20,
};

/* What is known of a master before it is asked. */
struct known {
    const char *address;
    bool keyed; /* it wants keys */
    bool lives; /* its process does, on this host: it is worth waiting for, however slow the host is */
};

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
    int64_t up_ms; /* to get a connection; 0: as long as for the answer */
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
        int64_t limit = a->sent || !a->up_ms || timeout_ms < a->up_ms ? timeout_ms : a->up_ms;
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

/* An operator may do what a viewer may. */
static int call_with_keys(const struct known *master, const char *verb, struct json *args, int64_t timeout_ms,
                          struct msg_answer *out, struct err *err)
{
    static const enum role roles[] = {ROLE_OPERATOR, ROLE_VIEWER, ROLE_WORKER, ROLE_NONE};
    struct key_trust trust;
    bool use;
    int rc = trust_connect(master->address, master->keyed, roles, &trust, &use, err);
    if (rc)
        return rc;
    struct json *none = args ? NULL : json_new_object();
    struct asking a = {
        .address = master->address, .call = {.kind = MSG_call}, .up_ms = master->lives ? 0 : REMOTE_UP_MS};
    *out = (struct msg_answer){0};
    a.call.call.id = random_seed();
    a.call.call.args = args ? args : none;
    str_copy(a.call.call.verb, sizeof a.call.call.verb, verb);
    rc = wire_connect_keyed(master->address, use ? &trust : NULL, &a.wire, err);
    if (!rc)
        rc = wait_for_answer(&a, timeout_ms, out, err);
    wire_free(a.wire);
    json_free(none);
    key_pair_wipe(&trust.own);
    return rc == 1 ? answer_code(out, err) : rc;
}

int remote_call(const char *address, const char *verb, struct json *args, int64_t timeout_ms,
                struct msg_answer *out, struct err *err)
{
    return call_with_keys(&(struct known){.address = address}, verb, args, timeout_ms, out, err);
}

static int ping(const struct known *master, int64_t timeout_ms, struct err *err)
{
    struct msg_answer answer;
    int rc = call_with_keys(master, "ping", NULL, timeout_ms, &answer, err);
    if (!rc)
        answer_fini(&answer);
    return rc;
}

bool remote_alive(const char *address)
{
    return ping(&(struct known){.address = address}, REMOTE_PING_MS, NULL) == 0;
}

/* ---- whoever has the database ---- */

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

static enum lock_holder holder_of(const char *db)
{
    char *path = NULL;
    enum lock_holder holder = place_resolve(db, &path, NULL) ? LOCK_NOBODY : db_lock_holder(path);
    free(path);
    return holder;
}

bool master_there(const char *db)
{
    return holder_of(db) != LOCK_NOBODY;
}

static void known_fini(struct known *known)
{
    free((char *)(uintptr_t)known->address);
}

/* For known_fini; an address of "": nobody has left one. */
static int find_master(const char *db, struct known *out, struct err *err)
{
    struct str address = {0};
    int rc = known_address(db, &address, err);
    *out = (struct known){str_take(&address), wants_keys(db), holder_of(db) == LOCK_HERE};
    return rc;
}

/* One that lives here is alive however slow it is to answer. */
bool master_alive(const char *db)
{
    struct known master;
    int rc = find_master(db, &master, NULL);
    bool alive = master.lives || (!rc && *master.address && ping(&master, REMOTE_PING_MS, NULL) == 0);
    known_fini(&master);
    return alive;
}

bool master_may_change(const char *db, const char *master)
{
    static const enum role roles[] = {ROLE_OPERATOR, ROLE_NONE};
    struct known known = {0};
    struct key_trust trust = {0};
    bool use = false;
    int rc = master ? 0 : find_master(db, &known, NULL);
    const char *address = master ? master : known.address;
    if (!rc && address && *address)
        rc = trust_connect(address, known.keyed, roles, &trust, &use, NULL);
    key_pair_wipe(&trust.own);
    known_fini(&known);
    return !rc;
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

/* ---- whom to ask ---- */

struct request {
    const char *db, *verb;
    struct json *args;
    bool here;       /* where nobody holds the database, it is done here */
    int64_t ping_ms; /* how long one that listens has to say so */
};

/* ERR_BUSY: there is none, or none that answers yet. Whatever else becomes of it was the master's word. */
static int call_holder(const struct request *r, struct msg_answer *out, struct err *err)
{
    struct known master = {0};
    bool there = master_there(r->db);
    int rc = find_master(r->db, &master, err);
    if (rc == ERR_GONE ||
        (there && rc == ERR_REACH)) /* the file is yet to be made; its master has it for itself */
        rc = ERR_BUSY;
    else if (!rc && (!there || !*master.address))
        rc = ERR_BUSY;
    else if (!rc)
        rc = ping(&master, r->ping_ms, err) == ERR_REACH
                 ? ERR_BUSY
                 : call_with_keys(&master, r->verb, r->args, REMOTE_CALL_MS, out, err);
    known_fini(&master);
    return rc;
}

/* Whoever holds the database may not listen yet (a master that starts, reads its rows, or has been stopped for a moment), or
 * is another command that will be through soon. How long that is worth waiting for depends on who it is. */
static int64_t worth_waiting_ms(const char *db)
{
    switch (holder_of(db)) {
    case LOCK_HERE: return PATIENCE_MS;
    case LOCK_ELSEWHERE: return REMOTE_UP_MS;
    case LOCK_NOBODY: break;
    }
    return UNSIGNED_MS;
}

static int call_whoever(struct request *r, struct msg_answer *out, struct err *err)
{
    int64_t start_ms = clock_mono_ms();
    for (;;) {
        struct err why = ERR_NONE;
        int rc = call_holder(r, out, &why);
        if (rc == ERR_BUSY && r->here) {
            why = ERR_NONE;
            rc = call_offline(r->db, r->verb, r->args, out, &why);
            rc = rc == ERR_REACH ? ERR_BUSY : rc;
        }
        bool give_up = !r->here && !master_there(r->db);
        if (rc == ERR_BUSY && !give_up && clock_mono_ms() - start_ms < worth_waiting_ms(r->db)) {
            poll(NULL, 0, LOOK_MS);
            r->ping_ms *= 2; /* another address at first, if it has one; then a host that is slow */
            continue;
        }
        if (rc == ERR_BUSY)
            rc = why.code ? (why.code = ERR_REACH) : err_set(&why, ERR_REACH, "no master runs");
        if (rc && err)
            *err = why;
        return rc;
    }
}

int master_call(const char *db, const char *master, const char *verb, struct json *args,
                struct msg_answer *out, struct err *err)
{
    if (master)
        return remote_call(master, verb, args, REMOTE_CALL_MS, out, err);
    // only submit may make a database; anything else has nothing to work on without one
    if (!file_exists(db) && !master_there(db) && strcmp(verb, "submit") != 0) {
        err_set(err, ERR_REACH, "there is no database \"%s\"", db);
        return err_hint(
            err, "hone run STUDY.json makes one; --db FILE or HONE_DB names another, --master ADDR a master");
    }
    return call_whoever(&(struct request){db, verb, args, true, REMOTE_PING_MS}, out, err);
}

int master_ask(const char *db, const char *master, const char *verb, struct json *args,
               struct msg_answer *out, struct err *err)
{
    if (master)
        return remote_call(master, verb, args, REMOTE_CALL_MS, out, err);
    return call_whoever(&(struct request){db, verb, args, false, REMOTE_PING_MS}, out, err);
}
