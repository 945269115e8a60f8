/* Random frames: no crash, no leak, never more than the table allows; what is taken is encoded to a message that is
 * taken again and encodes to the same bytes. The input is the first frame, a line end, and the second. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "proto/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_again(const struct msg *msg)
{
    struct str head = {0}, body = {0}, head2 = {0}, body2 = {0};
    struct msg back;
    struct err err = ERR_NONE;
    msg_encode(msg, &head, &body);
    POST(msg_decode(head.text, head.len, body.text, body.len, &back, &err) == 0);
    POST(back.kind == msg->kind);
    msg_encode(&back, &head2, &body2);
    POST(strcmp(head.text, head2.text) == 0 && strcmp(body.text, body2.text) == 0);
    msg_fini(&back);
    str_fini(&head);
    str_fini(&body);
    str_fini(&head2);
    str_fini(&body2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t head_len = end ? (size_t)(end - data) : size;
    const uint8_t *body = end ? end + 1 : data + size;
    struct msg msg;
    struct err err = ERR_NONE;
    int rc = msg_decode(data, head_len, body, (size_t)(data + size - body), &msg, &err);
    POST(rc == 0 ? err.code == 0 : rc == ERR_PROTO && err.code == ERR_PROTO && err.text[0]);
    POST(msg_fault(data, head_len)[0]);
    if (rc == 0)
        say_again(&msg);
    msg_fini(&msg);
    return 0;
}
