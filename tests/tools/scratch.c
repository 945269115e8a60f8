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

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* ---- what a test that failed leaves behind ---- */

enum { MOST_FOLDERS = 64 };

static struct folders {
    pid_t owner; /* what a forked part of a test finds here is its parent's */
    struct scratch list[MOST_FOLDERS];
} folders;

static void remove_all(void)
{
    for (int i = 0; i < MOST_FOLDERS && folders.owner == getpid(); i++)
        if (folders.list[i].folder[0] && !getenv("HONE_TEST_KEEP"))
            nftw(folders.list[i].folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void note(const char *before, const struct scratch *now)
{
    int i = 0;
    if (folders.owner != getpid()) {
        folders = (struct folders){.owner = getpid()};
        atexit(remove_all);
    }
    while (i < MOST_FOLDERS && strcmp(folders.list[i].folder, before) != 0)
        i++;
    if (i < MOST_FOLDERS)
        folders.list[i] = *now;
}

void scratch_init(struct scratch *scratch)
{
    const char *base = getenv("TMPDIR");
    snprintf(scratch->folder, sizeof scratch->folder, "%.40s/hone-test-XXXXXX", base ? base : "/tmp");
    PRE(mkdtemp(scratch->folder));
    note("", scratch);
}

void scratch_fini(struct scratch *scratch)
{
    note(scratch->folder, &(struct scratch){{0}});
    if (!getenv("HONE_TEST_KEEP"))
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
