/* Random checkpoints: refused with a reason, or a model that predicts numbers of its shape.
 *
 * Input: the header's JSON up to the first line feed, then the arrays' bytes. The harness adds magic, version, length
 * and a right fingerprint, so that what is tried is the reading and not the fingerprint. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "worker/nn/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void remove_file(void)
{
    unlink(path);
}

static void write_checkpoint(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    size_t header_len = end ? (size_t)(end - data) : size, rest = end ? size - header_len - 1 : 0;
    struct str header = {0}, bytes = {0};
    char hex[HASH_HEX];
    str_addn(&header, data, header_len);
    while (header.len % 4)
        str_addc(&header, ' ');
    uint32_t front[2] = {1, (uint32_t)header.len};
    str_addn(&bytes, "HONECKPT", 8);
    str_addn(&bytes, front, sizeof front);
    str_addn(&bytes, str_text(&header), header.len);
    str_addn(&bytes, end ? end + 1 : data, rest / 4 * 4);
    hash_bytes(bytes.text, bytes.len, hex);
    str_addn(&bytes, hex, HASH_HEX - 1);
    FILE *file = fopen(path, "wb");
    POST(file && fwrite(bytes.text, 1, bytes.len, file) == bytes.len);
    fclose(file);
    str_fini(&header);
    str_fini(&bytes);
}

static void use(struct model *model)
{
    struct shape in = model->net->in;
    float *x = calloc((size_t)shape_size(in), sizeof *x);
    float *p = calloc((size_t)model->net->classes, sizeof *p);
    struct dataset one = {.x = x, .n = 1, .channels = in.c, .height = in.h, .width = in.w, .classes = 2};
    POST(x && p && !model_take(model, &one, "fuzz", NULL));
    model_predict(model, &one, p);
    free(x);
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct model model;
    struct err err = ERR_NONE;
    if (!*path) {
        snprintf(path, sizeof path, "/tmp/hone-fuzz-%d.ckpt", (int)getpid());
        atexit(remove_file);
    }
    write_checkpoint(data, size);
    if (model_load(path, &model, &err)) {
        POST(*err.text);
        return 0;
    }
    use(&model);
    model_fini(&model);
    return 0;
}
