#include "worker/nn/data_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "common/file.h"
#include "common/mem.h"

enum { GZ_LEAST = 1 << 9, GZ_BUFFER = 1 << 17, DEFLATE_RATIO = 1032 };

static int open_one(struct data_file *file, const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_errno(err, "%s: cannot open", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_BAD, "%s: is not a regular file", path);
    gzFile gz = gzopen(path, "rbe");
    if (!gz)
        return err_errno(err, "%s: cannot open", path);
    gzbuffer(gz, st.st_size < GZ_LEAST    ? GZ_LEAST
                 : st.st_size < GZ_BUFFER ? (unsigned)st.st_size
                                          : GZ_BUFFER);
    *file = (struct data_file){.gz = gz, .path = xstrdup(path), .size = st.st_size, .packed = !gzdirect(gz)};
    return 0;
}

int data_file_open(struct data_file *file, const char *folder, const char *name, struct err *err)
{
    *file = (struct data_file){0};
    char *plain = path_join(folder, name);
    char *packed = xasprintf("%s.gz", plain);
    int rc;
    if (file_exists(plain))
        rc = open_one(file, plain, err);
    else if (file_exists(packed))
        rc = open_one(file, packed, err);
    else
        rc = err_set(err, ERR_GONE, "%s: not there, nor %s.gz", plain, path_base(plain));
    free(plain);
    free(packed);
    return rc;
}

void data_file_close(struct data_file *file)
{
    if (file->gz)
        gzclose(file->gz);
    free(file->path);
    *file = (struct data_file){0};
}

int data_file_fail(const struct data_file *file, int64_t offset, struct err *err, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_BAD, "%s: offset %lld%s: %s", file->path, (long long)offset,
                   file->packed ? " (uncompressed)" : "", text);
}

/* A .gz cut short ends with Z_BUF_ERROR, a damaged one with Z_DATA_ERROR. */
static int read_failed(struct data_file *file, struct err *err)
{
    int code;
    const char *text = gzerror(file->gz, &code);
    if (code == Z_ERRNO)
        return err_errno(err, "%s: cannot read", file->path);
    data_file_fail(file, file->offset, err, "the compressed data is damaged or cut short (%s)",
                   code == Z_BUF_ERROR ? "unexpected end of file" : text);
    return err_hint(err, "copy or download it again; `gzip -t` checks it");
}

int data_file_some(struct data_file *file, void *out, size_t len, size_t *got, struct err *err)
{
    *got = 0;
    while (*got < len) {
        size_t want = len - *got < 1u << 30 ? len - *got : 1u << 30;
        int n = gzread(file->gz, (char *)out + *got, (unsigned)want);
        if (n < 0)
            return read_failed(file, err);
        *got += (size_t)n;
        file->offset += n;
        if ((size_t)n < want) {
            int code;
            gzerror(file->gz, &code);
            return code == Z_OK || code == Z_STREAM_END ? 0 : read_failed(file, err);
        }
    }
    return 0;
}

int data_file_exact(struct data_file *file, void *out, size_t len, const char *what, struct err *err)
{
    size_t got;
    int64_t start = file->offset;
    int rc = data_file_some(file, out, len, &got, err);
    if (rc || got == len)
        return rc;
    data_file_fail(file, start, err, "expected %zu bytes of %s, found %zu: the file is cut short", len, what,
                   got);
    return err_hint(err, "copy or download it again");
}

int data_file_end(struct data_file *file, const char *what, struct err *err)
{
    char byte;
    size_t got;
    int64_t end = file->offset;
    int rc = data_file_some(file, &byte, 1, &got, err);
    if (rc || !got)
        return rc;
    return data_file_fail(file, end, err, "expected the end of the file after %s, found more bytes", what);
}

bool data_file_may_hold(const struct data_file *file, int64_t bytes)
{
    return bytes <= (file->packed ? file->size * DEFLATE_RATIO + DEFLATE_RATIO : file->size);
}
