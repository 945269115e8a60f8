/* message_rows: proto/messages.def expanded once more, into rows of text, so that tests need no line for a new message;
 * and a message that goes out and comes back. Include it after cmocka.h. */
#ifndef HONE_TESTS_UNIT_MESSAGE_ROWS_H
#define HONE_TESTS_UNIT_MESSAGE_ROWS_H

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "proto/message.h"

/* ---- the table, as text ---- */

struct row {
    enum msg_kind message;
    const char *kind, *field, *bound_text, *need, *gloss;
    uint64_t bound;
    size_t offset;
};

static const struct {
    const char *name, *from, *gloss;
} messages[] = {
#define MESSAGE_BEGIN(name, from, gloss) {#name, from, gloss},
#define FIELD(kind, message, field, bound, need, gloss)
#define MESSAGE_END(name)
#include "proto/messages.def"
};

static const struct row rows[] = {
#define MESSAGE_BEGIN(name, from, gloss)
#define FIELD(kind, message, field, bound, need, gloss) \
    {MSG_##message, #kind, #field, #bound, #need, gloss, bound, offsetof(struct msg, message.field)},
#define MESSAGE_END(name)
#include "proto/messages.def"
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

static inline bool is(const struct row *row, const char *kind)
{
    return strcmp(row->kind, kind) == 0;
}

static inline bool is_tree(const struct row *row)
{
    return is(row, "OBJECT") || is(row, "LIST") || is(row, "ANY");
}

static inline void *at(struct msg *msg, const struct row *row)
{
    return (char *)msg + row->offset;
}

static inline struct json *tree(const char *text)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse(text, strlen(text), "test", &err);
    if (!root)
        fail_msg("%s: %s", text, err.text);
    return root;
}

static inline int decode(const char *head, const char *body, struct msg *out, struct err *err)
{
    return msg_decode(head, strlen(head), body, strlen(body), out, err);
}

static inline void capitals(const char *name, char out[32])
{
    size_t i = 0;
    for (; name[i]; i++)
        out[i] = (char)toupper((unsigned char)name[i]);
    out[i] = '\0';
}

static inline void expect_same_field(struct msg *a, struct msg *b, const struct row *row)
{
    if (is(row, "TEXT"))
        assert_string_equal(at(a, row), at(b, row));
    else if (is(row, "UINT"))
        assert_true(*(uint64_t *)at(a, row) == *(uint64_t *)at(b, row));
    else if (is(row, "BOOL"))
        assert_true(*(bool *)at(a, row) == *(bool *)at(b, row));
    else if (is(row, "NUM") && isnan(*(double *)at(a, row)))
        assert_true(isnan(*(double *)at(b, row)));
    else if (is(row, "NUM"))
        assert_true(*(double *)at(a, row) == *(double *)at(b, row));
    else if (!*(struct json **)at(a, row))
        assert_null(*(struct json **)at(b, row));
    else
        assert_true(json_same(*(struct json **)at(a, row), *(struct json **)at(b, row), NULL));
}

static inline void round_trip(struct msg *msg)
{
    struct str head = {0}, body = {0}, again = {0};
    struct msg back;
    struct err err = ERR_NONE;
    msg_encode(msg, &head, &body);
    if (msg_decode(head.text, head.len, body.text, body.len, &back, &err))
        fail_msg("%.300s: %s", body.text, err.text);
    assert_int_equal(back.kind, msg->kind);
    for (int i = 0; i < ROW_COUNT; i++)
        if (rows[i].message == msg->kind)
            expect_same_field(msg, &back, &rows[i]);
    str_clear(&head);
    msg_encode(&back, &head, &again);
    assert_string_equal(str_text(&body), str_text(&again));
    msg_fini(&back);
    str_fini(&head);
    str_fini(&body);
    str_fini(&again);
}

#endif
