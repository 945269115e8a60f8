#include "cli/party.h"

#include <math.h>
#include <stdio.h>

#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"
#include "sql/row_json.h"

static struct cell number(double value)
{
    return isfinite(value) ? (struct cell){.kind = CELL_NUM, .number = value}
                           : (struct cell){.kind = CELL_NULL};
}

static void score_rows(const struct party *party, struct rows *out)
{
    static const char *const names[] = {"model", "val_acc", "val_loss", "test_acc", "test_loss"};
    *out = (struct rows){.cols = COUNT_OF(names), .room = (size_t)party->row_count};
    out->names = xcalloc(COUNT_OF(names), sizeof *out->names);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        out->names[i] = xstrdup(names[i]);
    out->cells = xcalloc(COUNT_OF(names) * (size_t)party->row_count, sizeof *out->cells);
    for (int i = 0; i < party->row_count; i++) {
        const struct party_row *row = &party->rows[i];
        struct cell *to = &out->cells[out->count++ * COUNT_OF(names)];
        to[0] = (struct cell){.kind = CELL_TEXT, .text = xstrdup(row->name)};
        to[1] = number(row->val.acc);
        to[2] = number(row->val.loss);
        to[3] = number(row->test.acc);
        to[4] = number(row->test.loss);
    }
}

static void member_rows(const struct party *party, struct rows *out)
{
    static const char *const names[] = {"trial", "epoch", "weight", "checkpoint"};
    *out = (struct rows){.cols = COUNT_OF(names), .room = (size_t)party->models.count};
    out->names = xcalloc(COUNT_OF(names), sizeof *out->names);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        out->names[i] = xstrdup(names[i]);
    out->cells = xcalloc(COUNT_OF(names) * (size_t)party->models.count, sizeof *out->cells);
    for (int i = 0; i < party->models.count; i++) {
        const struct member *member = &party->models.list[i];
        struct cell *to = &out->cells[out->count * COUNT_OF(names)];
        if (!member->weight)
            continue;
        out->count++;
        to[0] = (struct cell){.kind = CELL_INT, .integer = member->trial};
        to[1] = (struct cell){.kind = CELL_INT, .integer = member->epoch};
        to[2] = (struct cell){.kind = CELL_INT, .integer = member->weight};
        to[3] = (struct cell){.kind = CELL_TEXT, .text = xstrdup(member->path)};
    }
}

void party_tell(const struct party *party, const char *file)
{
    struct rows scores, members;
    score_rows(party, &scores);
    member_rows(party, &members);
    printf("%zu of %d checkpoints, by %s; chosen on %d validation samples, told on %d of test\n\n",
           members.count, party->models.count, combine_name(party->models.combine), party->val.set->n,
           party->test.set->n);
    table_show_part(&scores, NULL);
    printf("\n");
    table_show_part(&members, (struct column[]){{"checkpoint", COLUMN_DATA_ONLY, NULL}, {0}});
    printf("\n%s  (hone evaluate %s)\n", file, file);
    rows_fini(&scores);
    rows_fini(&members);
}

void party_tell_json(const struct party *party, const char *file)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    struct rows scores, members;
    score_rows(party, &scores);
    member_rows(party, &members);
    jw_object(&w, NULL);
    jw_text(&w, "file", file);
    jw_text(&w, "combine", combine_name(party->models.combine));
    rows_json(&w, "models", &scores);
    rows_json(&w, "members", &members);
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    rows_fini(&scores);
    rows_fini(&members);
    str_fini(&out);
}
