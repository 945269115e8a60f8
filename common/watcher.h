/* watcher: who is told how far a long computation is: a function of its caller's, for a line on a terminal. It changes
 * nothing of what is computed. NULL, or without a function: nobody watches. */
#ifndef HONE_COMMON_WATCHER_H
#define HONE_COMMON_WATCHER_H

#include <stddef.h>
#include <stdint.h>

struct watcher {
    void (*tell)(void *arg, int64_t done, int64_t of); /* of 0: nobody knows how much it will be */
    void *arg;
};

static inline void watcher_tell(const struct watcher *watcher, int64_t done, int64_t of)
{
    if (watcher && watcher->tell)
        watcher->tell(watcher->arg, done, of);
}

#endif
