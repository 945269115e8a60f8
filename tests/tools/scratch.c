#include "tests/tools/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "common/check.h"

struct place {
    char path[512];
};

static struct place place(const struct scratch *scratch, const char *name)
{
    struct place out;
    snprintf(out.path, sizeof out.path, "%s/%s", scratch->folder, name);
    return out;
}

void scratch_init(struct scratch *scratch)
{
    const char *base = getenv("TMPDIR");
    snprintf(scratch->folder, sizeof scratch->folder, "%.40s/hone-test-XXXXXX", base ? base : "/tmp");
    PRE(mkdtemp(scratch->folder));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void scratch_fini(struct scratch *scratch)
{
    nftw(scratch->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void scratch_write(const struct scratch *scratch, const char *name, const void *bytes, size_t len)
{
    FILE *file = fopen(place(scratch, name).path, "wb");
    PRE(file);
    PRE(!len || fwrite(bytes, 1, len, file) == len);
    PRE(!fclose(file));
}

void scratch_text(const struct scratch *scratch, const char *name, const char *text)
{
    scratch_write(scratch, name, text, strlen(text));
}

void scratch_gzip(const struct scratch *scratch, const char *name, const void *bytes, size_t len)
{
    gzFile file = gzopen(place(scratch, name).path, "wb");
    PRE(file);
    PRE(!len || gzwrite(file, bytes, (unsigned)len) == (int)len);
    PRE(gzclose(file) == Z_OK);
}

void scratch_cut(const struct scratch *scratch, const char *name, size_t len)
{
    PRE(!truncate(place(scratch, name).path, (off_t)len));
}

void scratch_remove(const struct scratch *scratch, const char *name)
{
    PRE(!unlink(place(scratch, name).path));
}
