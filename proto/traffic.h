/* traffic: what the kernel counts of a TCP connection. libzmq tells neither how much of an unfinished message it keeps
 * nor how much it still owes a peer; the bytes that came and the bytes that were taken over there say it.
 */
#ifndef HONE_PROTO_TRAFFIC_H
#define HONE_PROTO_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes since the connection was made. False: no TCP connection (a socket file, or it is gone). */
bool traffic_of(int fd, int64_t *received, int64_t *acknowledged);

#endif
