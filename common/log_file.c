#include "common/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

int log_file_open(struct log_file *log, const char *path, int64_t most, struct err *err)
{
    struct stat st;
    *log = (struct log_file){.fd = open_path(path), .most = most};
    if (log->fd < 0)
        return err_errno(err, "%s: cannot be opened for the log", path);
    log->path = xstrdup(path);
    log->bytes = fstat(log->fd, &st) ? 0 : st.st_size;
    return 0;
}

/* If there cannot be another, the old one goes on from its start. */
static void turn_over(struct log_file *log)
{
    char *old = xasprintf("%s.1", log->path);
    int fd = rename(log->path, old) ? -1 : open_path(log->path);
    free(old);
    if (fd >= 0) {
        close(log->fd);
        log->fd = fd;
    } else if (ftruncate(log->fd, 0)) {
        return; /* no file that can be: a device, a pipe */
    }
    log->bytes = 0;
}

void log_file_write(struct log_file *log, const void *bytes, size_t len)
{
    const char *from = bytes;
    while (len && log->fd >= 0) {
        int64_t room = log->most / 2 - log->bytes;
        if (room <= 0) {
            turn_over(log);
            room = log->most / 2;
        }
        ssize_t put = write(log->fd, from, room > 0 && len > (size_t)room ? (size_t)room : len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return;
        log->bytes += put;
        from += put;
        len -= (size_t)put;
    }
}

void log_file_close(struct log_file *log)
{
    if (log->path && log->fd >= 0)
        close(log->fd);
    free(log->path);
    *log = (struct log_file){.fd = -1};
}
