/* CIFAR-10, binary version: records of one label byte and 3 x 32 x 32 bytes, red, green, blue, each line by
 * line. The five training files are read one after another; a folder with fewer of them (1 .. k) is a smaller
 * set. */
#include <stdio.h>

#include "common/mem.h"
#include "worker/nn/data_file.h"
#include "worker/nn/data_source.h"

enum {
    CHANNELS = 3,
    SIDE = 32,
    PIXELS = CHANNELS * SIDE * SIDE,
    RECORD = 1 + PIXELS,
    CLASSES = 10,
    BATCHES = 5
};

/* Grows with what was really read: the format has no header that says how many there are. */
struct cifar {
    struct dataset *set;
    size_t x_room, y_room;
};

static int record_add(struct cifar *cifar, const uint8_t *record, const struct data_file *file,
                      struct err *err)
{
    struct dataset *set = cifar->set;
    if (record[0] >= CLASSES)
        return data_file_fail(file, file->offset - RECORD, err, "expected a label 0 .. 9, found %d",
                              record[0]);
    size_t n = (size_t)set->n + 1;
    if (n * PIXELS > (size_t)DATA_MAX_VALUES)
        return data_file_fail(file, file->offset - RECORD, err, "expected at most 2^30 values, found more");
    GROW(set->x, cifar->x_room, n * PIXELS);
    GROW(set->y, cifar->y_room, n);
    float *x = set->x + (n - 1) * PIXELS;
    for (int i = 0; i < PIXELS; i++)
        x[i] = (float)record[1 + i] / 255.0f;
    set->y[n - 1] = record[0];
    set->n++;
    return 0;
}

static int records_read(struct cifar *cifar, struct data_file *file, struct err *err)
{
    for (int first = 1;; first = 0) {
        uint8_t record[RECORD];
        size_t got;
        int rc = data_file_some(file, record, RECORD, &got, err);
        if (rc || (!got && !first))
            return rc;
        if (got < RECORD) {
            data_file_fail(file, file->offset - (int64_t)got, err, "expected a record of %d bytes, found %zu",
                           RECORD, got);
            return err_hint(err,
                            "cifar10: reads the binary version, whole records of a label and 3072 pixels");
        }
        rc = record_add(cifar, record, file, err);
        if (rc)
            return rc;
    }
}

static int batch_read(struct cifar *cifar, const char *folder, const char *name, struct err *err)
{
    struct data_file file;
    int rc = data_file_open(&file, folder, name, err);
    if (rc)
        return rc;
    rc = records_read(cifar, &file, err);
    data_file_close(&file);
    return rc;
}

static struct dataset no_images(void)
{
    return (struct dataset){.channels = CHANNELS, .height = SIDE, .width = SIDE, .classes = CLASSES};
}

/* Batch `number`; *gap is the first one that was not there, 0 so far. */
static int batch_add(struct cifar *cifar, const char *folder, int number, int *gap, struct err *err)
{
    char name[32];
    struct err failed = ERR_NONE;
    snprintf(name, sizeof name, "data_batch_%d.bin", number);
    int rc = batch_read(cifar, folder, name, &failed);
    if (rc == ERR_GONE && number > 1) {
        *gap = *gap ? *gap : number;
        return 0;
    }
    if (rc == ERR_GONE)
        err_hint(&failed, "cifar10:DIR needs data_batch_1.bin .. data_batch_5.bin, plain or .gz");
    if (!rc && *gap)
        rc = err_set(&failed, ERR_BAD, "%s: has data_batch_%d.bin but not data_batch_%d.bin", folder, number,
                     *gap);
    if (rc && err)
        *err = failed;
    return rc;
}

static int train_read(const char *folder, struct dataset *out, struct err *err)
{
    struct cifar cifar = {.set = out};
    *out = no_images();
    int gap = 0, rc = 0;
    for (int i = 1; i <= BATCHES && !rc; i++)
        rc = batch_add(&cifar, folder, i, &gap, err);
    return rc;
}

int cifar_read(const char *path, struct data_source *out, struct err *err)
{
    int rc = train_read(path, &out->train, err);
    if (rc)
        return rc;
    struct cifar test = {.set = &out->test};
    struct err failed = ERR_NONE;
    out->test = no_images();
    rc = batch_read(&test, path, "test_batch.bin", &failed);
    if (rc == ERR_GONE)
        return 0;
    if (rc && err)
        *err = failed;
    return rc;
}
