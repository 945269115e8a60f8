/* Random bytes as a checkpoint file, with and without the fingerprint that makes them look whole: taken or refused,
 * never read beyond the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/check.h"
#include "common/hash.h"
#include "worker/nn/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(const uint8_t *data, size_t size, bool sign)
{
    char path[64], hex[HASH_HEX];
    struct err err = ERR_NONE;
    struct checkpoint checkpoint;
    int fd = memfd_create("checkpoint", MFD_CLOEXEC);
    PRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    hash_bytes(data, size, hex);
    PRE(!sign || write(fd, hex, HASH_HEX - 1) == HASH_HEX - 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (checkpoint_load(path, &checkpoint, &err)) {
        POST(err.code && err.text[0]);
    } else {
        volatile float sum = 0; /* every value it names can be read */
        for (int i = 0; i < checkpoint.array_count; i++)
            for (size_t k = 0; k < checkpoint.arrays[i].count; k++)
                sum += checkpoint.arrays[i].values[k];
        (void)sum;
        checkpoint_fini(&checkpoint);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    load(data, size, true);
    load(data, size, false);
    return 0;
}
