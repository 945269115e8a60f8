/* wire_parts: what the files of the wire (wire, wire_socket, wire_client) share and show to nobody else.
 */
#ifndef HONE_PROTO_WIRE_PARTS_H
#define HONE_PROTO_WIRE_PARTS_H

#include "proto/address.h"
#include "proto/guard.h"
#include "proto/wire.h"

/* Between a client's attempts to connect, doubling up to wire_client.c's limit, plus up to as much again of jitter. */
enum { RETRY_MIN_MS = 100 };

struct wire {
    bool server;
    void *socket;  /* NULL: a client that waits for retry_at */
    void *monitor; /* reports on `socket` */
    char address[ADDRESS_MAX];
    struct str head, body; /* of the message being sent */
    struct pollfd *polled;
    size_t polled_room;

    /* server */
    struct guard *guard;
    int since_tick;         /* messages */
    int64_t complain_at_ms; /* not before this time again about missing descriptors */

    bool ipv6; /* look for IPv6 addresses; a client's name is looked up in both families in turn */

    /* client */
    const struct key_trust *trust; /* NULL: without keys */
    const char *refusal;           /* NULL, or why the last handshake failed */
    bool by_name;                  /* the host is a name, not a number */
    bool up, told_up;              /* the handshake is through; the caller knows */
    bool lost;                     /* this socket is done for: deliver what came, then WIRE_DOWN */
    int64_t opened_ms;             /* when it was made */
    int64_t up_ms;                 /* when its handshake was through */
    int64_t retry_at_ms;           /* when to make the next one */
    int64_t retry_ms;              /* how long to wait after this one */
};

void wire_set_int(void *socket, int option, int value); /* an option of libzmq that cannot fail */

/* A wire on a socket that listens (server) or connects; *out NULL on failure. */
int wire_new(const char *address, bool server, const char *key_folder, const struct key_trust *trust,
             struct wire **out, struct err *err);
/* Socket and monitor, of a wire that has none. */
int wire_open(struct wire *wire, const char *key_folder, struct err *err);
void wire_close(struct wire *wire); /* errno stays */

/* A client's next attempt to connect. */
void wire_try_again(struct wire *wire);
/* Closes the socket with everything queued in it; the next one starts empty. */
void wire_drop(struct wire *wire);
/* When wire_receive has to be called even if nothing arrives; -1: never. */
int64_t wire_deadline(const struct wire *wire);

/* One event of the monitor and the number that goes with it; 0 if there is none. */
int wire_monitor_event(struct wire *wire, int *value);
/* A client's monitor: is the handshake through, is the connection lost? */
void wire_read_monitor(struct wire *wire);

#endif
