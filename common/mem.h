/* mem: allocation that does not fail half-way. Running out of memory ends the process: the store holds
 * every acknowledged epoch, so a clean death is safer than an untested path. Sizes that come off the
 * wire or out of a file are bounded before they get here.
 *
 * Ownership: everything returned is the caller's, freed with free(). */
#ifndef HONE_COMMON_MEM_H
#define HONE_COMMON_MEM_H

#include <stddef.h>

void *xmalloc(size_t bytes);
void *xcalloc(size_t count, size_t bytes);
void *xrealloc(void *old, size_t bytes);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t bytes);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for `need` items in a growing array: doubles, so that n pushes cost O(n).
 * `items` may be NULL; `*room` counts items. Returns where the array is now. */
void *grow(void *items, size_t *room, size_t need, size_t item_bytes);
#define GROW(items, room, need) ((items) = grow((items), &(room), (need), sizeof *(items)))

#endif
