#include "tests/tools/deaf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <zmq.h>

#include "common/str.h"
#include "proto/message.h"

enum { CALLS = 20000 }; /* more than a master owes anybody (proto/wire_socket.c) */

void *deaf_client(void *context, const char *address)
{
    struct msg msg = {.kind = MSG_call};
    struct str head = {0}, body = {0};
    int one = 1, none = 0;
    void *socket = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &one, sizeof one);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(socket, address), 0);
    snprintf(msg.call.verb, sizeof msg.call.verb, "workers");
    msg_encode(&msg, &head, &body);
    for (int i = 0; i < CALLS; i++)
        if (zmq_send(socket, head.text, head.len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
            zmq_send(socket, body.text, body.len, ZMQ_DONTWAIT) < 0)
            break;
    str_fini(&head);
    str_fini(&body);
    return socket;
}
