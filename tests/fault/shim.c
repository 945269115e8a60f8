/* shim: the disk that fails. A library for LD_PRELOAD: it counts the calls that change files whose path holds
 * $HONE_SHIM_MATCH, and does to one of them, or to all from one on, what the control file says. The control file
 * ($HONE_SHIM, struct shim) is mapped, so that a test can break and mend the disk of a running program.
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
    if (fault == SHIM_TEAR && !is_write)
        _exit(SHIM_CRASHED);
    return fault;
}

#define REAL(name)                 \
    static __typeof__(name) *real; \
    if (!real)                     \
    real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

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

int fsync(int fd)
{
    REAL(fsync);
    PLAIN_CALL(is_ours(fd), real(fd));
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    PLAIN_CALL(is_ours(fd), real(fd));
}

int ftruncate(int fd, off_t len)
{
    REAL(ftruncate);
    PLAIN_CALL(is_ours(fd), real(fd, len));
}

int ftruncate64(int fd, off64_t len)
{
    REAL(ftruncate64);
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
