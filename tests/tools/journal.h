/* journal: what workers heard an acknowledgement of (`hone worker --journal FILE`, one REPORT a line), held against the
 * store. Each epoch of an attempt that was not fenced must be there as that attempt's, with the same value; one of an
 * attempt that was is dropped by contract when it comes late, but its trial goes on.
 *
 * Ownership: journal_open copies the names and opens an index in memory; journal_close.
 */
#ifndef HONE_TESTS_TOOLS_JOURNAL_H
#define HONE_TESTS_TOOLS_JOURNAL_H

#include <stdint.h>

#include "common/str.h"

enum { JOURNALS_MOST = 64 };

struct journal {
    struct sqlite3 *index;
    char pattern[200]; /* of the files' names, with %d for 1 .. count */
    int count;
    long read[JOURNALS_MOST]; /* bytes of each that are in the index */
};

void journal_open(struct journal *journal, const char *pattern, int count, const char *db);
void journal_close(struct journal *journal);

/* Takes what was written since; how many acknowledged epochs are known now. */
int64_t journal_read(struct journal *journal);
/* How many of them the store lacks though nothing fenced their attempt; `lost` gets some of them. */
int64_t journal_lost(struct journal *journal, struct str *lost);
/* How many were of attempts that a later one has fenced, and dropped. */
int64_t journal_dropped(struct journal *journal);

#endif
