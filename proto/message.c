#include "proto/message.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

/* ---- the table ---- */

enum field_kind { KIND_END, KIND_TEXT, KIND_UINT, KIND_NUM, KIND_BOOL, KIND_OBJECT, KIND_LIST, KIND_ANY };
enum field_need { NEED_MUST, NEED_MAY };

struct field {
    enum field_kind kind;
    enum field_need need;
    const char *name;
    size_t offset; /* in struct msg */
    uint64_t bound;
};

#define MESSAGE_BEGIN(name, from, gloss) static const struct field fields_##name[] = {
#define FIELD(kind, message, field, bound, need, gloss) \
    {KIND_##kind, NEED_##need, #field, offsetof(struct msg, message.field), bound},
#define MESSAGE_END(name) \
    {                     \
        0                 \
    }                     \
    }                     \
    ;
#include "proto/messages.def"

static const struct field *const tables[MSG_KIND_COUNT] = {
#define MESSAGE_BEGIN(name, from, gloss) fields_##name,
#define FIELD(kind, message, field, bound, need, gloss)
#define MESSAGE_END(name)
#include "proto/messages.def"
};

/* "HELLO", made from the table's "hello" before main runs: the preprocessor cannot write capitals. */
static char names[MSG_KIND_COUNT][16] = {
#define MESSAGE_BEGIN(name, from, gloss) #name,
#define FIELD(kind, message, field, bound, need, gloss)
#define MESSAGE_END(name)
#include "proto/messages.def"
};

__attribute__((constructor)) static void write_names_in_capitals(void)
{
    for (int kind = 0; kind < MSG_KIND_COUNT; kind++)
        for (char *c = names[kind]; *c; c++)
            *c = (char)toupper((unsigned char)*c);
}

const char *msg_name(enum msg_kind kind)
{
    PRE(kind < MSG_KIND_COUNT);
    return names[kind];
}

static const char *const senders[MSG_KIND_COUNT] = {
#define MESSAGE_BEGIN(name, from, gloss) from,
#define FIELD(kind, message, field, bound, need, gloss)
#define MESSAGE_END(name)
#include "proto/messages.def"
};

bool msg_is_from(enum msg_kind kind, char role)
{
    PRE(kind < MSG_KIND_COUNT);
    return strchr(senders[kind], role) != NULL;
}

static const void *field_at(const struct msg *msg, const struct field *field)
{
    return (const char *)msg + field->offset;
}

static void *field_mut(struct msg *msg, const struct field *field)
{
    return (char *)msg + field->offset;
}

static bool is_tree(enum field_kind kind)
{
    return kind == KIND_OBJECT || kind == KIND_LIST || kind == KIND_ANY;
}

/* ---- encoding ---- */

static bool is_absent(const struct msg *msg, const struct field *field)
{
    const void *at = field_at(msg, field);
    switch (field->kind) {
    case KIND_TEXT: return *(const char *)at == '\0';
    case KIND_UINT: return *(const uint64_t *)at == 0;
    case KIND_NUM: return isnan(*(const double *)at);
    case KIND_BOOL: return !*(const bool *)at;
    default: return *(struct json *const *)at == NULL;
    }
}

/* The end of a log may be cut in the middle of a character. '?' keeps the text within its bound, which the three
 * bytes that json_quote would put there do not. */
static void write_text(struct jw *w, const struct field *field, const char *text)
{
    size_t len = strlen(text), bad = utf8_wrong_at(text, len);
    if (bad == len) {
        jw_text(w, field->name, text);
        return;
    }
    char *mended = xstrdup(text);
    for (; bad < len; bad += utf8_wrong_at(text + bad, len - bad))
        mended[bad++] = '?';
    jw_text(w, field->name, mended);
    free(mended);
}

static void write_tree(struct jw *w, const struct field *field, const struct json *tree)
{
    if (tree)
        jw_node(w, field->name, tree);
    else
        jw_raw(w, field->name, field->kind == KIND_OBJECT ? "{}" : field->kind == KIND_LIST ? "[]" : "null");
}

static void write_field(struct jw *w, const struct msg *msg, const struct field *field)
{
    const void *at = field_at(msg, field);
    switch (field->kind) {
    case KIND_TEXT: write_text(w, field, at); break;
    case KIND_UINT:
        PRE(*(const uint64_t *)at <= field->bound);
        jw_int(w, field->name, (int64_t) * (const uint64_t *)at);
        break;
    case KIND_NUM: jw_num(w, field->name, *(const double *)at); break;
    case KIND_BOOL: jw_bool(w, field->name, *(const bool *)at); break;
    case KIND_OBJECT:
    case KIND_LIST:
    case KIND_ANY: write_tree(w, field, *(struct json *const *)at); break;
    case KIND_END: UNREACHABLE();
    }
}

static void encode_body(const struct msg *msg, struct str *body)
{
    struct jw w = jw_to(body);
    jw_object(&w, NULL);
    for (const struct field *f = tables[msg->kind]; f->kind != KIND_END; f++)
        if (f->need == NEED_MUST || !is_absent(msg, f))
            write_field(&w, msg, f);
    jw_close_object(&w);
}

/* A result that does not fit in a frame would cost the client its connection, again and again: say so
 * instead. */
static void answer_too_large(const struct msg *msg, size_t bytes, struct str *body)
{
    struct msg shorter = {.kind = MSG_answer, .answer = {.id = msg->answer.id, .code = 2}};
    struct str text = {0};
    str_addf(&text, "the answer is too large for one message (%zu bytes, at most %d)", bytes, MSG_MAX_BYTES);
    str_copy(shorter.answer.text, sizeof shorter.answer.text, str_text(&text));
    str_copy(shorter.answer.hint, sizeof shorter.answer.hint,
             "ask for fewer rows, or read the database itself");
    str_fini(&text);
    encode_body(&shorter, body);
}

void msg_encode(const struct msg *msg, struct str *head, struct str *body)
{
    PRE(msg->kind < MSG_KIND_COUNT);
    str_add(head, HONE_WIRE_VERSION " ");
    str_add(head, names[msg->kind]);
    size_t start = body->len;
    encode_body(msg, body);
    size_t bytes = body->len - start;
    if (bytes > MSG_MAX_BYTES && msg->kind == MSG_answer) {
        body->len = start;
        answer_too_large(msg, bytes, body);
    }
}

/* ---- decoding ---- */

enum { HEAD_MAX = 64 }; /* bytes; longer than any name of ours, short enough to quote */

static bool head_is_ours(const char *head, size_t len)
{
    size_t version = strlen(HONE_WIRE_VERSION);
    return len > version && memcmp(head, HONE_WIRE_VERSION " ", version + 1) == 0;
}

static bool head_is_printable(const char *head, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isprint((unsigned char)head[i]))
            return false;
    return len > 0 && len <= HEAD_MAX;
}

/* MSG_KIND_COUNT if there is no such message. */
static enum msg_kind kind_of(const char *name, size_t len)
{
    int kind = 0;
    while (kind < MSG_KIND_COUNT && !(strlen(names[kind]) == len && memcmp(names[kind], name, len) == 0))
        kind++;
    return (enum msg_kind)kind;
}

static int decode_head(const char *head, size_t len, enum msg_kind *kind, struct err *err)
{
    size_t skip = strlen(HONE_WIRE_VERSION) + 1;
    if (!head_is_printable(head, len))
        return err_set(err, ERR_PROTO, "the first frame is not \"%s NAME\" (%zu bytes)", HONE_WIRE_VERSION,
                       len);
    if (!head_is_ours(head, len)) {
        err_set(err, ERR_PROTO, "the first frame is \"%.*s\": it must begin with \"%s \"", (int)len, head,
                HONE_WIRE_VERSION);
        return err_hint(err, "both ends must run the same version of the protocol");
    }
    *kind = kind_of(head + skip, len - skip);
    if (*kind == MSG_KIND_COUNT)
        return err_set(err, ERR_PROTO, "there is no message \"%.*s\"", (int)(len - skip), head + skip);
    return 0;
}

const char *msg_fault(const void *head, size_t head_len)
{
    struct err ignored = ERR_NONE;
    enum msg_kind kind = MSG_KIND_COUNT;
    if (decode_head(head, head_len, &kind, &ignored) == 0 || !head_is_printable(head, head_len))
        return "malformed";
    return head_is_ours(head, head_len) ? "unknown" : "version";
}

static int decode_tree(const struct jcur *cur, const struct field *field, struct json *root,
                       struct json **out, struct err *err)
{
    int rc = field->kind == KIND_OBJECT ? jcur_object(cur, field->bound, err)
             : field->kind == KIND_LIST ? jcur_array(cur, 0, field->bound, err)
                                        : 0;
    if (rc == 0)
        *out = json_take(root, field->name);
    return rc;
}

static int decode_num(const struct jcur *cur, double *out, struct err *err)
{
    *out = NAN;
    if (json_type(cur->node) == JSON_NULL)
        return 0;
    return jcur_num(cur, -INFINITY, INFINITY, out, err);
}

static int decode_text(const struct jcur *cur, const struct field *field, char *out, struct err *err)
{
    const char *text;
    if (jcur_text(cur, field->bound, &text, err))
        return ERR_BAD;
    str_copy(out, field->bound + 1, text);
    return 0;
}

static int decode_uint(const struct jcur *cur, const struct field *field, uint64_t *out, struct err *err)
{
    int64_t value;
    if (jcur_int(cur, 0, (int64_t)field->bound, &value, err))
        return ERR_BAD;
    *out = (uint64_t)value;
    return 0;
}

static int decode_absent(const struct jcur *cur, const struct field *field, void *at, struct err *err)
{
    if (field->need == NEED_MUST)
        return jcur_fail(cur, err, "is missing");
    if (field->kind == KIND_NUM)
        *(double *)at = NAN;
    return 0;
}

static int decode_field(struct json *root, const struct jcur *top, const struct field *field, struct msg *out,
                        struct err *err)
{
    struct jcur cur = jcur_get(top, field->name);
    void *at = field_mut(out, field);
    bool null = cur.node && json_type(cur.node) == JSON_NULL;
    if (!cur.node || (null && field->need == NEED_MAY))
        return decode_absent(&cur, field, at, err);
    switch (field->kind) {
    case KIND_TEXT: return decode_text(&cur, field, at, err);
    case KIND_UINT: return decode_uint(&cur, field, at, err);
    case KIND_NUM: return decode_num(&cur, at, err);
    case KIND_BOOL: return jcur_bool(&cur, at, err);
    case KIND_OBJECT:
    case KIND_LIST:
    case KIND_ANY: return decode_tree(&cur, field, root, at, err);
    case KIND_END: break;
    }
    UNREACHABLE();
    return 0;
}

static int decode_fields(struct json *root, struct msg *out, struct err *err)
{
    struct jcur top = jcur_root(root, names[out->kind]);
    if (jcur_object(&top, SIZE_MAX, err))
        return ERR_BAD;
    for (const struct field *f = tables[out->kind]; f->kind != KIND_END; f++)
        if (decode_field(root, &top, f, out, err))
            return ERR_BAD;
    return 0;
}

int msg_decode(const void *head, size_t head_len, const void *body, size_t body_len, struct msg *out,
               struct err *err)
{
    struct err own;
    err = err ? err : &own;
    *err = ERR_NONE;
    memset(out, 0, sizeof *out);
    enum msg_kind kind;
    if (decode_head(head, head_len, &kind, err))
        return ERR_PROTO;
    if (body_len > MSG_MAX_BYTES)
        return err_set(err, ERR_PROTO, "%s: %zu bytes; at most %d fit in a frame", names[kind], body_len,
                       MSG_MAX_BYTES);
    struct json *root = json_parse(body, body_len, names[kind], err);
    if (!root)
        return err->code = ERR_PROTO;
    out->kind = kind;
    int rc = decode_fields(root, out, err);
    json_free(root);
    if (rc) {
        msg_fini(out);
        memset(out, 0, sizeof *out);
        return err->code = ERR_PROTO;
    }
    return 0;
}

void msg_fini(struct msg *msg)
{
    PRE(msg->kind < MSG_KIND_COUNT);
    for (const struct field *f = tables[msg->kind]; f->kind != KIND_END; f++) {
        if (!is_tree(f->kind))
            continue;
        struct json **tree = field_mut(msg, f);
        json_free(*tree);
        *tree = NULL;
    }
}

void msg_answer_outcome(struct msg_answer *answer, uint64_t id, int rc, const struct err *err)
{
    answer->id = id;
    answer->code = (uint64_t)err_exit_status(rc);
    snprintf(answer->text, sizeof answer->text, "%s", err->text);
    snprintf(answer->hint, sizeof answer->hint, "%s", err->hint);
}

/* ---- outbox ---- */

enum { OUTBOX_KEEP_BYTES = 1 << 16 }; /* buffers up to this size are used again, larger ones given back */

static void item_clear(struct outbox_item *item)
{
    str_clear(&item->head);
    if (item->body.room > OUTBOX_KEEP_BYTES)
        str_fini(&item->body);
    else
        str_clear(&item->body);
}

struct outbox_item *outbox_next(struct outbox *outbox, peer_id to, enum msg_kind kind)
{
    size_t before = outbox->room;
    GROW(outbox->items, outbox->room, outbox->count + 1);
    if (outbox->room > before)
        memset(outbox->items + before, 0, (outbox->room - before) * sizeof *outbox->items);
    struct outbox_item *item = &outbox->items[outbox->count++];
    item->to = to;
    item->kind = kind;
    return item;
}

void outbox_add(struct outbox *outbox, peer_id to, const struct msg *msg)
{
    struct outbox_item *item = outbox_next(outbox, to, msg->kind);
    msg_encode(msg, &item->head, &item->body);
}

void outbox_clear(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++)
        item_clear(&outbox->items[i]);
    outbox->count = 0;
}

void outbox_fini(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->room; i++) {
        str_fini(&outbox->items[i].head);
        str_fini(&outbox->items[i].body);
    }
    free(outbox->items);
    *outbox = (struct outbox){0};
}
