#include "master/mirror.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "common/mem.h"

enum { EVERY_MS = 60000 };

void mirror_init(struct mirror *m, const char *path, int64_t now_mono_ms)
{
    *m = (struct mirror){.path = path ? xstrdup(path) : NULL, .next_mono_ms = now_mono_ms + EVERY_MS};
}

void mirror_tick(struct mirror *m, const char *db, int64_t now_mono_ms)
{
    if (m->pid && waitpid(m->pid, NULL, WNOHANG) != 0)
        m->pid = 0;
    if (!m->path || m->pid || now_mono_ms < m->next_mono_ms)
        return;
    m->next_mono_ms = now_mono_ms + EVERY_MS;
    char from[4096], words[4][8] = {"hone", "backup", "--quiet", "--db"}; /* argv is not const */
    snprintf(from, sizeof from, "%s", db);
    char *argv[] = {words[0], words[1], words[2], words[3], from, m->path, NULL};
    if (posix_spawn(&m->pid, "/proc/self/exe", NULL, NULL, argv, environ))
        log_error("mirror: cannot start `hone backup`: %s", strerror(errno));
}

void mirror_finish(struct mirror *m, struct store *store)
{
    struct err err = ERR_NONE;
    if (m->pid)
        waitpid(m->pid, NULL, 0);
    if (m->path && store_backup(store, m->path, &err))
        log_error("mirror: %s", err.text);
}

void mirror_fini(struct mirror *m)
{
    free(m->path);
    *m = (struct mirror){0};
}
