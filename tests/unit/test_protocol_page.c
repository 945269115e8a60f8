/* proto/PROTOCOL.md, held against the table of messages: every field, no other message, and a dialogue that decodes. */
#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/file.h"
#include "common/mem.h"
#include "tests/unit/message_rows.h"

/* ---- the document ---- */

static char *document(void)
{
    struct str text = {0};
    struct err err = ERR_NONE;
    if (file_read("proto/PROTOCOL.md", 1 << 20, &text, &err))
        fail_msg("%s", err.text);
    return str_take(&text);
}

/* What stands between a "### NAME (" of section 5 and the next heading; the caller frees. */
static char *section_of(const char *doc, const char *name)
{
    char heading[64];
    snprintf(heading, sizeof heading, "\n### %s (", name);
    const char *start = strstr(doc, heading);
    if (!start)
        fail_msg("PROTOCOL.md has no section \"%s\"", heading + 1);
    const char *end = strstr(start + 1, "\n##");
    return xstrndup(start, end ? (size_t)(end - start) : strlen(start));
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (const char *p = text; (p = strstr(p, part)) != NULL; p += strlen(part))
        count++;
    return count;
}

static void expected_row(const struct row *row, struct str *out)
{
    char kind[16] = "";
    for (size_t i = 0; row->kind[i]; i++)
        kind[i] = (char)tolower((unsigned char)row->kind[i]);
    bool bounded = !is(row, "NUM") && !is(row, "BOOL") && !is(row, "ANY");
    char bound[32];
    snprintf(bound, sizeof bound, "%llu", (unsigned long long)row->bound);
    const char *shown = !bounded ? "–" : row->bound == HONE_UINT53 ? "2^53-1" : bound;
    str_addf(out, "\n| `%s` | %s | %s | %s | %s |\n", row->field, kind, shown, row->need, row->gloss);
}

static void test_document_has_every_field(void **state)
{
    (void)state;
    char *doc = document();
    int fields[MSG_KIND_COUNT] = {0};
    for (int i = 0; i < ROW_COUNT; i++) {
        struct str line = {0};
        char name[32];
        capitals(messages[rows[i].message].name, name);
        char *section = section_of(doc, name);
        expected_row(&rows[i], &line);
        if (!strstr(section, str_text(&line)))
            fail_msg("PROTOCOL.md, %s, lacks this row:%s", name, str_text(&line));
        fields[rows[i].message]++;
        str_fini(&line);
        free(section);
    }
    for (int kind = 0; kind < MSG_KIND_COUNT; kind++) {
        char *section = section_of(doc, msg_name((enum msg_kind)kind));
        assert_int_equal(count_of(section, "\n| `"), fields[kind]);
        free(section);
    }
    free(doc);
}

static void test_document_has_no_other_messages(void **state)
{
    (void)state;
    char *doc = document();
    char *start = strstr(doc, "\n## 5. Messages"), *end = strstr(doc, "\n## 6. Rules");
    assert_non_null(start);
    assert_non_null(end);
    *end = '\0';
    assert_int_equal(count_of(start, "\n### "), MSG_KIND_COUNT);
    free(doc);
}

/* "    W: HELLO {...}" */
static void check_line(char *line, int seen[MSG_KIND_COUNT])
{
    char role = line[4];
    char *name = line + 7, *body = strchr(name, ' ');
    assert_non_null(body);
    *body++ = '\0';
    char head[64];
    snprintf(head, sizeof head, "HONE1 %s", name);
    struct msg msg;
    struct err err = ERR_NONE;
    if (decode(head, body, &msg, &err))
        fail_msg("the dialogue of PROTOCOL.md: %s", err.text);
    if (!strchr(messages[msg.kind].from, role))
        fail_msg("the dialogue of PROTOCOL.md: %c does not say %s", role, name);
    round_trip(&msg);
    seen[msg.kind]++;
    msg_fini(&msg);
}

static void test_dialogue_is_true(void **state)
{
    (void)state;
    char *doc = document();
    int seen[MSG_KIND_COUNT] = {0}, lines = 0;
    for (char *line = doc, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        bool is_line =
            strlen(line) > 8 && memcmp(line, "    ", 4) == 0 && strchr("WMC", line[4]) && line[5] == ':';
        if (is_line) {
            check_line(line, seen);
            lines++;
        }
    }
    assert_true(lines >= 25);
    for (int kind = 0; kind < MSG_KIND_COUNT; kind++)
        if (!seen[kind])
            fail_msg("the dialogue of PROTOCOL.md never says %s", msg_name((enum msg_kind)kind));
    free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_has_every_field),
        cmocka_unit_test(test_document_has_no_other_messages),
        cmocka_unit_test(test_dialogue_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
