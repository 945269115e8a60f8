/* porter: the helper thread that touches checkpoint files for the master, so that no disk ever holds up the loop:
 * deleting them, and writing, checking and reading them a piece at a time for workers that do not see our folder.
 *
 * Chores go in and come back in the same order, done or with what went wrong; the descriptor becomes readable when one
 * is back. Paths are relative to the root. An arriving file is written under its name with ".part" behind it and gets
 * its own name only when size and hash are right and it is on the disk.
 *
 * Refuses: nothing; a failure is the chore's. Ownership: post takes the chore, take hands it back; chore_free.
 */
#ifndef HONE_MASTER_PORTER_H
#define HONE_MASTER_PORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"

enum chore_kind {
    CHORE_DELETE, /* the file and what there is of an arrival; one that is not there is fine */
    CHORE_BEGIN,  /* bytes: what has arrived of it already */
    CHORE_WRITE,  /* data at offset of the arrival */
    CHORE_FINISH, /* the arrival has `bytes` bytes with this hash: sync and rename; ERR_BAD: it has not, and is deleted */
    CHORE_READ, /* up to `len` bytes at offset of the file, into data */
};

struct chore {
    struct chore *next;
    enum chore_kind kind;
    uint64_t tag; /* the asker's */
    char *path;
    int64_t offset, bytes;
    void *data;
    size_t len;
    char hash[HASH_HEX];
    int rc;
    struct err err;
};

struct porter;

/* threaded false: every chore is done while it is posted (rehearsal). */
struct porter *porter_new(const char *root, bool threaded);
void porter_free(struct porter *porter); /* ends what is under way, forgets the rest */
struct chore *chore_new(enum chore_kind kind, uint64_t tag, const char *path);
void chore_free(struct chore *chore);
void porter_post(struct porter *porter, struct chore *chore);
bool porter_has(struct porter *porter);           /* one is back */
struct chore *porter_take(struct porter *porter); /* NULL: none is */
void porter_settle(struct porter *porter);        /* waits until everything posted is back */
int porter_fd(const struct porter *porter);

#endif
