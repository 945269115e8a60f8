/* hone: one executable, see commands.def. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

/* A full disk must not look like success; a reader that has seen enough (`hone trials | head`) is no error.
 */
static int end(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno == EPIPE)
        return status;
    fprintf(stderr, "hone: standard output: %s\n", errno ? strerror(errno) : "write failed");
    return status ? status : 3;
}

int main(int argc, char **argv)
{
    signal(
        SIGXFSZ,
        SIG_IGN); /* a file that may not grow any more (ulimit -f) is an error that is told, and not the end */
    return end(hone_main(argc, argv));
}
