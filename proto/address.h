/* address: "tcp://10.0.0.1:7077", "tcp://node1:7077", "tcp://[::1]:7077", "ipc:///run/hone.sock". Checked here before
 * ZeroMQ sees them, for it says no more than "Invalid argument". When listening, a star stands for every interface
 * or for any free port.
 *
 * Refuses: other transports, a star to connect to, paths that sockaddr_un cannot hold. Nothing is looked up: names
 * are resolved anew at every attempt to connect.
 */
#ifndef HONE_PROTO_ADDRESS_H
#define HONE_PROTO_ADDRESS_H

#include <stdbool.h>

#include "common/err.h"

enum { ADDRESS_MAX = 512 }; /* bytes with the NUL */

int address_check(const char *address, bool listen, struct err *err);

/* True for tcp://node1:7077, false for numbers: only a name can mean IPv4 or IPv6. */
bool address_is_name(const char *address);

/* Before listening: removes the socket file that a dead process left at an ipc path. ERR_REACH if somebody listens
 * there, ERR_BAD if it is no socket. */
int address_clear(const char *address, struct err *err);
/* After listening: removes our own. */
void address_leave(const char *address);

#endif
