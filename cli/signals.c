#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t count, first;

static void on_signal(int number)
{
    if (!first)
        first = number;
    if (count < 1000)
        count++;
}

void signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal}; // no SA_RESTART: a waiting poll() must return
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN); // a closed terminal or pipe must not end a search
}

int signals_count(void)
{
    return count;
}

int signals_status(void)
{
    return first ? 128 + first : 0;
}
