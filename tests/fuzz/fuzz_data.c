/* Random bytes as data files: refused with a reason, or taken and then whole: labels in range, values finite,
 * nothing lost in the split.
 *
 * Input: a first byte that picks the format, then the files' bytes. IDX needs two files, so a second byte
 * says where (in sixteenths) the labels begin. Packed files begin with 1f 8b; zlib sees that by itself. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/check.h"
#include "worker/nn/data.h"
#include "worker/nn/data_sanity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The names are links to files in memory: a disk would take nine tenths of the time. */
static char folder[] = "/tmp/hone-fuzz-XXXXXX";
static int files[4];
static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t.csv",
                                    "data_batch_1.bin"};

static void path_of(int name, char path[256])
{
    snprintf(path, 256, "%s/%s", folder, names[name]);
}

static void folder_remove(void)
{
    for (int i = 0; i < (int)COUNT_OF(names); i++) {
        char path[256];
        path_of(i, path);
        unlink(path);
    }
    rmdir(folder);
}

static void folder_make(void)
{
    static int made;
    if (made++)
        return;
    PRE(mkdtemp(folder));
    for (int i = 0; i < (int)COUNT_OF(names); i++) {
        char path[256], memory[64];
        files[i] = memfd_create(names[i], MFD_CLOEXEC);
        snprintf(memory, sizeof memory, "/proc/self/fd/%d", files[i]);
        path_of(i, path);
        PRE(files[i] >= 0 && !symlink(memory, path));
    }
    atexit(folder_remove);
}

static void put(int name, const uint8_t *bytes, size_t size)
{
    PRE(!ftruncate(files[name], 0));
    PRE(!size || pwrite(files[name], bytes, size, 0) == (ssize_t)size);
}

static void part_whole(const struct dataset *set)
{
    PRE(set->n >= 0 && set->classes >= 2);
    for (int i = 0; i < set->n; i++)
        POST(set->y[i] >= 0 && set->y[i] < set->classes);
    for (size_t i = 0; i < (size_t)set->n * (size_t)dataset_width(set); i++)
        POST(isfinite(set->x[i]));
}

static void try_spec(const char *spec)
{
    struct data_options options = {.spec = spec, .base = folder, .seed = 1};
    struct data_split split;
    struct err err = ERR_NONE;
    if (data_load(&options, &split, &err)) {
        POST(err.code < 0 && err.text[0] && !split.train.x);
        return;
    }
    part_whole(&split.train);
    part_whole(&split.val);
    POST(split.train.n > 0 && split.val.n > 0);
    struct data_sanity sanity;
    struct sanity_finding findings[SANITY_CHECKS];
    data_sanity_measure(&split, &sanity);
    data_sanity_judge(&sanity, findings);
    data_split_fini(&split);
}

static void try_idx(const uint8_t *data, size_t size)
{
    size_t at = 1 + (size - 1) * (data[0] % 16) / 16;
    put(0, data + 1, at - 1);
    put(1, data + at, size - at);
    try_spec("idx:.");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    folder_make();
    if (size < 2)
        return 0;
    int format = *data++ % 4;
    size--;
    if (format == 0) {
        try_idx(data, size);
    } else if (format == 3) {
        char spec[512];
        snprintf(spec, sizeof spec, "%.*s", (int)(size < 500 ? size : 500), (const char *)data);
        data_spec_check(spec, NULL);
    } else {
        put(format == 1 ? 2 : 3, data, size);
        try_spec(format == 1 ? "csv:t.csv" : "cifar10:.");
        if (format == 1)
            try_spec("csv:t.csv?label=1&header=yes&test=t.csv");
    }
    return 0;
}
