/* Tables: headers, quotes, label columns, the order of classes, and complaints by line and column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/check.h"
#include "common/str.h"
#include "tests/tools/scratch.h"
#include "worker/nn/data.h"

static int setup(void **state)
{
    *state = malloc(sizeof(struct scratch));
    scratch_init(*state);
    return 0;
}

static int teardown(void **state)
{
    scratch_fini(*state);
    free(*state);
    return 0;
}

static int load(const struct scratch *scratch, const char *spec, struct data_split *split, struct err *err)
{
    struct data_options options = {.spec = spec, .base = scratch->folder, .seed = 1, .val_part = 0.5};
    return data_load(&options, split, err);
}

static struct data_split loaded(const struct scratch *scratch, const char *spec)
{
    struct data_split split;
    struct err err = ERR_NONE;
    if (load(scratch, spec, &split, &err))
        fail_msg("%s: %s (%s)", spec, err.text, err.hint);
    return split;
}

static void refused(const struct scratch *scratch, const char *spec, const char *text, const char *hint)
{
    struct data_split split;
    struct err err = ERR_NONE;
    assert_true(load(scratch, spec, &split, &err) < 0);
    if (!strstr(err.text, text) || !strstr(err.hint, hint))
        fail_msg("wanted \"%s\" (%s) in \"%s\" (%s)", text, hint, err.text, err.hint);
    assert_null(split.train.x);
}

/* Class of the one sample whose first feature is x, in whichever part it is; -1: not there. */
static int class_of(const struct data_split *split, float x)
{
    const struct dataset *parts[] = {&split->train, &split->val, &split->test};
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < parts[p]->n; i++)
            if (parts[p]->x[i * dataset_width(parts[p])] == x)
                return parts[p]->y[i];
    return -1;
}

static void reads_header_and_names(void **state)
{
    scratch_text(*state, "t.csv", "kind,width,\"len, cm\"\ncat,1,-2.5e1\ndog,2, 4 \ncat,3,.5\n");
    struct data_split s = loaded(*state, "csv:t.csv?label=kind");
    assert_int_equal(s.train.n + s.val.n, 3);
    assert_int_equal(s.train.channels, 2);
    assert_int_equal(s.train.height * s.train.width, 1);
    assert_int_equal(s.train.classes, 2);
    assert_string_equal(s.labels[0], "cat");
    assert_string_equal(s.labels[1], "dog");
    assert_int_equal(class_of(&s, 1), 0);
    assert_int_equal(class_of(&s, 2), 1);
    assert_int_equal(class_of(&s, 3), 0);
    data_split_fini(&s);
    s = loaded(*state, "csv:t.csv?label=1");
    assert_int_equal(class_of(&s, 2), 1);
    data_split_fini(&s);
}

static void last_column_is_the_label(void **state)
{
    scratch_text(*state, "t.csv", "1,2,b\n3,4,a\n\n5,6,b\r\n\r\n7,8,c");
    struct data_split s = loaded(*state, "csv:t.csv");
    assert_int_equal(s.train.n + s.val.n, 4);
    assert_int_equal(s.train.classes, 3);
    assert_int_equal(class_of(&s, 1), 1);
    assert_int_equal(class_of(&s, 3), 0);
    assert_int_equal(class_of(&s, 7), 2);
    data_split_fini(&s);
}

static void orders_numbers_by_value(void **state)
{
    scratch_text(*state, "t.csv", "1,10\n2,9\n3,-1\n4,2.5\n5,10\n");
    struct data_split s = loaded(*state, "csv:t.csv");
    const char *order[] = {"-1", "2.5", "9", "10"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(s.labels[i], order[i]);
    assert_int_equal(class_of(&s, 1), 3);
    assert_int_equal(class_of(&s, 5), 3);
    data_split_fini(&s);
    scratch_text(*state, "t.csv", "1,10\n2,9\n3,nan\n");
    s = loaded(*state, "csv:t.csv");
    assert_string_equal(s.labels[0], "10"); /* as text: one of them is no number */
    data_split_fini(&s);
}

static void order_of_rows_is_no_order_of_classes(void **state)
{
    scratch_text(*state, "a.csv", "1,x\n2,y\n3,z\n");
    scratch_text(*state, "b.csv", "3,z\n2,y\n1,x\n");
    struct data_split a = loaded(*state, "csv:a.csv"), b = loaded(*state, "csv:b.csv");
    for (int i = 1; i <= 3; i++)
        assert_int_equal(class_of(&a, (float)i), class_of(&b, (float)i));
    data_split_fini(&a);
    data_split_fini(&b);
}

static void understands_quotes(void **state)
{
    scratch_text(*state, "t.csv",
                 "x,\"the \"\"label\"\"\"\n\"1\",\"a\nb\"\n2,\"say \"\"no\"\"\"\n3,\"\"\"\"\n");
    struct data_split s = loaded(*state, "csv:t.csv?label=the \"label\"");
    assert_int_equal(s.train.classes, 3);
    assert_string_equal(s.labels[0], "\"");
    assert_string_equal(s.labels[1], "a\nb");
    assert_string_equal(s.labels[2], "say \"no\"");
    data_split_fini(&s);
}

static void reads_packed_and_marked_files(void **state)
{
    static const char text[] = "\xEF\xBB\xBF"
                               "a,b\n1,x\n2,y\n";
    scratch_gzip(*state, "t.csv.gz", text, sizeof text - 1);
    struct data_split s = loaded(*state, "csv:t.csv.gz?label=b");
    assert_int_equal(s.train.n + s.val.n, 2);
    data_split_fini(&s);
    s = loaded(*state, "csv:t.csv?label=b"); /* .gz is found without being named */
    data_split_fini(&s);
    scratch_text(*state, "m.csv",
                 "\xEF\xBB\xBF"
                 "1,x\n2,y\n");
    s = loaded(*state, "csv:m.csv"); /* the mark is not part of the first cell */
    assert_int_equal(s.train.n + s.val.n, 2);
    data_split_fini(&s);
}

static void header_can_be_said(void **state)
{
    scratch_text(*state, "t.csv", "0,1\n5,2\n6,3\n");
    struct data_split s = loaded(*state, "csv:t.csv");
    assert_int_equal(s.train.n + s.val.n, 3);
    data_split_fini(&s);
    s = loaded(*state, "csv:t.csv?header=yes");
    assert_int_equal(s.train.n + s.val.n, 2);
    data_split_fini(&s);
    scratch_text(*state, "m.csv", "label,1x1,1x2\n5,2,1\n6,3,1\n"); /* names that begin like numbers */
    s = loaded(*state, "csv:m.csv?label=label");
    assert_int_equal(s.train.n + s.val.n, 2);
    data_split_fini(&s);
}

static void reads_held_out_file(void **state)
{
    scratch_text(*state, "t.csv", "x,y\n1,b\n2,a\n3,c\n");
    scratch_text(*state, "u.csv", "x,y\n11,c\n12,a\n");
    struct data_split s = loaded(*state, "csv:t.csv?label=y&test=u.csv");
    assert_int_equal(s.test.n, 2);
    assert_int_equal(s.test.classes, 3);
    assert_int_equal(s.test.y[0], 2);
    assert_int_equal(s.test.y[1], 0);
    data_split_fini(&s);
    scratch_text(*state, "u.csv", "x,y\n11,c\n12,d\n");
    refused(*state, "csv:t.csv?label=y&test=u.csv",
            "u.csv: line 3, column 2 (y): \"d\" is no label of the training file", "");
    scratch_text(*state, "u.csv", "y,x\n11,c\n");
    refused(*state, "csv:t.csv?label=y&test=u.csv", "u.csv: line 1, column 1: expected \"x\" as in", "");
    scratch_text(*state, "u.csv", "x,z,y\n11,1,c\n");
    refused(*state, "csv:t.csv?label=y&test=u.csv", "u.csv: line 1: expected 2 columns as in", "");
}

static void names_bad_cells(void **state)
{
    static const struct {
        const char *text, *complaint, *hint;
    } cases[] = {
        {"a,b\n1,x\n,y\n", "line 3, column 1 (a): \"\" is not a finite number", "missing values"},
        {"1,2,x\nzwei,3,y\n", "line 2, column 1: \"zwei\" is not a finite number", ""},
        {"1,2,x\n1,nan,y\n", "line 2, column 2: \"nan\" is not a finite number", ""},
        {"1,2,x\n1,0x10,y\n", "line 2, column 2: \"0x10\" is not a finite number", ""},
        {"1,2,x\n1,1e999,y\n", "line 2, column 2: \"1e999\" is not a finite number", ""},
        {"1,2,x\n1,1e39,y\n", "line 2, column 2: \"1e39\" is too large for single precision", ""},
        {"1,2,x\n1,2 3,y\n", "line 2, column 2: \"2 3\" is not a finite number", ""},
        {"1,2,x\n1,2, \n", "line 2, column 3: \" \" is no label", ""},
        {"1,2,x\n1,\"a\nb\",y\n1,?,z\n",
         "line 2, column 2: \"a\nb\" is not a finite number; line 4, column 2: \"?\"", ""},
        {"1,x\na,x\nb,x\nc,x\nd,x\ne,x\nf,x\n", "line 5, column 1: \"d\" is not a finite number",
         "and 2 more bad cells"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scratch_text(*state, "t.csv", cases[i].text);
        refused(*state, "csv:t.csv", cases[i].complaint, cases[i].hint);
    }
}

static void names_bad_shapes(void **state)
{
    static const struct {
        const char *text, *complaint, *hint;
    } cases[] = {
        {"", "t.csv: is empty", ""},
        {"\n\n", "t.csv: is empty", ""},
        {"a,b\n", "has a header and no rows", ""},
        {"1;2;3\n", "line 1: expected at least one feature and a label, found one column",
         "separated by commas"},
        {"1,2\n1,2,3\n", "line 2: expected 2 cells as in the first row, found 3", ""},
        {"1,2\n\n1\n", "line 3: expected 2 cells as in the first row, found 1", ""},
        {"1,\"2\n", "line 1: a quote that never closes", ""},
        {"1,\"2\"3\n", "line 1: text after a closing quote", ""},
        {"1,a\n", "expected at least two classes", ""},
        {"1,a\n2,a\n3,a\n", "expected at least two classes", ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scratch_text(*state, "t.csv", cases[i].text);
        struct data_split split;
        struct err err = ERR_NONE;
        struct data_options options = {.spec = "csv:t.csv", .base = ((struct scratch *)*state)->folder};
        assert_true(data_load(&options, &split, &err) < 0);
        if (!strstr(err.text, cases[i].complaint))
            fail_msg("wanted \"%s\" in \"%s\"", cases[i].complaint, err.text);
        assert_non_null(strstr(err.hint, cases[i].hint));
    }
    scratch_write(*state, "t.csv", "1,2\n1,\0\n", 8);
    refused(*state, "csv:t.csv", "line 2: a NUL byte", "idx:DIR");
}

static void names_missing_label_columns(void **state)
{
    scratch_text(*state, "t.csv", "a,b\n1,2\n3,4\n");
    refused(*state, "csv:t.csv?label=c", "no column \"c\"", "its 2 columns are a, b");
    refused(*state, "csv:t.csv?label=0", "no column \"0\"", "a, b");
    refused(*state, "csv:t.csv?label=3&header=no", "no column \"3\"", "by its number, 1 .. 2");
    refused(*state, "csv:nope.csv", "nope.csv: not there, nor nope.csv.gz", "");
}

static void refuses_endless_rows_and_labels(void **state)
{
    struct str text = {0};
    for (int i = 0; i < (2 << 20); i++)
        str_addc(&text, '1');
    scratch_write(*state, "t.csv", text.text, text.len);
    refused(*state, "csv:t.csv", "line 1: longer than 1 MiB", "");
    str_clear(&text);
    for (int i = 0; i < 70000; i++)
        str_add(&text, "1,");
    scratch_write(*state, "t.csv", text.text, text.len);
    refused(*state, "csv:t.csv", "line 1: more than 65,536 cells", "");
    str_clear(&text);
    for (int i = 0; i < 10001; i++)
        str_addf(&text, "1,%d\n", i);
    scratch_write(*state, "t.csv", text.text, text.len);
    refused(*state, "csv:t.csv", "column 2 has more than 10000 different labels", "?label=NAME");
    str_clear(&text);
    str_add(&text, "1,");
    for (int i = 0; i < 300; i++)
        str_addc(&text, 'x');
    scratch_write(*state, "t.csv", text.text, text.len);
    refused(*state, "csv:t.csv?header=no", "is too long for a label", "");
    str_fini(&text);
}

static void refuses_torn_packing(void **state)
{
    struct str text = {0};
    for (int i = 0; i < 5000; i++)
        str_addf(&text, "%d,%d\n", i * 7919 % 10007, i % 3);
    scratch_gzip(*state, "t.csv.gz", text.text, text.len);
    scratch_cut(*state, "t.csv.gz", 5000);
    refused(*state, "csv:t.csv", "damaged or cut short", "gzip -t");
    str_fini(&text);
}

/* Rows longer than the read-ahead, so that cells cross its end. */
static void reads_across_its_buffer(void **state)
{
    struct str text = {0};
    for (int row = 0; row < 9; row++) {
        for (int i = 0; i < 12000; i++)
            str_addf(&text, "%d,", row * 10000 + i % 7);
        str_addf(&text, "\"class %d\"\n", row % 3);
    }
    scratch_write(*state, "t.csv", text.text, text.len);
    struct data_split s = loaded(*state, "csv:t.csv");
    assert_int_equal(s.train.channels, 12000);
    for (int row = 0; row < 9; row++)
        assert_int_equal(class_of(&s, (float)row * 10000), row % 3);
    for (int i = 0; i < s.train.n; i++)
        for (int f = 0; f < 12000; f++)
            assert_float_equal(s.train.x[i * 12000 + f], s.train.x[i * 12000] + (float)(f % 7), 0);
    data_split_fini(&s);
    str_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_header_and_names),
        TEST(last_column_is_the_label),
        TEST(orders_numbers_by_value),
        TEST(order_of_rows_is_no_order_of_classes),
        TEST(understands_quotes),
        TEST(reads_packed_and_marked_files),
        TEST(header_can_be_said),
        TEST(reads_held_out_file),
        TEST(names_bad_cells),
        TEST(names_bad_shapes),
        TEST(names_missing_label_columns),
        TEST(refuses_endless_rows_and_labels),
        TEST(refuses_torn_packing),
        TEST(reads_across_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
