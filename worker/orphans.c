#include "worker/orphans.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"

struct pids {
    pid_t *items;
    size_t count, room;
};

static void pids_add(struct pids *pids, pid_t pid)
{
    GROW(pids->items, pids->room, pids->count + 1);
    pids->items[pids->count++] = pid;
}

void orphans_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* Parent of a process, by the fourth field of its stat; the second may hold blanks and parentheses. */
static pid_t parent_of(const char *pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = '\0';
    const char *after = strrchr(text, ')');
    int parent = 0;
    return after && sscanf(after + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* For kernels without /proc/PID/task/TID/children. */
static void children_by_scan(struct pids *out)
{
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && parent_of(entry->d_name) == getpid())
            pids_add(out, (pid_t)atoi(entry->d_name));
    if (proc)
        closedir(proc);
}

/* Children are listed by the thread that forked them; those inherited appear under the first one. */
static void children_of_us(struct pids *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    if (!file) {
        children_by_scan(out);
        return;
    }
    for (int pid; fscanf(file, "%d", &pid) == 1;)
        pids_add(out, pid);
    fclose(file);
}

static bool is_spared(pid_t pid, const pid_t *spare, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (spare[i] == pid)
            return true;
    return false;
}

static pid_t wait_for(pid_t pid, int *status)
{
    pid_t got;
    while ((got = waitpid(pid, status, 0)) < 0 && errno == EINTR)
        ;
    return got;
}

/* Kills and reaps the children there are now; how many. One that runs as another user cannot be killed and is
 * left: waiting for it could take for ever. */
static size_t kill_round(const pid_t *spare, size_t count, void (*seen)(pid_t, int, void *), void *arg)
{
    struct pids children = {0};
    size_t reaped = 0;
    children_of_us(&children);
    for (size_t i = 0; i < children.count; i++)
        if (is_spared(children.items[i], spare, count) || kill(children.items[i], SIGKILL))
            children.items[i] = 0;
    for (size_t i = 0; i < children.count; i++) {
        int status;
        if (!children.items[i] || wait_for(children.items[i], &status) < 0)
            continue;
        reaped++;
        if (seen)
            seen(children.items[i], status, arg);
    }
    free(children.items);
    return reaped;
}

void orphans_kill(const pid_t *spare, size_t count, void (*seen)(pid_t pid, int status, void *arg), void *arg)
{
    while (kill_round(spare, count, seen, arg) > 0)
        ;
}
