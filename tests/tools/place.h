/* place: a folder with a study, a database and an address, and the real programs on them, for the tests in which
 * something happens to them. What must be equal whatever happened is place_outcome.
 */
#ifndef HONE_TESTS_TOOLS_PLACE_H
#define HONE_TESTS_TOOLS_PLACE_H

#include "tests/tools/proc.h"
#include "tests/tools/scratch.h"

struct place {
    struct scratch scratch;
    char address[128];
    char db[128];
    const char *study; /* its text, borrowed */
    const char *lease; /* 3s; who must not lose anybody for being slow sets 10m */
    const char *more;  /* one more option of the master; NULL: none */
    const char *keys;  /* NULL: on a socket without; else over TCP, with these */
};

/* Six trials of six epochs of about a twentieth of a second: long enough to be disturbed in. */
extern const char place_study[];
extern const char place_long_study[]; /* the same with 500 trials: does not end by itself */

void place_init(struct place *place, const char *study_text);
void place_fini(struct place *place);
void place_master(struct proc *master, struct place *place); /* --once, a beat of 100 ms */
void place_worker(struct proc *worker, const struct place *place, const char *name);

/* Points, metrics and results of study "s", number by number, are those of the same study with nothing happening, which
 * is searched once for each program; no epoch is missing or there twice, and `hone verify` has nothing to say. Its axes
 * are lr and optimizer. */
void place_expect_undisturbed(const struct place *place);
int place_forget_undisturbed(void **state); /* a group's teardown */

/* A fault that has to last for a while: lets that time pass. */
void hold_for(int ms);

#endif
