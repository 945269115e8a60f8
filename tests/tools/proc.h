/* proc: real child processes for the e2e tests. Every wait is for an event (output, exit, a change of the database)
 * with a deadline that fails the test; nothing sleeps. A proc left running is killed with its group by proc_fini, and
 * after a test that failed at the end of the program. */
#ifndef HONE_TESTS_TOOLS_PROC_H
#define HONE_TESTS_TOOLS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/str.h"

enum { PROC_TIMEOUT_MS = 240000 };
extern int proc_timeout_ms; /* that, unless a program that runs for hours has more patience */

struct proc {
    pid_t pid;  /* 0: not running */
    int status; /* as a shell sees it: exit status, or 128 + signal */
    int out_fd; /* its standard output and error, through a pipe */
    struct str out;
};

/* argv ends with NULL; "hone" as its first word is the executable under test ($HONE, else build/hone). The child
 * leads a process group of its own and runs in `folder` (NULL: here). */
void proc_start(struct proc *proc, const char *folder, const char *const argv[]);
int proc_wait(struct proc *proc);                          /* drains output, returns the status */
void proc_await_text(struct proc *proc, const char *text); /* until its output holds the text */
void proc_drain(
    struct proc *proc); /* takes the output there is, so that one that runs for long is not held up */
void proc_signal(struct proc *proc, int signal);
void proc_fini(struct proc *proc);

/* The child's part of it, for other ways to start one: it does not return. */
void proc_become(const char *folder, const char *const argv[]);

/* Runs to its end; output in *out (may be NULL). Returns the status. */
int run_in(const char *folder, struct str *out, const char *const argv[]);
#define RUN(folder, out, ...) run_in((folder), (out), (const char *const[]){__VA_ARGS__, NULL})
#define START(proc, folder, ...) proc_start((proc), (folder), (const char *const[]){__VA_ARGS__, NULL})

/* Waits until a SELECT on the database gives a row whose first cell is not 0, looking again whenever the database
 * changes (inotify). */
void db_await(const char *db, const char *sql);
/* First cell of the first row. */
int64_t db_int(const char *db, const char *sql);
void db_text(const char *db, const char *sql, struct str *out);
/* Alters what is stored, as nobody should. */
void db_change(const char *db, const char *sql);

/* Waits until a process is gone; a zombie counts as gone. */
void await_gone(pid_t pid);
bool is_alive(pid_t pid);
/* Pids of processes whose command line holds the text; returns how many. */
int find_processes(const char *text, pid_t *pids, int most);

#endif
