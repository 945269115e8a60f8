/* select: which trials a person means: best, last, 17, 1-10, 1-100:10 (every tenth), 1,3,5-8, all, and any of these
 * after a study, as in mnist/17. Nothing is expanded: "1-4000000000" costs as much as "1".
 *
 * Refuses, with the word that is wrong: 0, empty parts, 8-5, steps of 0, more than SELECT_MAX parts.
 * Ownership: a plain value.
 */
#ifndef HONE_CLI_SELECT_H
#define HONE_CLI_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

enum { SELECT_MAX = 256 };

struct selector {
    char study[65]; /* "" if it names none */
    enum select_word { SELECT_NUMBERS, SELECT_LAST, SELECT_BEST } word;
    struct select_range {
        uint32_t low, high, step;
    } ranges[SELECT_MAX];
    int count;
};

int select_parse(const char *text, struct selector *out, struct err *err);

/* Which study, where an argument may name it (NULL, "") and --study too. ERR_BAD: they differ. */
int select_study(const char *named, const char *option, const char **out, struct err *err);
/* The complaint that a study has no such trial; `newest` is the last there is, 0 if there is none. */
int select_none(const char *study, uint32_t trial, uint32_t newest, struct err *err);

struct source;

/* Makes numbers of `last` and `best`. ERR_NO: no trial of the study has a score yet. */
int select_settle(struct source *source, const char *study, struct selector *selector, struct err *err);
void select_number(struct selector *selector, uint32_t number); /* this one; 0: none */

/* PRE of both: settled. */
bool select_has(const struct selector *selector, uint32_t number);
/* The one trial it names; 0 if it may name several. */
uint32_t select_one(const struct selector *selector);

/* The configuration that `hone best` puts first: the number of its first trial. */
int select_best(struct source *source, const char *study, uint32_t *trial, struct err *err);

/* For a command about one trial: the study's name and the trial's number that `text` (NULL: last) means, `study` being
 * the option. ERR_BAD if it may mean several, ERR_GONE if there is none. `out` is the caller's to free. */
int select_trial(struct source *source, const char *text, const char *study, char **out, uint32_t *trial,
                 struct err *err);

#endif
