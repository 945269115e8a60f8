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
};

/* Six trials of six epochs of about a twentieth of a second: long enough to be disturbed in. */
extern const char place_study[];
enum { PLACE_EPOCHS = 36 };
extern const char place_long_study[]; /* the same with 500 trials: does not end by itself */

void place_init(struct place *place, const char *study_text);
void place_fini(struct place *place);
void place_master(struct proc *master,
                  const struct place *place); /* --once, a beat of 100 ms, a lease of 3 s */
void place_worker(struct proc *worker, const struct place *place, const char *name);

/* Points, metrics and results of study "s", number by number; times and workers differ from run to run. */
void place_outcome(const struct place *place, struct str *out);
/* The same with nothing happening; computed once. */
const char *place_undisturbed(void);
void place_forget_undisturbed(void);
void place_expect_undisturbed(const struct place *place);

/* A fault that has to last for a while: lets that time pass. */
void hold_for(int ms);

#endif
