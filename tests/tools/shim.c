#include "tests/tools/shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"

void disk_init(struct disk *disk, const char *folder)
{
    snprintf(disk->path, sizeof disk->path, "%s/shim", folder);
    int fd = open(disk->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    PRE(fd >= 0 && !ftruncate(fd, sizeof *disk->shim));
    disk->shim = mmap(NULL, sizeof *disk->shim, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    PRE(disk->shim != MAP_FAILED);
    close(fd);
}

void disk_fini(struct disk *disk)
{
    munmap(disk->shim, sizeof *disk->shim);
}

/* Beside the executable under test: build/hone, build/tests/fault/shim.so. */
static void library(char path[4096])
{
    const char *hone = getenv("HONE");
    char *dir = path_dir(hone ? hone : "build/hone"), real[4096];
    snprintf(real, sizeof real, "%s/tests/fault/shim.so", dir);
    PRE(realpath(real, path));
    free(dir);
}

void disk_load(const struct disk *disk, const char *match)
{
    char path[4096], options[4096];
    const char *asan = getenv("ASAN_OPTIONS");
    library(path);
    snprintf(options, sizeof options, "%s:verify_asan_link_order=0", asan ? asan : "");
    if (asan && !strstr(asan, "link_order"))
        setenv("ASAN_OPTIONS", options, 1);
    setenv("LD_PRELOAD", path, 1);
    setenv("HONE_SHIM", disk->path, 1);
    setenv("HONE_SHIM_MATCH", match, 1);
}

void disk_unload(void)
{
    unsetenv("LD_PRELOAD");
    unsetenv("HONE_SHIM");
    unsetenv("HONE_SHIM_MATCH");
}

static void set_fault(struct disk *disk, enum shim_fault fault)
{
    __atomic_store_n(&disk->shim->fault, (uint32_t)fault, __ATOMIC_SEQ_CST);
}

void disk_break(struct disk *disk, int error)
{
    set_fault(disk, SHIM_FINE);
    disk->shim->error = error;
    disk->shim->every = 0;
    disk->shim->all = 1;
    disk->shim->nth = 0;
    set_fault(disk, SHIM_FAIL);
}

void disk_mend(struct disk *disk)
{
    set_fault(disk, SHIM_FINE);
}
