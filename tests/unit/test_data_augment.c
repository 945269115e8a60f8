/* Augmentation moves whole pixels, inside the shape, by its stream alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/nn/data.h"

enum { N = 300, C = 2, H = 5, W = 7, AREA = H * W, VALUES = N * C * AREA };

/* Channel 0 numbers the pixels from 1; channel 1 is the same plus 100. */
static void batch_fill(float x[VALUES])
{
    for (int i = 0; i < N * C; i++)
        for (int p = 0; p < AREA; p++)
            x[i * AREA + p] = (float)(p + 1 + 100 * (i % C));
}

static int clamped(int at, int size)
{
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/* The image moved by (dy, dx): outside repeats the edge, or is 0. */
static bool moved_by(const float *x, int dy, int dx, bool mirror, bool zeros)
{
    for (int c = 0; c < C; c++)
        for (int r = 0; r < H; r++)
            for (int k = 0; k < W; k++) {
                int column = mirror ? W - 1 - k : k, from_r = r + dy, from_k = column + dx;
                bool outside = from_r < 0 || from_r >= H || from_k < 0 || from_k >= W;
                float expected = (float)(clamped(from_r, H) * W + clamped(from_k, W) + 1 + 100 * c);
                if (x[(c * H + r) * W + k] != (outside && zeros ? 0 : expected))
                    return false;
            }
    return true;
}

static void nothing_asked_nothing_done(void **state)
{
    (void)state;
    static float x[VALUES], old[VALUES];
    batch_fill(x);
    memcpy(old, x, sizeof x);
    struct rng rng = rng_at(1, 2, 3, 4), before = rng;
    augment_batch(x, N, C, H, W, &(struct augment_options){0}, &rng);
    assert_memory_equal(x, old, sizeof x);
    assert_int_equal(rng_u32(&rng), rng_u32(&before));
}

static void shift_repeats_the_edge(void **state)
{
    (void)state;
    static float x[VALUES];
    batch_fill(x);
    struct rng rng = rng_at(1, 0, 0, 0);
    augment_batch(x, N, C, H, W, &(struct augment_options){.shift = 2}, &rng);
    int seen[5][5] = {{0}};
    for (int i = 0; i < N; i++) {
        int hits = 0;
        for (int dy = -2; dy <= 2; dy++)
            for (int dx = -2; dx <= 2; dx++)
                if (moved_by(x + i * C * AREA, dy, dx, false, false)) {
                    seen[dy + 2][dx + 2]++;
                    hits++;
                }
        assert_int_equal(hits, 1);
    }
    for (int i = 0; i < 25; i++)
        assert_true(seen[i / 5][i % 5] > 0);
}

static void flip_mirrors_half_of_them(void **state)
{
    (void)state;
    static float x[VALUES];
    batch_fill(x);
    struct rng rng = rng_at(1, 0, 0, 0);
    augment_batch(x, N, C, H, W, &(struct augment_options){.flip = true}, &rng);
    int mirrored = 0;
    for (int i = 0; i < N; i++) {
        bool is = moved_by(x + i * C * AREA, 0, 0, true, false);
        assert_true(is || moved_by(x + i * C * AREA, 0, 0, false, false));
        mirrored += is;
    }
    assert_in_range(mirrored, N / 3, 2 * N / 3);
}

static void crop_pads_with_zeros(void **state)
{
    (void)state;
    static float x[VALUES];
    batch_fill(x);
    struct rng rng = rng_at(1, 0, 0, 0);
    augment_batch(x, N, C, H, W, &(struct augment_options){.crop_pad = 1}, &rng);
    for (int i = 0; i < N; i++) {
        int hits = 0;
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++)
                hits += moved_by(x + i * C * AREA, dy, dx, false, true);
        assert_int_equal(hits, 1);
    }
}

static void stream_decides(void **state)
{
    (void)state;
    static float a[VALUES], b[VALUES], c[VALUES];
    struct augment_options options = {.shift = 1, .flip = true, .crop_pad = 9};
    struct rng ra = rng_at(1, 0, 0, 0), rb = ra, rc = rng_at(2, 0, 0, 0);
    batch_fill(a);
    batch_fill(b);
    batch_fill(c);
    augment_batch(a, N, C, H, W, &options, &ra);
    augment_batch(b, 100, C, H, W, &options, &rb); /* in two parts: the same */
    augment_batch(b + 100 * C * AREA, N - 100, C, H, W, &options, &rb);
    augment_batch(c, N, C, H, W, &options, &rc);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_asked_nothing_done),
        cmocka_unit_test(shift_repeats_the_edge),
        cmocka_unit_test(flip_mirrors_half_of_them),
        cmocka_unit_test(crop_pads_with_zeros),
        cmocka_unit_test(stream_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
