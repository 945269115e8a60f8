/* err: how anything here says that it failed.
 *
 * A function returns 0 or one of the negative codes below and, if the caller gave it a struct err,
 * fills in one sentence for a person: the file, the path inside it, the value found, and what to do
 * instead. The code chooses the exit status, the text is never parsed by anyone.
 *
 * Refuses: aborting on what a user or a peer sent (check.h is for our own bugs), growing on the heap
 * (an error must be reportable when memory is what ran out).
 * Ownership: the caller's storage, nothing to free; a NULL struct err is always allowed.
 */
#ifndef HONE_COMMON_ERR_H
#define HONE_COMMON_ERR_H

#include <stddef.h>

enum err_code {
    ERR_NO = -1,    /* it ran, and the answer is no: exit status 1 */
    ERR_BAD = -2,   /* bad usage, bad file, bad value: exit status 2 */
    ERR_REACH = -3, /* cannot reach or lock master, database, worker: exit status 3 */
    ERR_IO = -4,    /* the operating system refused: disk full, no permission; exit status 3 */
    ERR_PROTO = -5, /* a peer broke the protocol */
    ERR_GONE = -6,  /* no such study, trial, file */
    ERR_BUSY = -7,  /* not now: try again later */
};

struct err {
    int code; /* 0 until something failed */
    char text[768];
    char hint[400]; /* what to do instead; "" if there is nothing useful to say */
};

#define ERR_NONE ((struct err){0})

/* Each returns `code`, so that `return err_set(err, ERR_BAD, ...)` is one line. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds the way out to an error just set; returns its code. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts context in front of the text ("study.json: "); returns its code. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Exit status of a command that ends with this code: 0, 1, 2 or 3. */
int err_exit_status(int code);

#endif
