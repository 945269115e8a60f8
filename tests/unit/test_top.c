/* The screen of hone top: a function of what is known and a size, and what keys mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/curses.h"
#include "cli/rows.h"
#include "cli/top.h"
#include "common/check.h"
#include "common/json.h"

enum { AT_MS = 51000000 }; /* 14:10:00 */

static void rows_of(struct rows *out, const char *text)
{
    struct json *json = json_parse(text, strlen(text), "rows", NULL);
    assert_non_null(json);
    assert_int_equal(rows_from_json(json, out, NULL), 0);
    json_free(json);
}

/* Two studies; of the newer one two trials run and one has ended. */
static int setup(void **state)
{
    static struct top top;
    top = (struct top){
        .place = "hone.db", .study = "mnist", .read_ms = AT_MS, .master_here = true, .may_change = true};
    rows_of(&top.studies,
            "{\"columns\":[\"study\",\"wish\",\"waiting\",\"running\",\"complete\",\"pruned\",\"failed\","
            "\"cancelled\","
            "\"epochs\",\"best_score\",\"best_trial\",\"metric\",\"wall_seconds\",\"end_reason\",\"checks\","
            "\"planned\","
            "\"length\",\"unreadable\"],\"rows\":["
            "[\"mnist\",\"run\",0,2,28,2,0,0,301,0.9812,7,\"val_acc\",60,null,\"passed\",60,10,null],"
            "[\"spiral\",\"run\",0,0,40,0,0,0,400,0.93,3,\"val_acc\",9,\"trials\",\"passed\",40,10,null]]}");
    rows_of(&top.trials,
            "{\"columns\":[\"trial\",\"status\",\"cause\",\"score\",\"epoch\",\"until\",\"length\","
            "\"worker\",\"value\","
            "\"curve\",\"params\"],\"rows\":["
            "[32,\"running\",null,0.94,7,10,10,\"w1\",0.94,\"[0.1,0.5,0.9,0.94]\",\"lr 0.01  hidden 64\"],"
            "[31,\"running\",null,null,0,10,10,\"w2\",null,\"[]\",\"lr 0.3  hidden 8\"],"
            "[30,\"pruned\",\"diverged\",0.2,2,10,10,\"w1\",null,\"[0.2,null]\",\"lr 9  hidden 8\"]]}");
    rows_of(
        &top.workers,
        "{\"columns\":[\"worker\",\"host\",\"slots\",\"running\",\"done\",\"failed\",\"mode\",\"left_ms\"],"
        "\"rows\":[[\"w1\",\"node1\",1,1,20,0,\"open\",null],"
        "[\"w2\",\"node2\",1,1,10,3,\"quarantined\",null],"
        "[\"w0\",\"node1\",1,0,2,0,\"open\",50000000]]}");
    rows_of(&top.events, "{\"columns\":[\"at_ms\",\"study\",\"trial\",\"text\"],\"rows\":["
                         "[50990000,\"mnist\",null,\"lr: wall 0.1 → 1\"],[50000000,null,null,\"worker w0 "
                         "(node1) is lost\"]]}");
    *state = &top;
    return 0;
}

static int teardown(void **state)
{
    top_fini(*state);
    return 0;
}

static const char *drawn(const struct top *top, int rows, int cols, bool ascii)
{
    static char out[32768];
    struct sheet sheet;
    struct str text = {0};
    sheet_init(&sheet, rows, cols, ascii);
    (top->mode == TOP_TRIAL ? top_trial_sheet : top_sheet)(top, &sheet);
    sheet_text(&sheet, false, &text);
    snprintf(out, sizeof out, "%s", str_text(&text));
    str_fini(&text);
    sheet_fini(&sheet);
    return out;
}

static void expect(const char *screen, const char *part)
{
    if (!strstr(screen, part))
        fail_msg("no \"%s\" in:\n%s", part, screen);
}

static void test_the_whole_screen(void **state)
{
    const char *screen = drawn(*state, 24, 90, false);
    expect(screen, " hone top  hone.db");
    expect(screen, "master here  14:10:00\n");
    expect(screen, "▸ mnist           running    ██████████░░░░░░░░░░   30/60   val_acc 0.9812 (7)");
    expect(screen, "ETA 1m ");
    expect(screen, "  spiral          ended      ████████████████████   40/40   val_acc 0.93 (3)");
    expect(screen, "by trials\n");
    expect(screen, " TRIALS of mnist");
    expect(screen, "     32 running   w1            7/10   0.94       ▁▄██         lr 0.01  hidden 64\n");
    expect(screen, "     31 running   w2            0/10   -                       lr 0.3  hidden 8\n");
    expect(screen, "  w1              node1           1 of 1 slots, 20 done\n");
    expect(screen, "10 done, 3 failed, quarantined\n");
    expect(screen, "  14:09:50 mnist lr: wall 0.1 → 1\n");
    assert_null(strstr(screen, "w0              node1")); // it has left
}

static void test_a_study_that_is_unreadable(void **state)
{
    struct top *top = *state;
    rows_fini(&top->studies);
    rows_of(&top->studies,
            "{\"columns\":[\"study\",\"wish\",\"running\",\"end_reason\",\"checks\",\"planned\","
            "\"best_score\",\"unreadable\"],\"rows\":[[\"mnist\",\"run\",2,null,\"passed\",60,0.9,"
            "\"trial.status: \\\"lost\\\" is no status\"]]}");
    expect(drawn(top, 24, 90, false), "▸ mnist           unreadable trial.status: \"lost\" is no status ");
}

static void test_sixty_columns(void **state)
{
    const char *screen = drawn(*state, 24, 60, false);
    expect(screen, "▸ mnist       running    ███░░░   30/60   0.9812 (7)");
    expect(screen, "     32 running      7/10   0.94       ▁▄██         lr 0.01…\n");
    expect(screen, "ETA 1m ");
    expect(screen, "q quit\n");
}

/* What does not fit is left out, and covers nothing. */
static void test_forty_columns(void **state)
{
    struct top *top = *state;
    const char *screen = drawn(top, 7, 40, false);
    expect(screen, " TRIALS of mnist  1 to 2 of 3\n");
    expect(screen, "     32 running      7/10   0.94\n");
}

static void test_without_utf8(void **state)
{
    const char *screen = drawn(*state, 24, 90, true);
    expect(screen, "> mnist           running    ##########..........   30/60");
    for (const char *c = screen; *c; c++)
        assert_true((unsigned char)*c < 0x80);
}

/* Whatever the window is, nothing falls outside it. */
static void test_every_size(void **state)
{
    struct top *top = *state;
    for (int page = 0; page < 2; page++)
        for (int rows = 0; rows < 40; rows++)
            for (int cols = 0; cols < 130; cols += 3) {
                top->mode = page ? TOP_TRIAL : TOP_LIST;
                int lines = 0;
                for (const char *c = drawn(top, rows, cols, false); *c; c++)
                    lines += *c == '\n';
                assert_int_equal(lines, rows);
            }
}

/* What is said takes no row from the one that is chosen, and hides no question. */
static void test_a_message_hides_nothing(void **state)
{
    struct top *top = *state;
    top->trial = 30; // the last
    for (int rows = 6; rows < 40; rows++)
        for (int said = 0; said < 3; said++) {
            top->message[0] = top->awaited[0] = '\0';
            snprintf(said == 1 ? top->message : top->awaited, sizeof top->awaited, "%s",
                     said ? "is said" : "");
            top->mode = TOP_LIST;
            expect(drawn(top, rows, 90, false), "▸    30 pruned");
            if (said)
                expect(drawn(top, rows, 90, false), "is said\n");
            top->mode = TOP_CONFIRM;
            expect(drawn(top, rows, 90, false), "cancel mnist/30? its epochs stay; y or n\n");
        }
}

static void test_nothing_known(void **state)
{
    (void)state;
    struct top top = {.place = "hone.db", .read_ms = AT_MS};
    expect(drawn(&top, 24, 80, false), "no studies yet");
    expect(drawn(&top, 24, 80, false), "no master runs");
    for (int key = 0; key < 256; key++)
        top_key(&top, key);
    top_fini(&top);
}

static void test_a_master_that_is_away(void **state)
{
    struct top *top = *state;
    snprintf(top->away, sizeof top->away, "no master can be reached at tcp://node1:7077");
    const char *screen = drawn(top, 24, 90, false);
    expect(screen, "away  14:10:00\n");
    expect(screen, "no master can be reached at tcp://node1:7077\n j k choose");
    expect(screen, "0.9812"); // what was known stays
}

static void test_the_cursor(void **state)
{
    struct top *top = *state;
    assert_int_equal(top_key(top, 'j'), TOP_LOAD); // another study: its trials are to be read
    assert_string_equal(top->study, "spiral");
    assert_int_equal(top_key(top, SCREEN_UP), TOP_LOAD);
    assert_string_equal(top->study, "mnist");
    assert_int_equal(top_key(top, SCREEN_ENTER), TOP_NOTHING); // into its trials
    assert_int_equal(top->trial, 32);
    top_key(top, SCREEN_DOWN);
    assert_int_equal(top->trial, 31);
    expect(drawn(top, 24, 90, false), "▸    31 running");
    top_key(top, SCREEN_END);
    assert_int_equal(top->trial, 30);
    top_key(top, 'j');
    assert_int_equal(top->trial, 30);
    assert_int_equal(top_key(top, SCREEN_ENTER), TOP_LOAD);
    assert_int_equal(top->mode, TOP_TRIAL);
    top_key(top, 27);
    assert_int_equal(top->mode, TOP_LIST);
    assert_int_equal(top_key(top, 'q'), TOP_QUIT);
}

static void test_cancelling_asks_first(void **state)
{
    struct top *top = *state;
    assert_int_equal(top_key(top, 'c'), TOP_NOTHING);
    expect(drawn(top, 24, 90, false), "choose a trial to cancel");
    top_key(top, SCREEN_ENTER);
    top_key(top, 'c');
    expect(drawn(top, 24, 90, false), "cancel mnist/32? its epochs stay; y or n");
    assert_int_equal(top_key(top, SCREEN_NONE), TOP_NOTHING);
    assert_int_equal(top->mode, TOP_CONFIRM); // time that passes is no answer
    assert_int_equal(top_key(top, 'n'), TOP_NOTHING);
    top_key(top, 'c');
    assert_int_equal(top_key(top, SCREEN_ENTER), TOP_NOTHING);
    top_key(top, 'c');
    assert_int_equal(top_key(top, 'y'), TOP_CANCEL);
    top_key(top, SCREEN_END);
    assert_int_equal(top_key(top, 'c'), TOP_NOTHING);
    expect(drawn(top, 24, 90, false), "mnist/30 is pruned already\n j k choose  Enter open"); // the keys stay
}

static void test_a_viewer_changes_nothing(void **state)
{
    struct top *top = *state;
    top->may_change = false;
    assert_int_equal(top_key(top, 'p'), TOP_NOTHING);
    top_key(top, SCREEN_ENTER);
    assert_int_equal(top_key(top, 'c'), TOP_NOTHING);
    assert_int_equal(top->mode, TOP_LIST);
    assert_null(strstr(drawn(top, 24, 90, false), "cancel"));
}

static void test_pausing(void **state)
{
    struct top *top = *state;
    assert_int_equal(top_key(top, 'p'), TOP_PAUSE);
    struct cell *wish = &top->studies.cells[1];
    free(wish->text);
    wish->text = strdup("pause");
    assert_int_equal(top_key(top, 'p'), TOP_RESUME);
    expect(drawn(top, 24, 90, false), "pausing");
    top_key(top, 'j');
    assert_int_equal(top_key(top, 'p'), TOP_NOTHING); // spiral has ended
}

static void test_sorting_and_filtering(void **state)
{
    struct top *top = *state;
    assert_int_equal(top_key(top, 's'), TOP_LOAD);
    expect(drawn(top, 24, 90, false), "best first");
    top_key(top, '/');
    for (const char *c = "failqx"; *c; c++)
        assert_int_equal(top_key(top, *c), TOP_LOAD);
    top_key(top, SCREEN_BACK);
    top_key(top, SCREEN_BACK);
    expect(drawn(top, 24, 90, false), "filter: fail_");
    top_key(top, SCREEN_ENTER);
    expect(drawn(top, 24, 90, false), "only fail, best first");
    for (int i = 0; i < 100; i++)
        top_key(top, i ? 'x' : '/');
    assert_true(strlen(top->filter) < sizeof top->filter);
    top_key(top, 27);
    assert_string_equal(top->filter, "");
}

static void test_the_page_of_a_trial(void **state)
{
    struct top *top = *state;
    rows_of(&top->head, "{\"columns\":[\"status\",\"cause\",\"score\",\"metric\",\"best_epoch\",\"rank\","
                        "\"trials\",\"epochs\",\"length\","
                        "\"attempts\",\"sampler\",\"why\"],\"rows\":[[\"running\",null,0.94,\"val_acc\",7,2,"
                        "32,7,10,1,\"gp\",\"log EI\"]]}");
    rows_of(&top->params,
            "{\"columns\":[\"name\",\"value\"],\"rows\":[[\"lr\",0.01],[\"kind\",\"adam\\u0007\"]]}");
    rows_of(&top->curve,
            "{\"columns\":[\"metric\",\"epoch\",\"value\"],\"rows\":[[\"val_acc\",1,0.1],[\"loss\",1,9],"
            "[\"val_acc\",2,0.5],[\"val_acc\",3,0.94]]}");
    rows_of(&top->findings,
            "{\"columns\":[\"rule\",\"epoch\",\"text\"],\"rows\":[[\"D5\",6,\"overfitting\"]]}");
    top->log = strdup("first\nsecond\n\033[2Jthird\n");
    top->trial = 32;
    top->mode = TOP_TRIAL;
    const char *screen = drawn(top, 30, 90, false);
    expect(screen, " mnist/32  running  val_acc 0.94 at epoch 7, rank 2 of 32\n");
    expect(screen, "epoch 7 of 10, attempt 1, proposed by gp: log EI\n");
    expect(screen, " lr 0.01   kind adam?\n");
    expect(screen, " val_acc by epoch\n");
    expect(screen, "D5 (epoch 6): overfitting\n");
    expect(screen, " LOG\n first\n second\n ?[2Jthird\n");
    assert_int_equal(top_key(top, 'j'), TOP_LOAD);
    assert_int_equal(top->trial, 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_whole_screen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_study_that_is_unreadable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sixty_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forty_columns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_utf8, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_message_hides_nothing, setup, teardown),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test_setup_teardown(test_a_master_that_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelling_asks_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_viewer_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pausing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sorting_and_filtering, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_page_of_a_trial, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
