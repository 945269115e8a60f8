/* Pictures: PNG and PNM read back to the pixels that went in, and tiles lie where they should. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "common/rng.h"
#include "worker/nn/image.h"

static uint32_t big_endian(const char *text)
{
    const uint8_t *b = (const uint8_t *)text;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Checks length, type and CRC of the chunk at *at; gives its bytes and moves on. */
static const char *chunk(const struct str *png, size_t *at, const char *type, uint32_t *len)
{
    assert_true(*at + 12 <= png->len);
    *len = big_endian(png->text + *at);
    assert_true(*at + 12 + *len <= png->len);
    assert_memory_equal(png->text + *at + 4, type, 4);
    uLong crc = crc32(0, (const Bytef *)png->text + *at + 4, *len + 4);
    assert_int_equal(crc, big_endian(png->text + *at + 8 + *len));
    const char *bytes = png->text + *at + 8;
    *at += 12 + *len;
    return bytes;
}

static void png_reads_back(const struct image *image)
{
    struct str png = {0};
    image_png(image, &png);
    assert_memory_equal(png.text, "\x89PNG\r\n\x1a\n", 8);
    size_t at = 8, line = (size_t)(image->width * image->channels);
    uint32_t len;
    const char *head = chunk(&png, &at, "IHDR", &len);
    assert_int_equal(len, 13);
    assert_int_equal(big_endian(head), image->width);
    assert_int_equal(big_endian(head + 4), image->height);
    assert_int_equal(head[8], 8);
    assert_int_equal(head[9], image->channels == 3 ? 2 : 0);
    const char *packed = chunk(&png, &at, "IDAT", &len);
    uLongf count = (uLongf)image->height * (line + 1);
    uint8_t *raw = malloc(count + 1);
    uLongf got = count + 1;
    assert_int_equal(uncompress(raw, &got, (const Bytef *)packed, len), Z_OK);
    assert_int_equal(got, count);
    for (int r = 0; r < image->height; r++) {
        assert_int_equal(raw[(size_t)r * (line + 1)], 0);
        assert_memory_equal(raw + (size_t)r * (line + 1) + 1, image->pixels + (size_t)r * line, line);
    }
    chunk(&png, &at, "IEND", &len);
    assert_int_equal(len, 0);
    assert_int_equal(at, png.len);
    free(raw);
    str_fini(&png);
}

static void grey_tiles(void **state)
{
    (void)state;
    float w[5 * 6] = {0};
    for (int u = 0; u < 5; u++)
        for (int i = 0; i < 6; i++)
            w[u * 6 + i] = (float)(i - 2) * (float)(u + 1);
    w[4 * 6 + 1] = NAN;
    struct weight_tiles tiles = {
        .w = w, .unit = 6, .input = 1, .units = 5, .channels = 1, .height = 2, .width = 3};
    struct image image;
    assert_int_equal(image_of_weights(&tiles, &image, NULL), 0);
    assert_int_equal(image.width, 2 * 4 + 1);
    assert_int_equal(image.height, 3 * 3 + 1);
    assert_int_equal(image.channels, 1);
    for (int u = 0; u < 5; u++) {
        const uint8_t *tile = image.pixels + (1 + u / 2 * 3) * image.width + 1 + u % 2 * 4;
        assert_int_equal(tile[2], 128);               /* weight 0 */
        assert_int_equal(tile[image.width + 2], 255); /* 3 of 3 */
        assert_in_range(tile[0], 43, 44);             /* -2 of 3 */
        assert_int_equal(tile[-1], 0);                /* the line between tiles */
        assert_true(u < 4 || tile[1] == 0);           /* NaN is black */
    }
    png_reads_back(&image);
    struct str pgm = {0};
    image_pnm(&image, &pgm);
    assert_memory_equal(pgm.text, "P5\n9 10\n255\n", 12);
    assert_int_equal(pgm.len, 12 + 90);
    assert_memory_equal(pgm.text + 12, image.pixels, 90);
    str_fini(&pgm);
    image_fini(&image);
}

/* The same weights with inputs as rows and units as columns. */
static void layout_is_the_callers(void **state)
{
    (void)state;
    float a[3 * 4], b[4 * 3];
    for (int u = 0; u < 3; u++)
        for (int i = 0; i < 4; i++)
            a[u * 4 + i] = b[i * 3 + u] = (float)(u * 7 % 5 - i);
    struct weight_tiles by_unit = {
        .w = a, .unit = 4, .input = 1, .units = 3, .channels = 1, .height = 2, .width = 2};
    struct weight_tiles by_input = by_unit;
    by_input.w = b;
    by_input.unit = 1;
    by_input.input = 3;
    struct image one, two;
    assert_int_equal(image_of_weights(&by_unit, &one, NULL), 0);
    assert_int_equal(image_of_weights(&by_input, &two, NULL), 0);
    assert_int_equal(one.width, two.width);
    assert_memory_equal(one.pixels, two.pixels, (size_t)(one.width * one.height));
    image_fini(&one);
    image_fini(&two);
}

static void three_channels_are_colour_two_are_not(void **state)
{
    (void)state;
    float w[3 * 4] = {1, 1, 1, 1, -1, -1, -1, -1, 0, 0, 0, 0};
    struct weight_tiles tiles = {
        .w = w, .unit = 12, .input = 1, .units = 1, .channels = 3, .height = 2, .width = 2};
    struct image image;
    assert_int_equal(image_of_weights(&tiles, &image, NULL), 0);
    assert_int_equal(image.channels, 3);
    assert_int_equal(image.width, 4);
    const uint8_t *pixel = image.pixels + (1 * 4 + 1) * 3;
    assert_int_equal(pixel[0], 255);
    assert_int_equal(pixel[1], 1);
    assert_int_equal(pixel[2], 128);
    png_reads_back(&image);
    struct str ppm = {0};
    image_pnm(&image, &ppm);
    assert_memory_equal(ppm.text, "P6\n4 4\n255\n", 11);
    str_fini(&ppm);
    image_fini(&image);
    tiles.channels = 2;
    assert_int_equal(image_of_weights(&tiles, &image, NULL), 0);
    assert_int_equal(image.channels, 1);
    assert_int_equal(image.width, 2 * 2 + 2);
    assert_int_equal(image.pixels[6 + 1], 255);
    assert_int_equal(image.pixels[6 + 3], 1);
    image_fini(&image);
}

static void refuses_walls_of_pixels(void **state)
{
    (void)state;
    float w = 0;
    struct weight_tiles tiles = {.w = &w, .units = 1, .channels = 65536, .height = 1, .width = 1};
    struct image image;
    struct err err = ERR_NONE;
    assert_int_equal(image_of_weights(&tiles, &image, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "too large"));
    tiles = (struct weight_tiles){.w = &w, .units = INT32_MAX, .channels = 1, .height = 28, .width = 28};
    assert_int_equal(image_of_weights(&tiles, &image, &err), ERR_BAD);
}

/* White noise has 4*4 + 4 = 20; a wave over 28 pixels is smooth. */
static void roughness_tells_noise_from_stripes(void **state)
{
    (void)state;
    enum { UNITS = 50, SIDE = 28 };
    static float noise[UNITS * SIDE * SIDE], stripes[UNITS * SIDE * SIDE];
    struct rng rng = rng_at(1, 0, 0, 0);
    for (int i = 0; i < UNITS * SIDE * SIDE; i++) {
        noise[i] = (float)rng_normal(&rng);
        stripes[i] = sinf((float)(i % SIDE) * 0.6f + (float)(i / SIDE % SIDE) * 0.3f);
    }
    struct weight_tiles tiles = {.w = noise,
                                 .unit = SIDE * SIDE,
                                 .input = 1,
                                 .units = UNITS,
                                 .channels = 1,
                                 .height = SIDE,
                                 .width = SIDE};
    assert_true(fabs(tiles_roughness(&tiles) - 20) < 1);
    tiles.w = stripes;
    assert_true(tiles_roughness(&tiles) < 1);
    tiles.height = 2;
    assert_true(isnan(tiles_roughness(&tiles)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grey_tiles),
        cmocka_unit_test(layout_is_the_callers),
        cmocka_unit_test(three_channels_are_colour_two_are_not),
        cmocka_unit_test(refuses_walls_of_pixels),
        cmocka_unit_test(roughness_tells_noise_from_stripes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
