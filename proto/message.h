/* message: what master, workers and clients say to each other, as C structs. All of it expands from
 * messages.def: adding a message is a row there.
 *
 * Decoding trusts nothing: sizes, types, ranges and counts are checked against the table before anything is
 * kept, and a bad message gives a struct err that names the field. Encoding our own message cannot fail.
 *
 * Ownership: a decoded struct msg owns its JSON values (OBJECT, LIST, ANY); msg_fini frees them. To keep one,
 * take it: copy the pointer and set the field to NULL. A struct msg built for sending borrows or owns them by
 * the same rule: call msg_fini only if it owns them.
 */
#ifndef HONE_PROTO_MESSAGE_H
#define HONE_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/json.h"
#include "common/str.h"

#define HONE_WIRE_VERSION "HONE1"
enum { MSG_MAX_BYTES = 1 << 20 };

#define MSG_C_TEXT(field, bound) char field[(bound) + 1];
#define MSG_C_UINT(field, bound) uint64_t field;
#define MSG_C_NUM(field, bound) double field;
#define MSG_C_BOOL(field, bound) bool field;
#define MSG_C_OBJECT(field, bound) struct json *field;
#define MSG_C_LIST(field, bound) struct json *field;
#define MSG_C_ANY(field, bound) struct json *field;

#define MESSAGE_BEGIN(name, from, gloss) \
    struct msg_##name {                  \
        char none_[1]; /* a message may have no fields */
#define FIELD(kind, message, field, bound, need, gloss) MSG_C_##kind(field, bound)
#define MESSAGE_END(name) \
    }                     \
    ;
#include "proto/messages.def"

enum msg_kind {
#define MESSAGE_BEGIN(name, from, gloss) MSG_##name,
#define FIELD(kind, message, field, bound, need, gloss)
#define MESSAGE_END(name)
#include "proto/messages.def"
    MSG_KIND_COUNT
};

struct msg {
    enum msg_kind kind;
    union {
#define MESSAGE_BEGIN(name, from, gloss) struct msg_##name name;
#define FIELD(kind, message, field, bound, need, gloss)
#define MESSAGE_END(name)
#include "proto/messages.def"
    };
};

const char *msg_name(enum msg_kind kind);        /* "HELLO" */
bool msg_is_from(enum msg_kind kind, char role); /* may W worker, M master, C client say it? */

/* The two frames. `head` and `body` are appended to. A MUST tree that is NULL goes as {}, [] or null; bytes that are
 * not UTF-8 become '?'; an ANSWER too large for a frame becomes one that says so. */
void msg_encode(const struct msg *msg, struct str *head, struct str *body);

/* ERR_PROTO with a sentence that names the field; *out is empty then. */
int msg_decode(const void *head, size_t head_len, const void *body, size_t body_len, struct msg *out,
               struct err *err);
void msg_fini(struct msg *msg);

/* How the call of this id went, but its result. */
void msg_answer_outcome(struct msg_answer *answer, uint64_t id, int rc, const struct err *err);

/* For a message that msg_decode refused: the code of the ERROR to answer with, "malformed", "version" (of another
 * one) or "unknown" (no such message). */
const char *msg_fault(const void *head, size_t head_len);

/* ---- outbox: what a turn of a loop wants to say, kept until its commit ---- */

/* A connection, for as long as it lasts: the wire hands out fresh ones, 0 is none. */
typedef uint32_t peer_id;

struct outbox {
    struct outbox_item {
        peer_id to;
        enum msg_kind kind;
        struct str head, body;
    } * items;
    size_t count, room;
};

void outbox_add(struct outbox *outbox, peer_id to, const struct msg *msg); /* encodes; borrows msg */
/* An empty one at the end, for the caller to write head and body of. */
struct outbox_item *outbox_next(struct outbox *outbox, peer_id to, enum msg_kind kind);
void outbox_clear(struct outbox *outbox);
void outbox_fini(struct outbox *outbox);

#endif
