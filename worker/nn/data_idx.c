/* The format of MNIST and Fashion-MNIST. Two zero bytes, the type of a value (8: unsigned byte), the number
 * of dimensions, each dimension as a 32-bit big-endian number, then the values. */
#include <stdlib.h>

#include "common/mem.h"
#include "worker/nn/data_file.h"
#include "worker/nn/data_source.h"

enum { IDX_BYTES = 0x08, IDX_SIDE_MAX = 4096 };

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static int magic_wrong(const struct data_file *file, const uint8_t magic[4], int dims, struct err *err)
{
    bool other_half = magic[2] == IDX_BYTES && magic[3] == (dims == 3 ? 1 : 3);
    data_file_fail(file, 0, err, "expected 00 00 08 %02x (%s), found %02x %02x %02x %02x%s", dims,
                   dims == 3 ? "images, bytes" : "labels, bytes", magic[0], magic[1], magic[2], magic[3],
                   !other_half ? ""
                   : dims == 3 ? " (labels)"
                               : " (images)");
    return err_hint(err, other_half
                             ? "were the files of images and labels exchanged?"
                             : "this is not an IDX file of bytes; see the format at the end of MNIST's page");
}

/* size[0] is the number of samples; images (3 dimensions) have a height and a width too. */
static int header_read(struct data_file *file, int dims, uint32_t size[3], struct err *err)
{
    uint8_t head[16];
    int rc = data_file_exact(file, head, 4, "the magic number", err);
    if (rc)
        return rc;
    if (head[0] || head[1] || head[2] != IDX_BYTES || head[3] != dims)
        return magic_wrong(file, head, dims, err);
    rc = data_file_exact(file, head + 4, 4 * (size_t)dims, "dimensions", err);
    if (rc)
        return rc;
    int64_t bytes = 4 + 4 * dims, values = 1;
    for (int i = 0; i < dims; i++) {
        uint32_t most = i ? IDX_SIDE_MAX : (uint32_t)DATA_MAX_VALUES;
        size[i] = big_endian(head + 4 + 4 * i);
        if (!size[i] || size[i] > most)
            return data_file_fail(file, 4 + 4 * i, err, "expected 1 .. %u %s, found %u", most,
                                  i ? "pixels" : "samples", size[i]);
        if (size[i] > DATA_MAX_VALUES / values)
            return data_file_fail(file, 4, err,
                                  "expected at most 2^30 values, found a header that claims more");
        values *= size[i];
    }
    if (!data_file_may_hold(file, bytes + values))
        return data_file_fail(file, 4, err,
                              "expected %lld bytes after what the header says, found a file of %lld%s",
                              (long long)(bytes + values), (long long)file->size,
                              file->packed ? ", which cannot hold them even packed" : "");
    return 0;
}

/* Bytes to 0..1, a piece at a time: the only large allocation is the floats. */
static int pixels_read(struct data_file *file, float *x, size_t count, struct err *err)
{
    uint8_t piece[1 << 14];
    while (count) {
        size_t want = count < sizeof piece ? count : sizeof piece;
        int rc = data_file_exact(file, piece, want, "pixels", err);
        if (rc)
            return rc;
        for (size_t i = 0; i < want; i++)
            x[i] = (float)piece[i] / 255.0f;
        x += want;
        count -= want;
    }
    return data_file_end(file, "the last image", err);
}

static int images_read(const char *folder, const char *name, struct dataset *out, struct err *err)
{
    struct data_file file;
    int rc = data_file_open(&file, folder, name, err);
    if (rc)
        return rc;
    uint32_t size[3] = {0};
    rc = header_read(&file, 3, size, err);
    if (!rc) {
        *out =
            (struct dataset){.n = (int)size[0], .channels = 1, .height = (int)size[1], .width = (int)size[2]};
        size_t count = (size_t)size[0] * size[1] * size[2];
        out->x = xmalloc(count * sizeof *out->x);
        rc = pixels_read(&file, out->x, count, err);
    }
    data_file_close(&file);
    return rc;
}

static int labels_take(struct data_file *file, struct dataset *out, struct err *err)
{
    uint32_t size[3] = {0};
    int rc = header_read(file, 1, size, err);
    if (rc)
        return rc;
    uint32_t n = size[0];
    if ((int64_t)n != out->n)
        return data_file_fail(file, 4, err, "expected %d labels, one for each image, found %u", out->n, n);
    uint8_t *bytes = xmalloc(n);
    rc = data_file_exact(file, bytes, n, "labels", err);
    if (!rc)
        rc = data_file_end(file, "the last label", err);
    out->y = xmalloc(n * sizeof *out->y);
    for (uint32_t i = 0; i < n && !rc; i++) {
        out->y[i] = bytes[i];
        if (bytes[i] >= out->classes)
            out->classes = bytes[i] + 1;
    }
    free(bytes);
    return rc;
}

static int labels_read(const char *folder, const char *name, struct dataset *out, struct err *err)
{
    struct data_file file;
    int rc = data_file_open(&file, folder, name, err);
    if (rc)
        return rc;
    rc = labels_take(&file, out, err);
    data_file_close(&file);
    return rc;
}

static int pair_read(const char *folder, const char *images, const char *labels, struct dataset *out,
                     struct err *err)
{
    int rc = images_read(folder, images, out, err);
    return rc ? rc : labels_read(folder, labels, out, err);
}

/* Test files that are not there are fine, one without the other is not. */
static int test_read(const char *folder, struct dataset *out, struct err *err)
{
    static const char images[] = "t10k-images-idx3-ubyte", labels[] = "t10k-labels-idx1-ubyte";
    struct data_file file;
    int rc = data_file_open(&file, folder, images, NULL);
    data_file_close(&file);
    if (rc == ERR_GONE) {
        rc = data_file_open(&file, folder, labels, NULL);
        data_file_close(&file);
        if (rc == ERR_GONE)
            return 0;
    }
    return pair_read(folder, images, labels, out, err);
}

int idx_read(const char *path, struct data_source *out, struct err *err)
{
    int rc = pair_read(path, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", &out->train, err);
    if (rc == ERR_GONE)
        err_hint(err, "idx:DIR needs train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz");
    if (!rc)
        rc = test_read(path, &out->test, err);
    if (rc || !out->test.n)
        return rc;
    if (out->test.height != out->train.height || out->test.width != out->train.width)
        return err_set(
            err, ERR_BAD,
            "%s: t10k-images: offset 8: expected images of %d x %d as in the training file, found %d x %d",
            path, out->train.height, out->train.width, out->test.height, out->test.width);
    if (out->test.classes > out->train.classes)
        return err_set(err, ERR_BAD,
                       "%s: t10k-labels: expected labels 0 .. %d as in the training file, found %d", path,
                       out->train.classes - 1, out->test.classes - 1);
    out->test.classes = out->train.classes;
    return 0;
}
