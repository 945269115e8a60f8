/* IDX: files written here, plain and packed, and each way in which they can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "tests/tools/scratch.h"
#include "worker/nn/data.h"

#define TRAIN_X "train-images-idx3-ubyte"
#define TRAIN_Y "train-labels-idx1-ubyte"
#define TEST_X "t10k-images-idx3-ubyte"
#define TEST_Y "t10k-labels-idx1-ubyte"

enum { N = 40, H = 2, W = 3, IMAGES = 16 + N * H * W, LABELS = 8 + N };

/* Pixel p of sample i is i*6 + p; its label is i % 10. */
static void images(uint8_t out[IMAGES])
{
    static const uint8_t head[16] = {0, 0, 8, 3, 0, 0, 0, N, 0, 0, 0, H, 0, 0, 0, W};
    memcpy(out, head, sizeof head);
    for (int i = 0; i < N * H * W; i++)
        out[16 + i] = (uint8_t)i;
}

static void labels(uint8_t out[LABELS])
{
    static const uint8_t head[8] = {0, 0, 8, 1, 0, 0, 0, N};
    memcpy(out, head, sizeof head);
    for (int i = 0; i < N; i++)
        out[8 + i] = (uint8_t)(i % 10);
}

static void write_all(const struct scratch *scratch)
{
    uint8_t x[IMAGES], y[LABELS];
    images(x);
    labels(y);
    scratch_write(scratch, TRAIN_X, x, sizeof x);
    scratch_write(scratch, TRAIN_Y, y, sizeof y);
    scratch_write(scratch, TEST_X, x, sizeof x);
    scratch_write(scratch, TEST_Y, y, sizeof y);
}

static int setup(void **state)
{
    struct scratch *scratch = malloc(sizeof *scratch);
    scratch_init(scratch);
    write_all(scratch);
    *state = scratch;
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
    struct data_options options = {.spec = "idx:.", .base = scratch->folder, .seed = 1};
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

/* Every sample is in one place, with its own label and pixels. */
static void sample_whole(const struct dataset *set, int row, bool *seen)
{
    const float *x = set->x + row * dataset_width(set);
    int first = (int)(x[0] * 255 + 0.5f), sample = first / 6;
    assert_int_equal(first % 6, 0);
    assert_false(seen[sample]);
    seen[sample] = true;
    assert_int_equal(set->y[row], sample % 10);
    for (int p = 0; p < H * W; p++)
        assert_float_equal(x[p], (float)(first + p) / 255, 1e-7);
}

static void check_split(const struct data_split *split)
{
    bool seen[N] = {false};
    assert_int_equal(split->train.n, 36);
    assert_int_equal(split->val.n, 4);
    assert_int_equal(split->test.n, N);
    assert_int_equal(split->train.channels, 1);
    assert_int_equal(split->train.height, H);
    assert_int_equal(split->train.width, W);
    assert_int_equal(split->train.classes, 10);
    for (int i = 0; i < 36; i++)
        sample_whole(&split->train, i, seen);
    for (int i = 0; i < 4; i++)
        sample_whole(&split->val, i, seen);
    for (int i = 0; i < N; i++)
        assert_int_equal(split->test.y[i], i % 10); /* in the file's order */
}

static void reads_plain_files(void **state)
{
    struct data_split split;
    assert_int_equal(load(*state, &split, NULL), 0);
    check_split(&split);
    data_split_fini(&split);
}

static void reads_packed_files(void **state)
{
    struct scratch *scratch = *state;
    uint8_t x[IMAGES], y[LABELS];
    images(x);
    labels(y);
    const char *names[] = {TRAIN_X, TRAIN_Y, TEST_X, TEST_Y};
    for (int i = 0; i < 4; i++)
        scratch_remove(scratch, names[i]);
    scratch_gzip(scratch, TRAIN_X ".gz", x, sizeof x);
    scratch_gzip(scratch, TRAIN_Y ".gz", y, sizeof y);
    scratch_gzip(scratch, TEST_X ".gz", x, sizeof x);
    scratch_write(scratch, TEST_Y, y, sizeof y); /* mixed is fine */
    struct data_split split;
    assert_int_equal(load(scratch, &split, NULL), 0);
    check_split(&split);
    data_split_fini(&split);
}

static void works_without_test_files(void **state)
{
    scratch_remove(*state, TEST_X);
    refused(*state, TEST_X, "not there");
    scratch_remove(*state, TEST_Y);
    struct data_split split;
    struct err err = ERR_NONE;
    assert_int_equal(load(*state, &split, &err), 0);
    assert_int_equal(err.code, 0);
    assert_int_equal(split.test.n, 0);
    data_split_fini(&split);
}

static void names_missing_files(void **state)
{
    scratch_remove(*state, TRAIN_Y);
    refused(*state, TRAIN_Y, "nor " TRAIN_Y ".gz");
    scratch_remove(*state, TRAIN_X);
    refused(*state, TRAIN_X, "not there");
}

static void refuses_headers(void **state)
{
    struct scratch *scratch = *state;
    static const struct {
        int at;
        uint8_t byte;
        const char *text;
    } cases[] = {
        {0, 1, "offset 0: expected 00 00 08 03 (images, bytes), found 01 00 08 03"},
        {2, 0x0d, "expected 00 00 08 03 (images, bytes), found 00 00 0d 03"}, /* floats */
        {3, 1, "found 00 00 08 01 (labels)"},
        {4, 0xff, "offset 4: expected 1 .. 1073741824 samples, found 4278190120"},
        {4, 0x30, "expected at most 2^30 values"},
        {5, 1, "offset 4: expected 393472 bytes"}, /* 65576 images */
        {7, 0, "offset 4: expected 1 .. 1073741824 samples, found 0"},
        {7, N + 1, "offset 4: expected 262 bytes after what the header says, found a file of 256"},
        {7, N - 1, "offset 250: expected the end of the file after the last image, found more"},
        {8, 1, "offset 8: expected 1 .. 4096 pixels, found 16777218"},
        {15, 0, "offset 12: expected 1 .. 4096 pixels, found 0"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t x[IMAGES];
        images(x);
        x[cases[i].at] = cases[i].byte;
        scratch_write(scratch, TRAIN_X, x, sizeof x);
        refused(scratch, TRAIN_X, cases[i].text);
    }
}

static void refuses_labels(void **state)
{
    struct scratch *scratch = *state;
    uint8_t y[LABELS], x[IMAGES];
    labels(y);
    y[7] = N - 1;
    scratch_write(scratch, TRAIN_Y, y, sizeof y - 1);
    refused(scratch, TRAIN_Y, "offset 4: expected 40 labels, one for each image, found 39");
    y[7] = N;
    scratch_write(scratch, TRAIN_Y, y, sizeof y - 1);
    refused(scratch, TRAIN_Y, "offset 4: expected 48 bytes after what the header says, found a file of 47");
    images(x);
    scratch_write(scratch, TRAIN_Y, x, sizeof x);
    refused(scratch, TRAIN_Y, "offset 0: expected 00 00 08 01 (labels, bytes), found 00 00 08 03 (images)");
    memset(y + 8, 3, N);
    scratch_write(scratch, TRAIN_Y, y, sizeof y);
    scratch_write(scratch, TEST_Y, y, sizeof y);
    labels(y);
    scratch_write(scratch, TEST_Y, y, sizeof y);
    refused(scratch, "t10k-labels", "expected labels 0 .. 3 as in the training file, found 9");
}

static void refuses_one_class(void **state)
{
    uint8_t y[LABELS];
    labels(y);
    memset(y + 8, 0, N);
    scratch_write(*state, TRAIN_Y, y, sizeof y);
    scratch_write(*state, TEST_Y, y, sizeof y);
    refused(*state, "idx:.", "expected at least two classes");
}

static void refuses_other_test_images(void **state)
{
    uint8_t x[IMAGES];
    images(x);
    x[11] = W;
    x[15] = H;
    scratch_write(*state, TEST_X, x, sizeof x);
    refused(*state, "t10k-images", "expected images of 2 x 3 as in the training file, found 3 x 2");
}

static void refuses_every_shorter_file(void **state)
{
    for (size_t len = 0; len < IMAGES; len += len < 20 ? 1 : 37) {
        uint8_t x[IMAGES];
        images(x);
        scratch_write(*state, TRAIN_X, x, len);
        refused(*state, TRAIN_X, "offset ");
    }
}

static void refuses_every_shorter_packed_file(void **state)
{
    struct scratch *scratch = *state;
    uint8_t x[IMAGES];
    images(x);
    scratch_remove(scratch, TRAIN_X);
    for (size_t len = 1; len < 200; len += 7) {
        scratch_gzip(scratch, TRAIN_X ".gz", x, sizeof x);
        scratch_cut(scratch, TRAIN_X ".gz", len);
        refused(scratch, TRAIN_X ".gz", "offset ");
    }
}

/* 2^30 pixels in a packed file of a few bytes: refused before anything is allocated. */
static void believes_no_packed_header(void **state)
{
    struct scratch *scratch = *state;
    uint8_t x[16] = {0, 0, 8, 3, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 4, 0};
    scratch_remove(scratch, TRAIN_X);
    scratch_gzip(scratch, TRAIN_X ".gz", x, sizeof x);
    refused(scratch, TRAIN_X ".gz", "which cannot hold them even packed");
    x[10] = 0;
    x[14] = 0;
    x[11] = x[15] = 1;
    scratch_gzip(scratch, TRAIN_X ".gz", x, sizeof x);
    refused(scratch, TRAIN_X ".gz", "expected 1024 bytes of pixels, found 0: the file is cut short");
}

static void refuses_damaged_packing(void **state)
{
    struct scratch *scratch = *state;
    uint8_t x[64] = {0x1f, 0x8b, 8};
    memset(x + 10, 0xff, sizeof x - 10);
    scratch_remove(scratch, TRAIN_X);
    scratch_write(scratch, TRAIN_X ".gz", x, sizeof x);
    refused(scratch, TRAIN_X ".gz", "damaged or cut short");
}

static void refuses_a_folder_as_a_file(void **state)
{
    struct scratch *scratch = *state;
    struct data_options options = {.spec = "csv:.", .base = scratch->folder};
    struct data_split split;
    struct err err = ERR_NONE;
    assert_int_equal(data_load(&options, &split, &err), ERR_BAD);
    assert_non_null(strstr(err.text, "is not a regular file"));
}

/* The real thing, where someone has it: HONE_MNIST=DIR. Sizes and class counts are those of the files. */
static void reads_mnist(void **state)
{
    (void)state;
    const char *folder = getenv("HONE_MNIST");
    if (!folder) {
        print_message("HONE_MNIST is not set to a folder with MNIST's files\n");
        skip();
    }
    struct data_options options = {.spec = "idx:.", .base = folder, .seed = 1, .normalize = 1};
    struct data_split split;
    struct err err = ERR_NONE;
    if (data_load(&options, &split, &err))
        fail_msg("%s", err.text);
    assert_int_equal(split.train.n + split.val.n, split.train.n + split.val.n < 60000 ? 10000 : 60000);
    assert_int_equal(split.test.n, 10000);
    assert_int_equal(split.train.classes, 10);
    assert_int_equal(dataset_width(&split.train), 784);
    int count[10] = {0};
    for (int i = 0; i < split.test.n; i++)
        count[split.test.y[i]]++;
    assert_int_equal(count[0], 980);
    assert_int_equal(count[1], 1135);
    assert_float_equal(split.norm.mean[0], 0.1307, 0.003);
    assert_float_equal(1 / split.norm.scale[0], 0.3081, 0.003);
    data_split_fini(&split);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_plain_files),
        TEST(reads_packed_files),
        TEST(works_without_test_files),
        TEST(names_missing_files),
        TEST(refuses_headers),
        TEST(refuses_labels),
        TEST(refuses_one_class),
        TEST(refuses_other_test_images),
        TEST(refuses_every_shorter_file),
        TEST(refuses_every_shorter_packed_file),
        TEST(believes_no_packed_header),
        TEST(refuses_damaged_packing),
        TEST(refuses_a_folder_as_a_file),
        cmocka_unit_test(reads_mnist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
