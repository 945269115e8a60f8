/* relay: a slow line. Accepts TCP connections on one address and passes what comes, both ways, to another one, held
 * back by *delay_ms (which may change while it runs; order is kept). Runs for ever: for a process of its own.
 */
#ifndef HONE_TESTS_TOOLS_RELAY_H
#define HONE_TESTS_TOOLS_RELAY_H

#include <stdint.h>

_Noreturn void relay_run(const char *ip, int port, const char *to_ip, int to_port, const int32_t *delay_ms);

#endif
