#include "worker/nn/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/check.h"
#include "common/mem.h"

enum { SIDE_MAX = 1 << 15, PIXELS_MAX = 1 << 26 };

static size_t line_bytes(const struct image *image)
{
    return (size_t)image->width * (size_t)image->channels;
}

static int image_init(struct image *image, int64_t width, int64_t height, int channels, struct err *err)
{
    *image = (struct image){.channels = channels};
    if (width > SIDE_MAX || height > SIDE_MAX || width * height > PIXELS_MAX)
        return err_set(err, ERR_BAD, "a picture of %lld x %lld pixels is too large", (long long)width,
                       (long long)height);
    image->width = (int)width;
    image->height = (int)height;
    image->pixels = xcalloc((size_t)height, line_bytes(image));
    return 0;
}

void image_fini(struct image *image)
{
    free(image->pixels);
    *image = (struct image){0};
}

void image_pnm(const struct image *image, struct str *out)
{
    str_addf(out, "P%d\n%d %d\n255\n", image->channels == 1 ? 5 : 6, image->width, image->height);
    str_addn(out, image->pixels, line_bytes(image) * (size_t)image->height);
}

/* ---- PNG: signature, then chunks of length, type, bytes, CRC of type and bytes ---- */

static void add_big_endian(struct str *out, uint32_t value)
{
    uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                        (uint8_t)value};
    str_addn(out, bytes, 4);
}

static void add_chunk(struct str *out, const char type[5], const void *bytes, size_t len)
{
    add_big_endian(out, (uint32_t)len);
    size_t start = out->len;
    str_addn(out, type, 4);
    str_addn(out, bytes, len);
    add_big_endian(out, (uint32_t)crc32(0, (const Bytef *)out->text + start, (uInt)(len + 4)));
}

/* Each line begins with its filter, 0: none. */
static void add_lines(struct str *out, const struct image *image)
{
    size_t line = line_bytes(image), count = (size_t)image->height * (line + 1);
    uint8_t *raw = xmalloc(count);
    for (size_t r = 0; r < (size_t)image->height; r++) {
        raw[r * (line + 1)] = 0;
        memcpy(raw + r * (line + 1) + 1, image->pixels + r * line, line);
    }
    uLongf packed_len = compressBound(count);
    uint8_t *packed = xmalloc(packed_len);
    int rc = compress2(packed, &packed_len, raw, count,
                       Z_NO_COMPRESSION); /* weights hardly shrink, and it takes time */
    POST(rc == Z_OK);
    add_chunk(out, "IDAT", packed, packed_len);
    free(packed);
    free(raw);
}

void image_png(const struct image *image, struct str *out)
{
    struct str head = {0};
    add_big_endian(&head, (uint32_t)image->width);
    add_big_endian(&head, (uint32_t)image->height);
    const uint8_t rest[5] = {8 /* bits */, image->channels == 1 ? 0 : 2 /* grey or colour */, 0, 0, 0};
    str_addn(&head, rest, sizeof rest);
    str_addn(out, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(out, "IHDR", head.text, head.len);
    str_fini(&head);
    add_lines(out, image);
    add_chunk(out, "IEND", NULL, 0);
}

/* ---- weights ---- */

static float weight(const struct weight_tiles *t, int unit, int channel, int row, int column)
{
    size_t input = ((size_t)channel * (size_t)t->height + (size_t)row) * (size_t)t->width + (size_t)column;
    return t->w[(size_t)unit * t->unit + input * t->input];
}

static float largest_magnitude(const struct weight_tiles *t, int unit)
{
    float most = 0;
    for (int i = 0; i < t->channels * t->height * t->width; i++) {
        float magnitude = fabsf(t->w[(size_t)unit * t->unit + (size_t)i * t->input]);
        if (isfinite(magnitude) && magnitude > most)
            most = magnitude;
    }
    return most > 0 ? most : 1;
}

/* -most .. most to 1 .. 255; NaN is black, as the lines between the tiles. */
static uint8_t shade(float w, float most)
{
    if (isnan(w))
        return 0;
    float part = w / most, at = 128 + 127 * (part > 1 ? 1 : part < -1 ? -1 : part);
    return (uint8_t)(at + 0.5f);
}

static void tile_draw(const struct weight_tiles *t, int unit, int x0, int y0, struct image *out)
{
    float most = largest_magnitude(t, unit);
    bool colour = out->channels == 3;
    for (int c = 0; c < t->channels; c++)
        for (int row = 0; row < t->height; row++)
            for (int column = 0; column < t->width; column++) {
                int x = x0 + column + (colour ? 0 : c * t->width);
                size_t at = ((size_t)(y0 + row) * (size_t)out->width + (size_t)x) * (size_t)out->channels;
                out->pixels[at + (size_t)(colour ? c : 0)] = shade(weight(t, unit, c, row, column), most);
            }
}

double tiles_roughness(const struct weight_tiles *t)
{
    double bent = 0, all = 0;
    for (int u = 0; u < t->units; u++)
        for (int c = 0; c < t->channels; c++)
            for (int r = 1; r + 1 < t->height; r++)
                for (int k = 1; k + 1 < t->width; k++) {
                    double w = weight(t, u, c, r, k);
                    double laplacian = weight(t, u, c, r - 1, k) + weight(t, u, c, r + 1, k) +
                                       weight(t, u, c, r, k - 1) + weight(t, u, c, r, k + 1) - 4 * w;
                    bent += laplacian * laplacian;
                    all += w * w;
                }
    return bent / all;
}

int image_of_weights(const struct weight_tiles *tiles, struct image *out, struct err *err)
{
    PRE(tiles->units > 0 && tiles->channels > 0 && tiles->height > 0 && tiles->width > 0);
    int channels = tiles->channels == 3 ? 3 : 1;
    int64_t tile_width = (int64_t)tiles->width * (channels == 3 ? 1 : tiles->channels) + 1;
    int64_t tile_height = tiles->height + 1, units = tiles->units;
    int64_t across = llround(sqrt((double)units * (double)tile_height / (double)tile_width));
    across = across < 1 ? 1 : across > units ? units : across;
    int64_t down = (units + across - 1) / across;
    int rc = image_init(out, across * tile_width + 1, down * tile_height + 1, channels, err);
    for (int u = 0; u < tiles->units && !rc; u++)
        tile_draw(tiles, u, (int)(1 + u % across * tile_width), (int)(1 + u / across * tile_height), out);
    return rc;
}
