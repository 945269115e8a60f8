#include "sql/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"

enum {
    HEADER_BYTES = 100,      /* of an SQLite file (sqlite.org/fileformat2.html 1.3) */
    HEADER_APPLICATION = 68, /* offset of application_id, big-endian */
    MOUNTINFO_MAX = 4 << 20,
};

static const char magic[] = "SQLite format 3";

int place_resolve(const char *path, char **out, struct err *err)
{
    char real[PATH_MAX];
    if (realpath(path, real)) {
        *out = xstrdup(real);
        return 0;
    }
    if (errno != ENOENT)
        return err_errno(err, "%s: cannot be reached", path);
    char *dir = path_dir(path);
    int rc = 0;
    if (realpath(dir, real)) {
        *out = path_join(real, path_base(path));
    } else {
        rc = err_errno(err, "%s: there is no folder %s", path, dir);
        err_hint(err, "make it (mkdir -p %s), or name another place", dir);
    }
    free(dir);
    return rc;
}

static int wrong(struct err *err, const char *path, const char *what)
{
    err_set(err, ERR_BAD, "%s: %s", path, what);
    return err_hint(err, "nothing was changed; name another file with --db");
}

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int judge_header(const char *path, const unsigned char *head, ssize_t got, struct err *err)
{
    if (got < HEADER_BYTES || memcmp(head, magic, sizeof magic) != 0)
        return wrong(err, path, "is there, but is not a database");
    if (big_endian(head + HEADER_APPLICATION) != PLACE_APPLICATION_ID)
        return wrong(err, path, "is a database of another program");
    return 0;
}

int place_look(const char *path, bool *empty, struct err *err)
{
    *empty = true;
    struct stat st;
    if (stat(path, &st))
        return errno == ENOENT ? 0 : err_errno(err, "%s: cannot be reached", path);
    if (S_ISDIR(st.st_mode))
        return wrong(err, path, "is a folder, not a database");
    if (!S_ISREG(st.st_mode))
        return wrong(err, path, "is not a plain file");
    if (st.st_size == 0)
        return 0;
    *empty = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "%s: cannot be opened", path);
    unsigned char head[HEADER_BYTES] = {0};
    ssize_t got = read(fd, head, sizeof head);
    close(fd);
    return judge_header(path, head, got, err);
}

bool place_is_network(const char *path, const char *mountinfo, char fs_type[64])
{
    struct str text = {0};
    strcpy(fs_type, "unknown");
    if (file_read(mountinfo ? mountinfo : "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL) == 0)
        fs_type_of(str_text(&text), path, fs_type);
    str_fini(&text);
    return fs_is_network(fs_type);
}

int place_refuse_network(const char *path, const char *mountinfo, struct err *err)
{
    char type[64];
    if (!place_is_network(path, mountinfo, type))
        return 0;
    err_set(err, ERR_BAD,
            "%s: lies on a network file system, %s, where locks and shared memory cannot be trusted", path,
            type);
    return err_hint(err,
                    "either a local --db with --mirror %s (a copy every minute and at the end), or "
                    "--network-db (exclusive locking; readers go through the master)",
                    path);
}
