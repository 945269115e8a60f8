/* deaf: a client that asks and asks, and never takes an answer. */
#ifndef HONE_TESTS_TOOLS_DEAF_H
#define HONE_TESTS_TOOLS_DEAF_H

/* A connected socket of libzmq; the caller closes it. */
void *deaf_client(void *context, const char *address);

#endif
