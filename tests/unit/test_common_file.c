/* file and clock: whole files, folders, paths, and what file system lies under one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log_file.h"
#include "common/hash.h"
#include "common/mem.h"

/* A folder of its own for every test; removed by tests/run with its TMPDIR. */
static int enter_folder(void **state)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = xasprintf("%s/hone-file.XXXXXX", tmp ? tmp : "/tmp");
    *state = folder;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
    char *command = xasprintf("rm -rf '%s'", (char *)*state);
    int rc = chdir("/") || system(command);
    free(command);
    free(*state);
    return rc;
}

static void a_file_is_written_whole(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    struct str text = {0};
    assert_int_equal(file_write_whole("a.txt", "one", 3, &err), 0);
    assert_int_equal(file_write_whole("a.txt", "second", 6, &err), 0);
    assert_int_equal(file_read("a.txt", 100, &text, &err), 0);
    assert_string_equal(str_text(&text), "second");
    assert_int_equal(file_size("a.txt"), 6);
    assert_true(file_exists("a.txt"));
    str_fini(&text);
}

static void a_write_that_fails_leaves_the_old_file_and_no_litter(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    assert_int_equal(mkdir("d", 0777), 0);
    assert_int_equal(file_write_whole("d/keep", "old", 3, &err), 0);
    assert_int_equal(file_write_whole("d", "new", 3, &err), ERR_IO); /* a folder is in the way */
    assert_int_equal(file_write_whole("none/a", "x", 1, &err), ERR_IO);
    assert_non_null(strstr(err.text, "cannot create"));
    assert_int_equal(file_size("d/keep"), 3);
    assert_int_equal(system("test \"$(ls -A)\" = d"), 0);
}

static void reading_is_bounded_and_says_what_is_missing(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    struct str text = {0};
    assert_int_equal(file_read("none", 100, &text, &err), ERR_GONE);
    assert_string_equal(err.text, "none: cannot open: No such file or directory");
    assert_int_equal(err.code, ERR_GONE);
    assert_int_equal(file_read("none", 100, &text, NULL), ERR_GONE);
    assert_int_equal(file_write_whole("a", "0123456789", 10, &err), 0);
    assert_int_equal(file_read("a", 9, &text, &err), ERR_BAD);
    str_clear(&text);
    assert_int_equal(file_read("a", 10, &text, &err), 0);
    assert_int_equal(file_read(".", 10, &text, &err), ERR_BAD);
    assert_string_equal(err.text, ".: is a folder, not a file");
    assert_int_equal(file_size("none"), -1);
    str_fini(&text);
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    assert_int_equal(dir_make("a/b//c/", &err), 0);
    assert_int_equal(dir_make("a/b/c", &err), 0);
    assert_true(file_exists("a/b/c"));
    assert_int_equal(dir_sync("a/b", &err), 0);
    assert_int_equal(file_write_whole("a/f", "", 0, &err), 0);
    assert_int_equal(dir_make("a/f", &err), ERR_IO);
    assert_non_null(strstr(err.text, "is not a folder"));
    assert_int_equal(dir_make("a/f/g", &err), ERR_IO);
    assert_int_equal(dir_make("", &err), ERR_BAD);
}

static void assert_owned(char *got, const char *want)
{
    assert_string_equal(got, want);
    free(got);
}

static void paths_join_and_split(void **state)
{
    (void)state;
    assert_owned(path_join("a", "b"), "a/b");
    assert_owned(path_join("a/", "b"), "a/b");
    assert_owned(path_join("a", "/b"), "/b");
    assert_owned(path_join(NULL, "b"), "b");
    assert_owned(path_dir("a/b.json"), "a");
    assert_owned(path_dir("b.json"), ".");
    assert_owned(path_dir("/b"), "/");
    assert_string_equal(path_base("a/b.json"), "b.json");
    assert_owned(path_absolute("/a/./b/../c//d/"), "/a/c/d");
    assert_owned(path_absolute("/../.."), "/");
    char *here = path_absolute("."), *below = path_absolute("x/../y");
    assert_true(path_is_inside(below, here));
    free(here);
    free(below);
    assert_true(path_is_inside("/a/b", "/a"));
    assert_true(path_is_inside("/a", "/a/"));
    assert_true(path_is_inside("/a", "/"));
    assert_false(path_is_inside("/ab", "/a"));
    assert_false(path_is_inside("/a/../b", "/a"));
    assert_true(path_climbs("..") && path_climbs("a/../b") && path_climbs("a//..") && path_climbs("/../a"));
    assert_false(path_climbs("") || path_climbs("a..b/c") || path_climbs("te../.../..b") ||
                 path_climbs("./"));
}

static const char mounts[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                             "30 22 0:40 / /people rw shared:9 master:3 - nfs4 fs:/people rw,vers=4.2\n"
                             "31 30 0:41 / /people/local rw - xfs /dev/sdb1 rw\n"
                             "32 22 0:42 / /net/my\\040disk rw - cifs //s/d rw\n"
                             "33 22 0:43 / /auto rw - autofs systemd-1 rw\n"
                             "34 22 0:44 / /auto rw - fuse.sshfs host: rw\n"
                             "short line\n"
                             "35 22 0:45 / /no rw ext4";

static void the_file_system_is_that_of_the_longest_mount(void **state)
{
    (void)state;
    static const struct {
        const char *path, *type;
        bool network;
    } cases[] = {
        {"/", "ext4", false},
        {"/peoples/x", "ext4", false},
        {"/people", "nfs4", true},
        {"/people/me/a.db", "nfs4", true},
        {"/people/local/a.db", "xfs", false},
        {"/net/my disk/a.db", "cifs", true},
        {"/auto/a.db", "fuse.sshfs", true}, /* the later mount lies on top */
        {"/no/x", "ext4", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char type[64];
        fs_type_of(mounts, cases[i].path, type);
        assert_string_equal(type, cases[i].type);
        assert_int_equal(fs_is_network(type), cases[i].network);
    }
    char type[64];
    fs_type_of("", "/a", type);
    assert_string_equal(type, "unknown");
}

static void a_fingerprint_of_a_file_is_that_of_its_bytes(void **state)
{
    (void)state;
    struct err err = ERR_NONE;
    char of_file[HASH_HEX], of_bytes[HASH_HEX];
    int64_t bytes;
    char *big = xcalloc(1, 200000);
    big[123456] = 'x';
    hash_bytes(big, 200000, of_bytes);
    assert_int_equal(file_write_whole("big", big, 200000, &err), 0);
    assert_int_equal(hash_file("big", of_file, &bytes, &err), 0);
    assert_string_equal(of_file, of_bytes);
    assert_int_equal(bytes, 200000);
    assert_int_equal(hash_file("none", of_file, NULL, &err), ERR_IO);
    free(big);
}

static void times_are_written_as_utc(void **state)
{
    (void)state;
    char text[32];
    clock_iso(1795413240123, text);
    assert_string_equal(text, "2026-11-23T05:54:00.123Z");
    clock_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_iso(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

/* A line of ten bytes each: at most 100 bytes in both files, the newest among them, also when it is opened again. */
static void a_log_keeps_its_newest_bytes(void **state)
{
    (void)state;
    struct log_file log;
    struct err err = ERR_NONE;
    assert_int_equal(log_file_open(&log, "no/log", 100, &err), ERR_IO);
    log_file_close(&log);
    for (int i = 0; i < 1000; i++) {
        char line[16];
        if (i % 7 == 0)
            assert_int_equal(log_file_open(&log, "log", 100, NULL), 0);
        snprintf(line, sizeof line, "line %4d\n", i);
        log_file_write(&log, line, 10);
        if (i % 7 == 6)
            log_file_close(&log);
        assert_true(file_size("log") <= 50 && file_size("log.1") <= 50);
    }
    log_file_write(&log, "the end", 7);
    log_file_close(&log);
    struct str text = {0};
    file_read("log.1", 100, &text, NULL);
    file_read("log", 100, &text, NULL);
    assert_non_null(strstr(str_text(&text), "line  998\nline  999\nthe end"));
    str_fini(&text);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(a_file_is_written_whole),
        IN_FOLDER(a_write_that_fails_leaves_the_old_file_and_no_litter),
        IN_FOLDER(reading_is_bounded_and_says_what_is_missing),
        IN_FOLDER(folders_are_made_with_their_parents),
        cmocka_unit_test(paths_join_and_split),
        cmocka_unit_test(the_file_system_is_that_of_the_longest_mount),
        IN_FOLDER(a_fingerprint_of_a_file_is_that_of_its_bytes),
        IN_FOLDER(a_log_keeps_its_newest_bytes),
        cmocka_unit_test(times_are_written_as_utc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
