#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/mem.h"

static int read_all(int fd, const char *path, size_t max_bytes, struct str *out, struct err *err)
{
    char chunk[1 << 14];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EISDIR)
            return err_set(err, ERR_BAD, "%s: is a folder, not a file", path);
        if (got < 0)
            return err_errno(err, "%s: cannot read", path);
        if (got == 0)
            return 0;
        total += (size_t)got;
        if (total > max_bytes)
            return err_set(err, ERR_BAD, "%s: larger than the %zu bytes allowed here", path, max_bytes);
        str_addn(out, chunk, (size_t)got);
    }
}

int file_read(const char *path, size_t max_bytes, struct str *out, struct err *err)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", max_bytes, out, err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        int missing = errno == ENOENT;
        err_errno(err, "%s: cannot open", path);
        return missing ? (err ? (err->code = ERR_GONE) : ERR_GONE) : ERR_IO;
    }
    int rc = read_all(fd, path, max_bytes, out, err);
    close(fd);
    return rc;
}

static int write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes += put;
        len -= (size_t)put;
    }
    return 0;
}

int file_write_whole(const char *path, const void *bytes, size_t len, struct err *err)
{
    char *temporary = xasprintf("%s.tmp%ld", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc = 0;
    if (fd < 0)
        rc = err_errno(err, "%s: cannot create it", path);
    else if (write_all(fd, bytes, len) || fsync(fd))
        rc = err_errno(err, "%s: cannot write", temporary);
    if (fd >= 0 && close(fd) && !rc)
        rc = err_errno(err, "%s: cannot close", temporary);
    if (!rc && rename(temporary, path))
        rc = err_errno(err, "%s: cannot rename to %s", temporary, path);
    if (!rc) {
        char *dir = path_dir(path);
        rc = dir_sync(dir, err);
        free(dir);
    } else if (fd >= 0) {
        unlink(temporary);
    }
    free(temporary);
    return rc;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) ? -1 : (int64_t)st.st_size;
}

void dir_files(const char *folder, int depth,
               void (*visit)(void *arg, const char *path, const struct stat *st), void *arg)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        struct stat st;
        if (entry->d_name[0] == '.')
            continue;
        char *path = path_join(folder, entry->d_name);
        bool there = lstat(path, &st) == 0;
        if (there && S_ISDIR(st.st_mode) && depth > 0)
            dir_files(path, depth - 1, visit, arg);
        else if (there && S_ISREG(st.st_mode) && depth == 0)
            visit(arg, path, &st);
        free(path);
    }
    if (dir)
        closedir(dir);
}

bool path_is_checkpoint(const char *path)
{
    const char *dot = strrchr(path_base(path), '.');
    return dot && (strcmp(dot, ".ckpt") == 0 || strcmp(dot, ".part") == 0 || strncmp(dot, ".tmp", 4) == 0);
}

bool dir_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int dir_make(const char *path, struct err *err)
{
    if (!path[0])
        return err_set(err, ERR_BAD, "a folder without a name cannot be made");
    char *partial = xstrdup(path);
    int rc = 0;
    for (char *c = partial + 1; !rc; c++) {
        if (*c != '/' && *c != '\0')
            continue;
        char kept = *c;
        *c = '\0';
        if (mkdir(partial, 0777) && errno != EEXIST)
            rc = err_errno(err, "%s: cannot make the folder", partial);
        *c = kept;
        if (!kept)
            break;
    }
    struct stat st;
    if (!rc && (stat(path, &st) || !S_ISDIR(st.st_mode)))
        rc = err_set(err, ERR_IO, "%s: is there, but is not a folder", path);
    free(partial);
    return rc;
}

int dir_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "%s: cannot open the folder", path);
    int rc = fsync(fd) && errno != EINVAL ? err_errno(err, "%s: cannot sync the folder", path) : 0;
    close(fd);
    return rc;
}

char *path_join(const char *base, const char *name)
{
    if (name[0] == '/' || !base || !base[0])
        return xstrdup(name);
    size_t len = strlen(base);
    return xasprintf("%s%s%s", base, base[len - 1] == '/' ? "" : "/", name);
}

char *path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Removes "." and "..", doubled slashes and a trailing one, by text alone: links are not followed. */
static char *normalised(const char *path)
{
    struct str out = {0};
    const char *p = path;
    while (*p) {
        while (*p == '/')
            p++;
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.') {
            while (out.len && out.text[--out.len] != '/')
                ;
            if (out.text)
                out.text[out.len] = '\0';
        } else if (len && !(len == 1 && p[0] == '.')) {
            str_addc(&out, '/');
            str_addn(&out, p, len);
        }
        p += len;
    }
    if (!out.len)
        str_addc(&out, '/');
    return str_take(&out);
}

char *path_absolute(const char *path)
{
    char cwd[PATH_MAX];
    char *joined = path_join(path[0] == '/' || !getcwd(cwd, sizeof cwd) ? "/" : cwd, path);
    char *clean = normalised(joined);
    free(joined);
    return clean;
}

bool path_climbs(const char *path)
{
    for (const char *part = path; *part; part += strspn(part, "/")) {
        size_t len = strcspn(part, "/");
        if (len == 2 && part[0] == '.' && part[1] == '.')
            return true;
        part += len;
    }
    return false;
}

bool path_is_inside(const char *path, const char *folder)
{
    char *inner = path_absolute(path), *outer = path_absolute(folder);
    size_t len = strlen(outer);
    bool inside = strncmp(inner, outer, len) == 0 && (inner[len] == '/' || inner[len] == '\0' || len == 1);
    free(inner);
    free(outer);
    return inside;
}

/* mountinfo writes blank, tab, line break and backslash of a path as \040 and the like. */
static void unescape_octal(char *text)
{
    char *out = text;
    for (const char *in = text; *in; out++) {
        unsigned code;
        if (in[0] == '\\' && sscanf(in + 1, "%3o", &code) == 1) {
            *out = (char)code;
            in += 4;
        } else {
            *out = *in++;
        }
    }
    *out = '\0';
}

void fs_type_of(const char *mountinfo, const char *absolute_path, char out[64])
{
    size_t longest = 0;
    strcpy(out, "unknown");
    for (const char *line = mountinfo; line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char mount[PATH_MAX], type[64];
        if (sscanf(line, "%*s %*s %*s %*s %4095s", mount) != 1)
            continue;
        const char *dash = strstr(line, " - ");
        const char *end = strchr(line, '\n');
        if (!dash || (end && dash > end) || sscanf(dash, " - %63s", type) != 1)
            continue;
        unescape_octal(mount);
        size_t len = strcmp(mount, "/") == 0 ? 0 : strlen(mount);
        bool under = strncmp(absolute_path, mount, len) == 0 &&
                     (absolute_path[len] == '/' || absolute_path[len] == '\0');
        if (under && len >= longest) {
            longest = len;
            str_copy(out, 64, type);
        }
    }
}

bool fs_is_network(const char *fs_type)
{
    static const char *const kinds[] = {
        "nfs",       "nfs4",        "cifs",         "smb3",         "smbfs",          "ncpfs",
        "9p",        "afs",         "coda",         "ceph",         "lustre",         "gpfs",
        "beegfs",    "orangefs",    "pvfs2",        "ocfs2",        "gfs2",           "glusterfs",
        "panfs",     "wekafs",      "virtiofs",     "fuse.sshfs",   "fuse.glusterfs", "fuse.ceph-fuse",
        "fuse.s3fs", "fuse.rclone", "fuse.juicefs", "fuse.moosefs", "fuse.gcsfuse",   "fuse.goofys",
        "davfs",     "fuse.davfs2",
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(fs_type, kinds[i]) == 0)
            return true;
    return false;
}
