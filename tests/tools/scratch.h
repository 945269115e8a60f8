/* scratch: a folder for the files a test writes, removed with everything in it by scratch_fini, and after a test that
 * failed at the end of the program; HONE_TEST_KEEP leaves it there. Failures to write end the test: they are never what it
 * is about. */
#ifndef HONE_TESTS_TOOLS_SCRATCH_H
#define HONE_TESTS_TOOLS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

struct scratch {
    char folder[64];
};

void scratch_init(struct scratch *scratch);
void scratch_fini(struct scratch *scratch);

void scratch_write(const struct scratch *scratch, const char *name, const void *bytes, size_t len);
void scratch_text(const struct scratch *scratch, const char *name, const char *text);
void scratch_gzip(const struct scratch *scratch, const char *name, const void *bytes, size_t len);
void scratch_cut(const struct scratch *scratch, const char *name, size_t len); /* to its first len bytes */
void scratch_remove(const struct scratch *scratch, const char *name);

#endif
