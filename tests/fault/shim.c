/* shim: the disk that fails. A library for LD_PRELOAD: it counts the calls that change files whose path holds
 * $HONE_SHIM_MATCH, and does to one of them, or to all from one on, what the control file says. The control file
 * ($HONE_SHIM, struct shim) is mapped, so that a test can break and mend the disk of a running program.
 *
 * For SHIM_POWER it keeps, of each file written to since its last fsync, what it held then. A rename that was not synced
 * stays all the same: the order that hurts is the name on the disk and the bytes not. Shared memory is not covered.
 */
#include "tests/tools/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct shim *control;
static const char *match;

__attribute__((constructor)) static void open_control(void)
{
    const char *path = getenv("HONE_SHIM");
    match = getenv("HONE_SHIM_MATCH");
    int fd = path && match ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}

static bool is_ours(int fd)
{
    char link[64], path[4096];
    if (!control || !match)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    if (len <= 0)
        return false;
    path[len] = '\0';
    return strstr(path, match) != NULL;
}

static bool is_ours_by_name(const char *path)
{
    return control && match && strstr(path, match);
}

#define REAL(name)                 \
    static __typeof__(name) *real; \
    if (!real)                     \
    real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* ---- what a power cut takes ---- */

enum { FILES_MOST = 64 };

/* A file that was written to: what it held at its last fsync, as long as that is not what it holds now. */
static struct memory {
    dev_t device;
    ino_t inode;
    int fd; /* ours, never closed: closing one would let go of the program's locks */
    bool is_dirty;
    char *synced;
    size_t len;
} files[FILES_MOST];
static int file_count;

static struct memory *memory_of(int fd)
{
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return NULL;
    for (int i = 0; i < file_count; i++)
        if (files[i].device == st.st_dev && files[i].inode == st.st_ino)
            return &files[i];
    if (file_count == FILES_MOST)
        _exit(SHIM_CRASHED + 2);
    files[file_count] = (struct memory){.device = st.st_dev, .inode = st.st_ino, .fd = dup(fd)};
    return &files[file_count++];
}

/* It is about to change. */
static void remember(int fd)
{
    struct stat st;
    struct memory *memory = memory_of(fd);
    char path[64];
    if (!memory || memory->is_dirty || fstat(fd, &st))
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int readable = open(path, O_RDONLY | O_CLOEXEC);
    memory->synced = malloc((size_t)st.st_size + 1);
    ssize_t got = readable < 0 ? 0 : pread(readable, memory->synced, (size_t)st.st_size, 0);
    if (readable != memory->fd && readable >= 0)
        memory->fd = memory->fd < 0 ? readable : memory->fd; /* left open, for the same reason */
    memory->len = got > 0 ? (size_t)got : 0;
    memory->is_dirty = true;
}

/* It has reached the disk. */
static void forget(int fd)
{
    struct memory *memory = memory_of(fd);
    if (!memory || !memory->is_dirty)
        return;
    free(memory->synced);
    memory->synced = NULL;
    memory->is_dirty = false;
}

static void power_off(void)
{
    ssize_t (*put)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    int (*cut)(int, off_t) = (int (*)(int, off_t))dlsym(RTLD_NEXT, "ftruncate");
    for (int i = 0; i < file_count; i++)
        if (files[i].is_dirty &&
            (cut(files[i].fd, 0) || put(files[i].fd, files[i].synced, files[i].len, 0) < 0))
            _exit(SHIM_CRASHED + 3);
    _exit(SHIM_CRASHED);
}

static bool is_watched(void)
{
    return control && __atomic_load_n(&control->fault, __ATOMIC_SEQ_CST) == SHIM_POWER;
}

/* ---- the calls ---- */

/* What to do about this call: SHIM_FINE, or the fault it was chosen for. */
static enum shim_fault next_fault(bool is_write)
{
    uint64_t n = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    uint32_t fault = __atomic_load_n(&control->fault, __ATOMIC_SEQ_CST);
    bool hit = control->every ? n % control->every == 0
               : control->all ? n >= control->nth
                              : n == control->nth;
    if (!hit || fault == SHIM_FINE)
        return SHIM_FINE;
    __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
    if (fault == SHIM_CRASH)
        _exit(SHIM_CRASHED);
    if (fault == SHIM_POWER)
        power_off();
    if (fault == SHIM_TEAR && !is_write)
        _exit(SHIM_CRASHED);
    return fault;
}

/* Half of it reaches the disk, and then the machine stops. */
#define WRITE_CALL(whole, half)                                         \
    enum shim_fault fault = is_ours(fd) ? next_fault(true) : SHIM_FINE; \
    if (fault == SHIM_FAIL)                                             \
        return errno = control->error, -1;                              \
    if (fault == SHIM_TEAR) {                                           \
        if (half < 0)                                                   \
            _exit(SHIM_CRASHED + 1);                                    \
        _exit(SHIM_CRASHED);                                            \
    }                                                                   \
    if (is_watched() && is_ours(fd))                                    \
        remember(fd);                                                   \
    return whole

ssize_t write(int fd, const void *bytes, size_t len)
{
    REAL(write);
    WRITE_CALL(real(fd, bytes, len), real(fd, bytes, len / 2));
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    REAL(pwrite);
    WRITE_CALL(real(fd, bytes, len, at), real(fd, bytes, len / 2, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
    REAL(pwrite64);
    WRITE_CALL(real(fd, bytes, len, at), real(fd, bytes, len / 2, at));
}

#define PLAIN_CALL(ours, call)                    \
    if ((ours) && next_fault(false) == SHIM_FAIL) \
        return errno = control->error, -1;        \
    return call

#define SYNC_CALL(call)                                \
    if (is_ours(fd) && next_fault(false) == SHIM_FAIL) \
        return errno = control->error, -1;             \
    int rc = call;                                     \
    if (rc == 0 && is_watched() && is_ours(fd))        \
        forget(fd);                                    \
    return rc

int fsync(int fd)
{
    REAL(fsync);
    SYNC_CALL(real(fd));
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    SYNC_CALL(real(fd));
}

int ftruncate(int fd, off_t len)
{
    REAL(ftruncate);
    if (is_watched() && is_ours(fd))
        remember(fd);
    PLAIN_CALL(is_ours(fd), real(fd, len));
}

int ftruncate64(int fd, off64_t len)
{
    REAL(ftruncate64);
    if (is_watched() && is_ours(fd))
        remember(fd);
    PLAIN_CALL(is_ours(fd), real(fd, len));
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    PLAIN_CALL(is_ours_by_name(from) || is_ours_by_name(to), real(from, to));
}

int unlink(const char *path)
{
    REAL(unlink);
    PLAIN_CALL(is_ours_by_name(path), real(path));
}
