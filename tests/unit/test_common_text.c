/* str, units and err: what people read and write. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/err.h"
#include "common/mem.h"
#include "common/rng.h"
#include "common/str.h"
#include "common/units.h"

static void a_str_grows_and_gives_its_text_away(void **state)
{
    (void)state;
    struct str s = {0};
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 1000; i++)
        str_addf(&s, "%d,", i);
    assert_int_equal(s.len, strlen(s.text));
    assert_memory_equal(s.text, "0,1,2,3,", 8);
    str_clear(&s);
    assert_string_equal(str_text(&s), "");
    str_addf(&s, "%*s|", 5000, "x"); /* longer than the small buffer inside */
    assert_int_equal(s.len, 5001);
    char *taken = str_take(&s);
    assert_int_equal(strlen(taken), 5001);
    free(taken);
    taken = str_take(&s);
    assert_string_equal(taken, "");
    free(taken);
    str_fini(&s);
    str_fini(&s);
}

static void numbers_print_short_and_read_back_the_same(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},           {-0.0, "-0"},
        {0.1, "0.1"},       {1.0 / 3, "0.3333333333333333"},
        {1e-6, "1e-06"},    {100, "100"},
        {-7, "-7"},         {9007199254740991.0, "9007199254740991"},
        {1e22, "1e+22"},    {0.1 + 0.2, "0.30000000000000004"},
        {5e-324, "5e-324"}, {INFINITY, "null"},
        {NAN, "null"},      {DBL_MAX, "1.7976931348623157e+308"},
    };
    char text[32];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        num_text(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
    struct rng rng = rng_at(1, 0, 0, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_u64(&rng);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        num_text(value, text);
        back = strtod(text, NULL);
        assert_memory_equal(&value, &back, sizeof value);
    }
}

static void names_are_checked_and_compared(void **state)
{
    (void)state;
    char long_name[66];
    memset(long_name, 'a', 65);
    long_name[65] = '\0';
    assert_false(name_ok(long_name));
    long_name[64] = '\0';
    assert_true(name_ok(long_name));
    assert_true(name_ok("_lr.x-2"));
    assert_false(name_ok(""));
    assert_false(name_ok("2lr"));
    assert_false(name_ok("lr rate"));
    assert_false(name_ok("l\xc3\xa4r"));
    assert_true(str_same_nocase("Lr", "lR"));
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    assert_int_equal(str_distance("", "abc"), 3);
    assert_int_equal(str_distance("LR", "lr"), 0);
    assert_int_equal(str_distance("mpl", "mlp"), 1); /* two letters swapped are one slip */
    assert_int_equal(str_distance("bacth", "batch"), 1);
    assert_int_equal(str_distance("ab", "ba"), 1);
    assert_true(str_starts("trials", "tri"));
    assert_false(str_starts("tr", "tri"));
    char field[4];
    assert_true(str_copy(field, sizeof field, "abc"));
    assert_false(str_copy(field, sizeof field, "abcd"));
    assert_string_equal(field, "");
}

static void utf8_is_what_the_rfc_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"a", 1},
        {"\xc3\xa4", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xc3", 0},             /* half a character */
        {"\xa4", 0},             /* its other half */
        {"\xc0\xaf", 0},         /* a slash, longer than needed */
        {"\xe0\x80\xaf", 0},     /* the same */
        {"\xed\xa0\x80", 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
        {"\xff", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(utf8_width(cases[i].text, strlen(cases[i].text)), cases[i].width);
    assert_int_equal(utf8_width("", 0), 0);
    static const char long_text[] = "twenty plain letters, then \xe2\x82\xac, then half of one: \xe2\x82";
    assert_int_equal(utf8_wrong_at(long_text, sizeof long_text - 1), sizeof long_text - 3);
    assert_int_equal(utf8_wrong_at(long_text, 30), 30);
}

static void durations_read_and_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"250ms", 250}, {"90s", 90000}, {"2h30m", 9000000}, {"2h 30m", 9000000}, {"1d", 86400000},
        {"1.5s", 1500}, {"0s", 0},      {"1w", 604800000},  {".5m", 30000},      {"1e3ms", 1000},
    };
    static const char *const bad[] = {"",     "90",    "s",  "-1s",     "1h30",   "infs",
                                      "nans", "0x10s", "1y", "200000d", "1e999s", " "};
    int64_t ms;
    struct err err = ERR_NONE;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(duration_parse(good[i].text, &ms, &err), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(duration_parse(bad[i], &ms, &err), ERR_BAD);
    static const struct {
        int64_t ms;
        const char *text;
    } shown[] = {
        {0, "0ms"},     {850, "850ms"},    {4200, "4.2s"},      {9999, "9.9s"},        {45000, "45s"},
        {59999, "59s"}, {90000, "1m 30s"}, {9000000, "2h 30m"}, {180000000, "2d 02h"},
    };
    char text[32];
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        duration_text(shown[i].ms, text);
        assert_string_equal(text, shown[i].text);
        assert_int_equal(duration_parse(text, &ms, &err), 0); /* what we write we can read */
    }
}

static void sizes_read_and_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } good[] = {
        {"8G", 8LL << 30}, {"512M", 512LL << 20}, {"1.5GiB", 3LL << 29}, {"100", 100},
        {"100 B", 100},    {"64 KiB", 65536},     {"2T", 2LL << 40},     {"1KB", 1024},
    };
    static const char *const bad[] = {"", "G", "8X", "8GG", "-1", "0x10", "1e30", "nan", "8iB"};
    int64_t bytes;
    struct err err = ERR_NONE;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(size_parse(good[i].text, &bytes, &err), 0);
        assert_int_equal(bytes, good[i].bytes);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(size_parse(bad[i], &bytes, &err), ERR_BAD);
    char text[32];
    size_text(1536LL << 20, text);
    assert_string_equal(text, "1.5 GiB");
    size_text(1023, text);
    assert_string_equal(text, "1023 B");
}

static void errors_keep_their_sentence(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    assert_int_equal(err_set(&err, ERR_BAD, "lr: must be > 0 (got %d)", 0), ERR_BAD);
    assert_int_equal(err_hint(&err, "use %s", "uniform"), ERR_BAD);
    assert_int_equal(err_prefix(&err, "study.json: "), ERR_BAD);
    assert_string_equal(err.text, "study.json: lr: must be > 0 (got 0)");
    assert_string_equal(err.hint, "use uniform");
    err_set(&err, ERR_NO, "another");
    assert_string_equal(err.hint, "");
    errno = ENOENT;
    assert_int_equal(err_errno(&err, "%s: cannot open", "a"), ERR_IO);
    assert_string_equal(err.text, "a: cannot open: No such file or directory");
    assert_int_equal(err_set(NULL, ERR_GONE, "nobody listens"), ERR_GONE);
}

static void an_error_longer_than_its_room_is_cut(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    err_set(&err, ERR_BAD, "%*s", 2000, "x");
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    err_prefix(&err, "front: ");
    assert_true(str_starts(err.text, "front: "));
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
}

static void codes_become_exit_statuses(void **state)
{
    (void)state;
    assert_int_equal(err_exit_status(0), 0);
    assert_int_equal(err_exit_status(ERR_NO), 1);
    assert_int_equal(err_exit_status(ERR_BAD), 2);
    assert_int_equal(err_exit_status(ERR_GONE), 2);
    assert_int_equal(err_exit_status(ERR_REACH), 3);
    assert_int_equal(err_exit_status(ERR_IO), 3);
}

static void arrays_grow_by_doubling(void **state)
{
    (void)state;
    int *items = NULL;
    size_t room = 0, moves = 0, last = 0;
    for (size_t n = 0; n < 1000; n++) {
        GROW(items, room, n + 1);
        items[n] = (int)n;
        moves += room != last;
        last = room;
    }
    assert_int_equal(items[999], 999);
    assert_in_range(moves, 1, 12);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_str_grows_and_gives_its_text_away),
        cmocka_unit_test(numbers_print_short_and_read_back_the_same),
        cmocka_unit_test(names_are_checked_and_compared),
        cmocka_unit_test(utf8_is_what_the_rfc_says),
        cmocka_unit_test(durations_read_and_write),
        cmocka_unit_test(sizes_read_and_write),
        cmocka_unit_test(errors_keep_their_sentence),
        cmocka_unit_test(an_error_longer_than_its_room_is_cut),
        cmocka_unit_test(codes_become_exit_statuses),
        cmocka_unit_test(arrays_grow_by_doubling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
