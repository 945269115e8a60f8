/* CIFAR-10's binary records: batches in order, missing ones, and every way in which a record can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/tools/scratch.h"
#include "worker/nn/data.h"

enum { RECORD = 3073, EACH = 8, BYTES = EACH * RECORD };

/* Record i of batch b: label i, red plane 10*b + i, green twice that, blue 255. */
static void batch_fill(int b, uint8_t out[BYTES])
{
    for (int i = 0; i < EACH; i++) {
        uint8_t *record = out + i * RECORD;
        record[0] = (uint8_t)i;
        memset(record + 1, 10 * b + i, 1024);
        memset(record + 1025, 2 * (10 * b + i), 1024);
        memset(record + 2049, 255, 1024);
    }
}

static void batch_write(const struct scratch *scratch, int b)
{
    uint8_t bytes[BYTES];
    char name[32];
    batch_fill(b, bytes);
    snprintf(name, sizeof name, "data_batch_%d.bin", b);
    scratch_write(scratch, name, bytes, BYTES);
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct scratch));
    scratch_init(*state);
    batch_write(*state, 1);
    batch_write(*state, 2);
    return 0;
}

static int teardown(void **state)
{
    scratch_fini(*state);
    free(*state);
    return 0;
}

static int load(const struct scratch *scratch, struct data_split *split, struct err *err)
{
    struct data_options options = {.spec = "cifar10:.", .base = scratch->folder, .seed = 1, .val_part = 0.25};
    return data_load(&options, split, err);
}

static void refused(const struct scratch *scratch, const char *file, const char *text)
{
    struct data_split split;
    struct err err = ERR_NONE;
    assert_true(load(scratch, &split, &err) < 0);
    if (!strstr(err.text, file) || !strstr(err.text, text))
        fail_msg("wanted \"%s\" and \"%s\" in \"%s\"", file, text, err.text);
    assert_null(split.train.x);
}

static void reads_batches(void **state)
{
    uint8_t bytes[BYTES];
    batch_fill(0, bytes);
    scratch_gzip(*state, "test_batch.bin.gz", bytes, BYTES);
    struct data_split s;
    struct err err = ERR_NONE;
    assert_int_equal(load(*state, &s, &err), 0);
    assert_int_equal(err.code, 0);
    assert_int_equal(s.train.n, 12);
    assert_int_equal(s.val.n, 4);
    assert_int_equal(s.test.n, EACH);
    assert_int_equal(s.train.channels, 3);
    assert_int_equal(s.train.height, 32);
    assert_int_equal(s.train.width, 32);
    assert_int_equal(s.train.classes, 10);
    for (int i = 0; i < s.train.n; i++) {
        const float *x = s.train.x + i * 3072;
        assert_int_equal((int)(x[0] * 255 + .5f) % 10, s.train.y[i]);
        assert_float_equal(x[1024], 2 * x[1023], 1e-6);
        assert_float_equal(x[3071], 1, 0);
    }
    data_split_fini(&s);
}

static void works_without_test_batch(void **state)
{
    struct data_split s;
    assert_int_equal(load(*state, &s, NULL), 0);
    assert_int_equal(s.test.n, 0);
    assert_int_equal(s.train.n + s.val.n, 2 * EACH);
    data_split_fini(&s);
}

static void refuses_missing_batches(void **state)
{
    batch_write(*state, 5);
    refused(*state, "", "has data_batch_5.bin but not data_batch_3.bin");
    scratch_remove(*state, "data_batch_1.bin");
    refused(*state, "data_batch_1.bin", "not there");
}

static void refuses_bad_records(void **state)
{
    uint8_t bytes[BYTES];
    batch_fill(2, bytes);
    scratch_write(*state, "data_batch_2.bin", bytes, BYTES - 1);
    refused(*state, "data_batch_2.bin", "offset 21511: expected a record of 3073 bytes, found 3072");
    scratch_write(*state, "data_batch_2.bin", bytes, 0);
    refused(*state, "data_batch_2.bin", "offset 0: expected a record of 3073 bytes, found 0");
    bytes[RECORD] = 10;
    scratch_write(*state, "data_batch_2.bin", bytes, BYTES);
    refused(*state, "data_batch_2.bin", "offset 3073: expected a label 0 .. 9, found 10");
    batch_write(*state, 2);
    scratch_write(*state, "test_batch.bin", bytes, BYTES);
    refused(*state, "test_batch.bin", "offset 3073: expected a label 0 .. 9, found 10");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_batches),
        TEST(works_without_test_batch),
        TEST(refuses_missing_batches),
        TEST(refuses_bad_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
