#include "common/stretch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"

static const uint64_t EXACT = 9007199254740991; /* 2^53 - 1: as a number of JSON */

static void read_data(int fd, int64_t bytes, struct stretch *out)
{
    size_t most = (size_t)(bytes < 0 ? 0 : bytes > STRETCH_MAX ? STRETCH_MAX : bytes);
    char *data = xmalloc(most + 1);
    ssize_t got = pread(fd, data, most, out->offset);
    str_addn(&out->data, data, got > 0 ? (size_t)got : 0);
    free(data);
}

void stretch_read(const char *path, int64_t offset, int64_t bytes, struct stretch *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *out = (struct stretch){0};
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        out->file = (int64_t)(st.st_ino & EXACT);
        out->size = st.st_size;
        offset = offset < 0 ? st.st_size + offset : offset;
        out->offset = offset < 0 ? 0 : offset > st.st_size ? st.st_size : offset;
        read_data(fd, bytes, out);
    }
    if (fd >= 0)
        close(fd);
}

void stretch_fini(struct stretch *stretch)
{
    str_fini(&stretch->data);
    *stretch = (struct stretch){0};
}
