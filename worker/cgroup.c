#include "worker/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/str.h"

#define NAME_FRONT "hone-slot-"

enum { PROC_BYTES = 1 << 20, LOOKS = 10, LOOK_MS = 100 /* from cgroup.kill until the last one has left */ };

static const struct cgroup none = {.dir = -1, .procs = -1};

/* ---- where we are ---- */

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

/* Root and mount point of the first cgroup2 in the text of mountinfo. */
static bool find_mount(const char *mountinfo, char root[PATH_MAX], char mount[PATH_MAX])
{
    for (const char *line = mountinfo; *line; line = next_line(line)) {
        const char *dash = strstr(line, " - ");
        if (dash && dash < next_line(line) && str_starts(dash, " - cgroup2 ") &&
            sscanf(line, "%*s %*s %*s %4095s %4095s", root, mount) == 2)
            return true;
    }
    return false;
}

bool cgroup_path_in(const char *mountinfo, const char *self, char *out, size_t room)
{
    char root[PATH_MAX], mount[PATH_MAX], own[PATH_MAX] = "";
    if (!find_mount(mountinfo, root, mount))
        return false;
    for (const char *line = self; *line && !own[0]; line = next_line(line))
        sscanf(line, "0::%4095[^\n]", own);
    size_t shared = strcmp(root, "/") == 0 ? 0 : strlen(root);
    bool below = own[0] == '/' && strncmp(own, root, shared) == 0 && (own[shared] == '/' || !own[shared]);
    if (!below || path_climbs(own))
        return false;
    const char *rest = strcmp(own + shared, "/") == 0 ? "" : own + shared;
    return (size_t)snprintf(out, room, "%s%s", mount, rest) < room;
}

bool cgroup_own_path(char *out, size_t room)
{
    struct str mounts = {0}, self = {0};
    bool found = !file_read("/proc/self/mountinfo", PROC_BYTES, &mounts, NULL) &&
                 !file_read("/proc/self/cgroup", PROC_BYTES, &self, NULL) &&
                 cgroup_path_in(str_text(&mounts), str_text(&self), out, room);
    str_fini(&mounts);
    str_fini(&self);
    return found;
}

/* ---- a group ---- */

/* The folder, if nobody else holds its lock; else -1. */
static int open_locked(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0 || !flock(dir, LOCK_EX | LOCK_NB))
        return dir;
    close(dir);
    return -1;
}

static void forget(struct cgroup *own)
{
    if (own->procs >= 0)
        close(own->procs);
    if (own->dir >= 0)
        close(own->dir);
    free(own->path);
    *own = none;
}

void cgroup_make(struct cgroup *own)
{
    char above[PATH_MAX], name[33];
    *own = none;
    if (!cgroup_own_path(above, sizeof above))
        return;
    random_hex(name);
    own->path = xasprintf("%s/" NAME_FRONT "%.16s", above, name);
    if (mkdir(own->path, 0755) == 0 && (own->dir = open_locked(own->path)) >= 0)
        own->procs = openat(own->dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (own->procs >= 0 && faccessat(own->dir, "cgroup.kill", W_OK, AT_EACCESS) == 0)
        return;
    if (own->dir >= 0)
        rmdir(own->path);
    forget(own);
}

void cgroup_enter(const struct cgroup *own)
{
    ssize_t moved = own->procs >= 0 ? write(own->procs, "0", 1) : 0;
    (void)moved; /* who may not enter is outside, as where there is no group */
}

void cgroup_kill(const struct cgroup *own)
{
    int fd = own->dir >= 0 ? openat(own->dir, "cgroup.kill", O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    ssize_t killed = write(fd, "1", 1);
    (void)killed;
    close(fd);
}

void cgroup_remove(struct cgroup *own)
{
    if (own->dir >= 0)
        rmdir(own->path);
    forget(own);
}

/* ---- groups of the dead ---- */

static bool is_populated(int events)
{
    char text[256];
    ssize_t got = pread(events, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return strstr(text, "populated 1");
}

/* Kills everybody and waits for them to leave; whether there was anybody. */
static bool clear(const struct cgroup *group)
{
    struct pollfd events = {.fd = openat(group->dir, "cgroup.events", O_RDONLY | O_CLOEXEC),
                            .events = POLLPRI};
    if (events.fd < 0)
        return false;
    bool was_populated = is_populated(events.fd);
    cgroup_kill(group);
    for (int looks = 0; looks < LOOKS && is_populated(events.fd); looks++)
        poll(&events, 1, LOOK_MS);
    close(events.fd);
    return was_populated;
}

static bool sweep_one(const char *above, const char *name)
{
    struct cgroup group = none;
    group.path = path_join(above, name);
    group.dir = open_locked(group.path);
    if (group.dir < 0) { /* its slot lives */
        forget(&group);
        return false;
    }
    bool was_populated = clear(&group);
    cgroup_remove(&group);
    return was_populated;
}

size_t cgroup_sweep(void)
{
    char above[PATH_MAX];
    size_t count = 0;
    DIR *dir = cgroup_own_path(above, sizeof above) ? opendir(above) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (str_starts(entry->d_name, NAME_FRONT))
            count += sweep_one(above, entry->d_name);
    if (dir)
        closedir(dir);
    return count;
}
