/* rng and hash: numbers that must never change, for they are part of every replay. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/rng.h"

/* The known answers published with Philox4x32-10: zeros, ones, and digits of pi. */
static void philox_gives_the_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t ctr[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        uint32_t out[4];
        philox4x32_10(known[i].ctr, known[i].key, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

static void a_stream_is_named_not_seeded(void **state)
{
    (void)state;
    struct rng a = rng_at(7, 3, hash_name("lr"), 0), b = rng_at(7, 3, hash_name("lr"), 0);
    struct rng other_trial = rng_at(7, 4, hash_name("lr"), 0), other_name = rng_at(7, 3, hash_name("l2"), 0);
    uint64_t first = rng_u64(&a);
    assert_int_equal(first, rng_u64(&b));
    assert_int_not_equal(first, rng_u64(&other_trial));
    assert_int_not_equal(first, rng_u64(&other_name));
    /* word 0 is the trial, 1 the name, 2 the stream, 3 the draw; the key is the seed, low half first */
    struct rng zero = rng_at(0, 0, 0, 0);
    assert_int_equal(rng_u32(&zero), 0x6627e8d5);
    assert_int_equal(rng_u32(&zero), 0xe169c58d);
    struct rng copy = a; /* a plain value: a checkpoint goes on from exactly here */
    assert_int_equal(rng_u32(&a), rng_u32(&copy));
}

static void units_are_uniform(void **state)
{
    (void)state;
    enum { DRAWS = 200000, BINS = 50 };
    int bins[BINS] = {0};
    double sum = 0, squares = 0;
    struct rng rng = rng_at(42, 1, 2, 3);
    for (int i = 0; i < DRAWS; i++) {
        double u = rng_unit(&rng);
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * BINS)]++;
        sum += u;
        squares += u * u;
    }
    double chi2 = 0, expected = (double)DRAWS / BINS;
    for (int i = 0; i < BINS; i++)
        chi2 += (bins[i] - expected) * (bins[i] - expected) / expected;
    assert_true(chi2 < 85.4); /* 49 degrees of freedom, p = 0.001 */
    assert_true(fabs(sum / DRAWS - 0.5) < 0.003);
    assert_true(fabs(squares / DRAWS - 1.0 / 3) < 0.003);
}

static void below_is_unbiased(void **state)
{
    (void)state;
    /* 3 * 2^30 does not divide 2^32: without rejection the lower third would come up half as often again. */
    const uint32_t count = 3u << 30;
    struct rng rng = rng_at(1, 1, 1, 1);
    int thirds[3] = {0};
    for (int i = 0; i < 90000; i++)
        thirds[rng_below(&rng, count) / (1u << 30)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(thirds[i], 29400, 30600);
    for (uint32_t n = 1; n < 50; n++)
        assert_true(rng_below(&rng, n) < n);
}

static void normals_have_mean_0_and_sd_1(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    struct rng rng = rng_at(9, 9, 9, 9);
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = rng_normal(&rng);
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    assert_true(fabs(sum / DRAWS) < 0.01);
    assert_true(fabs(squares / DRAWS - 1) < 0.02);
    assert_true(fabs(fourth / DRAWS - 3) < 0.15);
}

static void open_never_is_0_or_1(void **state)
{
    (void)state;
    struct rng rng = rng_at(5, 0, 0, 0);
    for (int i = 0; i < 100000; i++) {
        double u = rng_open(&rng);
        assert_true(u > 0 && u < 1);
    }
}

static void a_shuffle_is_a_fair_permutation(void **state)
{
    (void)state;
    int where[4][4] = {{0}};
    for (uint32_t round = 0; round < 8000; round++) {
        uint32_t items[4] = {0, 1, 2, 3}, seen = 0;
        struct rng rng = rng_at(11, round, 0, 0);
        rng_shuffle(&rng, items, 4);
        for (int i = 0; i < 4; i++) {
            seen |= 1u << items[i];
            where[items[i]][i]++;
        }
        assert_int_equal(seen, 15);
    }
    for (int i = 0; i < 16; i++)
        assert_in_range(where[i / 4][i % 4], 1850, 2150);
}

static void hashes_are_the_published_functions(void **state)
{
    (void)state;
    assert_int_equal(hash_name(""), 0x811c9dc5); /* FNV-1a, 32 bits */
    assert_int_equal(hash_name("a"), 0xe40c292c);
    assert_int_equal(hash_name("foobar"), 0xbf9cf968);
    assert_int_equal(hash_mix(0, 0), 0xe220a8397b1dcdaf); /* first output of splitmix64 from 0 */
    assert_int_equal(hash_mix(0, 1), 0x6e789e6aa1b965f4);
    char hex[HASH_HEX];
    hash_bytes("", 0, hex); /* BLAKE2b with 16 bytes of digest */
    assert_string_equal(hex, "cae66941d9efbd404e4d88758ea67670");
    hash_bytes("abc", 3, hex);
    assert_string_equal(hex, "cf4ab791c62b8d2b2109c90275287816");
}

static void random_tokens_differ(void **state)
{
    (void)state;
    char a[HASH_HEX], b[HASH_HEX];
    random_hex(a);
    random_hex(b);
    assert_int_equal(strlen(a), 32);
    assert_string_not_equal(a, b);
    for (int i = 0; i < 100; i++)
        assert_true(random_seed() < UINT64_C(1) << 53);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers),
        cmocka_unit_test(a_stream_is_named_not_seeded),
        cmocka_unit_test(units_are_uniform),
        cmocka_unit_test(below_is_unbiased),
        cmocka_unit_test(normals_have_mean_0_and_sd_1),
        cmocka_unit_test(open_never_is_0_or_1),
        cmocka_unit_test(a_shuffle_is_a_fair_permutation),
        cmocka_unit_test(hashes_are_the_published_functions),
        cmocka_unit_test(random_tokens_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
