/* The queue of REPORT and DONE: order, acknowledgement, reconnect, and the file behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "worker/report.h"

static struct msg report(uint64_t epoch)
{
    struct msg msg = {.kind = MSG_report};
    strcpy(msg.report.study, "s");
    strcpy(msg.report.token, "t");
    msg.report.trial = msg.report.attempt = 1;
    msg.report.epoch = epoch;
    msg.report.metrics = json_new_object();
    return msg;
}

static void add(struct report_queue *queue, uint64_t epoch)
{
    struct msg msg = report(epoch);
    assert_int_equal(report_add(queue, &msg), epoch);
    msg_fini(&msg);
}

/* What report_send puts out, checked to be the messages from..to. */
static void expect_sent(struct report_queue *queue, uint64_t from, uint64_t to)
{
    struct outbox outbox = {0};
    report_send(queue, &outbox, 7);
    assert_int_equal(outbox.count, from > to ? 0 : to - from + 1);
    for (size_t i = 0; i < outbox.count; i++) {
        struct msg msg;
        struct outbox_item *item = &outbox.items[i];
        assert_int_equal(item->to, 7);
        assert_int_equal(
            msg_decode(item->head.text, item->head.len, item->body.text, item->body.len, &msg, NULL), 0);
        assert_int_equal(msg.kind, MSG_report);
        assert_int_equal(msg.report.seq, from + i);
        assert_int_equal(msg.report.epoch, from + i);
        msg_fini(&msg);
    }
    outbox_fini(&outbox);
}

static void goes_out_once_per_connection(void **state)
{
    (void)state;
    struct report_queue queue;
    report_init(&queue, REPORT_BYTES_MAX, NULL);
    expect_sent(&queue, 1, 0);
    add(&queue, 1);
    add(&queue, 2);
    expect_sent(&queue, 1, 2);
    expect_sent(&queue, 1, 0);
    add(&queue, 3);
    expect_sent(&queue, 3, 3);
    assert_true(report_ack(&queue, 1));
    report_rewind(&queue);
    expect_sent(&queue, 2, 3);
    assert_true(report_ack(&queue, 3));
    assert_int_equal(report_waiting(&queue), 0);
    report_rewind(&queue);
    expect_sent(&queue, 1, 0);
    add(&queue, 4);
    expect_sent(&queue, 4, 4);
    report_fini(&queue);
}

static void an_ack_is_cumulative_and_never_goes_back(void **state)
{
    (void)state;
    struct report_queue queue;
    report_init(&queue, REPORT_BYTES_MAX, NULL);
    for (uint64_t i = 1; i <= 5; i++)
        add(&queue, i);
    expect_sent(&queue, 1, 5);
    assert_true(report_ack(&queue, 4));
    assert_true(report_ack(&queue, 2));
    assert_int_equal(report_waiting(&queue), 1);
    report_rewind(&queue);
    expect_sent(&queue, 5, 5);
    report_fini(&queue);
}

static void an_ack_of_what_never_went_out_changes_nothing(void **state)
{
    (void)state;
    struct report_queue queue;
    report_init(&queue, REPORT_BYTES_MAX, NULL);
    add(&queue, 1);
    assert_false(report_ack(&queue, 1));
    assert_false(report_ack(&queue, 900));
    expect_sent(&queue, 1, 1);
    report_fini(&queue);
}

static void a_dropped_queue_goes_on_counting(void **state)
{
    (void)state;
    struct report_queue queue;
    report_init(&queue, REPORT_BYTES_MAX, NULL);
    add(&queue, 1);
    add(&queue, 2);
    report_drop(&queue);
    assert_int_equal(report_waiting(&queue), 0);
    add(&queue, 3);
    expect_sent(&queue, 3, 3);
    report_fini(&queue);
}

static void the_window_bounds_what_is_under_way(void **state)
{
    (void)state;
    struct report_queue queue;
    report_init(&queue, REPORT_BYTES_MAX, NULL);
    for (uint64_t i = 1; i <= REPORT_WINDOW + 10; i++)
        add(&queue, i);
    expect_sent(&queue, 1, REPORT_WINDOW);
    assert_true(report_ack(&queue, 4));
    expect_sent(&queue, REPORT_WINDOW + 1, REPORT_WINDOW + 4);
    report_fini(&queue);
}

/* Acknowledges in steps until nothing is left; every message must go out, in order. */
static void drain(struct report_queue *queue, uint64_t from, uint64_t last)
{
    while (from <= last) {
        struct outbox outbox = {0};
        report_send(queue, &outbox, 1);
        assert_true(outbox.count > 0);
        from += outbox.count;
        outbox_fini(&outbox);
        assert_int_equal(queue->sent, from - 1);
        assert_true(report_ack(queue, from - 1));
    }
    assert_int_equal(report_waiting(queue), 0);
}

static void past_the_bound_it_waits_in_a_file_without_a_name(void **state)
{
    struct report_queue queue;
    report_init(&queue, 1000, *state);
    for (uint64_t i = 1; i <= 300; i++)
        add(&queue, i);
    assert_true(queue.spooled > 200);
    assert_true(queue.bytes <= 1000);
    assert_int_equal(report_waiting(&queue), 300);
    assert_int_equal(rmdir(*state), 0); /* the folder is there and empty */
    drain(&queue, 1, 300);
    assert_int_equal(queue.spool_fd, -1);
    report_fini(&queue);
}

static void a_reconnect_with_a_file_sends_all_in_order(void **state)
{
    struct report_queue queue;
    report_init(&queue, 1000, *state);
    for (uint64_t i = 1; i <= 20; i++)
        add(&queue, i);
    size_t in_memory = queue.count;
    expect_sent(&queue, 1, in_memory);
    report_rewind(&queue);
    expect_sent(&queue, 1, in_memory);
    add(&queue, 21); /* behind those in the file, although memory has room by now */
    assert_true(report_ack(&queue, in_memory));
    drain(&queue, in_memory + 1, 21);
    add(&queue, 22); /* the file is done with: memory again */
    assert_int_equal(queue.count, 1);
    expect_sent(&queue, 22, 22);
    report_fini(&queue);
}

static void without_a_disk_it_stays_in_memory(void **state)
{
    (void)state;
    struct report_queue queue;
    report_init(&queue, 1000, "/proc/self/no-folder-can-be-here");
    for (uint64_t i = 1; i <= 100; i++)
        add(&queue, i);
    assert_int_equal(queue.count, 100);
    expect_sent(&queue, 1, 100);
    report_fini(&queue);
}

static int make_folder(void **state)
{
    char name[] = "/tmp/hone-test-report-XXXXXX";
    *state = mkdtemp(name) ? strdup(name) : NULL;
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    rmdir(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_out_once_per_connection),
        cmocka_unit_test(an_ack_is_cumulative_and_never_goes_back),
        cmocka_unit_test(an_ack_of_what_never_went_out_changes_nothing),
        cmocka_unit_test(a_dropped_queue_goes_on_counting),
        cmocka_unit_test(the_window_bounds_what_is_under_way),
        cmocka_unit_test_setup_teardown(past_the_bound_it_waits_in_a_file_without_a_name, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_reconnect_with_a_file_sends_all_in_order, make_folder,
                                        remove_folder),
        cmocka_unit_test(without_a_disk_it_stays_in_memory),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
