/* shim: the disk that fails: what a test says to it (tests/fault/shim.c, loaded into the program under test by
 * LD_PRELOAD). A disk can be broken and mended while the program runs.
 *
 * Ownership: disk_init maps a control file in the folder; disk_fini unmaps it.
 */
#ifndef HONE_TESTS_TOOLS_SHIM_H
#define HONE_TESTS_TOOLS_SHIM_H

#include <stdint.h>

enum { SHIM_CRASHED = 99 }; /* exit status of a program that was made to stop */

enum shim_fault {
    SHIM_FINE,
    SHIM_FAIL,  /* the call fails with `error` */
    SHIM_TEAR,  /* half of a write, then the program is gone; a call that is no write: gone */
    SHIM_CRASH, /* the program is gone before the call */
    SHIM_POWER, /* the same, and every file is as it was when it was last synced: names stay, bytes go */
};

/* The control file, mapped by both sides. */
struct shim {
    uint32_t fault; /* enum shim_fault */
    int32_t error;  /* errno of SHIM_FAIL */
    uint64_t nth;   /* the call it happens to, from 1 */
    uint32_t all;   /* 1: to all calls from the nth on */
    uint32_t every; /* k: to every k-th call instead */
    uint64_t calls; /* how many there were */
    uint64_t hits;  /* how many were disturbed */
};

struct disk {
    struct shim *shim;
    char path[192];
};

/* Programs started between disk_load and disk_unload have this disk: calls on files whose path holds `match` count. */
void disk_init(struct disk *disk, const char *folder);
void disk_fini(struct disk *disk);
void disk_load(const struct disk *disk, const char *match);
void disk_unload(void);

void disk_break(struct disk *disk, int error); /* every call fails from now on */
void disk_mend(struct disk *disk);

#endif
