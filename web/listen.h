/* listen: a socket that listens on an address of this machine. */
#ifndef HONE_WEB_LISTEN_H
#define HONE_WEB_LISTEN_H

#include "common/err.h"

/* "127.0.0.1" or "::1" (no names); port 0: any free one. *out_port says which. ERR_BUSY: somebody listens there. */
int listen_on(const char *address, int port, int *out_socket, int *out_port, struct err *err);

#endif
