#include "cli/front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/best.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"
#include "master/search/pareto.h"

/* Every trial's scores, more always better, and what the study calls them. */
struct scores {
    struct rows found;
    struct json *goals;
    int metrics;
    double *y; /* [trials][metrics] */
    int *rank;
};

static const char *name_of(const struct scores *s, int k)
{
    return json_text(json_get(json_at(s->goals, (size_t)k), "name"));
}

static bool is_minimised(const struct scores *s, int k)
{
    return json_text(json_get(json_at(s->goals, (size_t)k), "goal"))[1] == 'i';
}

static int scores_load(struct source *source, const char *study, struct scores *out, struct err *err)
{
    static const char *const columns[PARETO_MAX] = {"y1", "y2", "y3"};
    *out = (struct scores){0};
    int rc =
        source_run(source, "best_front", (struct bind[]){BIND_TEXT(":study", study)}, 1, &out->found, err);
    size_t n = out->found.count;
    if (rc || !n)
        return rc;
    const char *goals = first_text(&out->found, "goals");
    out->goals = json_parse(goals, strlen(goals), "goals", err);
    if (!out->goals || json_count(out->goals) > PARETO_MAX)
        return ERR_BAD;
    out->metrics = (int)json_count(out->goals);
    out->y = xcalloc(n * (size_t)out->metrics, sizeof *out->y);
    out->rank = xcalloc(n, sizeof *out->rank);
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < out->metrics; k++)
            out->y[i * (size_t)out->metrics + (size_t)k] = cell_num(rows_named(&out->found, i, columns[k]));
    pareto_ranks(out->y, (int)n, out->metrics, out->rank);
    return 0;
}

static void scores_fini(struct scores *s)
{
    rows_fini(&s->found);
    json_free(s->goals);
    free(s->y);
    free(s->rank);
}

/* ---- the front ---- */

static int64_t count_dominated(const struct scores *s, size_t by)
{
    int64_t count = 0;
    size_t m = (size_t)s->metrics;
    for (size_t i = 0; i < s->found.count; i++)
        count += pareto_dominates(s->y + by * m, s->y + i * m, s->metrics);
    return count;
}

struct place {
    double y;
    size_t row;
};

static int by_first(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    return p->y != q->y ? (p->y < q->y) - (p->y > q->y) : (p->row > q->row) - (p->row < q->row);
}

static struct cell copy_of(const struct cell *cell)
{
    struct cell copy = *cell;
    if (copy.kind == CELL_TEXT)
        copy.text = xstrdup(cell->text);
    return copy;
}

/* Before a metric's name while columns are found by name: one may be called like what the database says of a trial. */
static const char metric_mark[] = "metric ";

/* The rows of the front with a column for each metric, in its own sign, and one for what it dominates. */
static void list_front(const struct scores *s, int64_t limit, struct rows *out)
{
    size_t n = 0, m = (size_t)s->metrics, cols = m + 1 + (size_t)s->found.cols;
    struct place *order = xcalloc(s->found.count + 1, sizeof *order);
    for (size_t i = 0; i < s->found.count; i++)
        if (s->rank[i] == 0)
            order[n++] = (struct place){s->y[i * m], i};
    qsort(order, n, sizeof *order, by_first);
    n = limit && n > (size_t)limit ? (size_t)limit : n;
    *out = (struct rows){.cols = (int)cols, .count = n, .room = n};
    out->names = xcalloc(cols, sizeof *out->names);
    out->cells = xcalloc(n * cols + 1, sizeof *out->cells);
    for (size_t k = 0; k < m; k++)
        out->names[k] = xasprintf("%s%s", metric_mark, name_of(s, (int)k));
    out->names[m] = xstrdup("dominates");
    for (size_t c = m + 1; c < cols; c++)
        out->names[c] = xstrdup(s->found.names[c - m - 1]);
    for (size_t i = 0; i < n; i++) {
        struct cell *row = &out->cells[i * cols];
        for (size_t k = 0; k < m; k++) {
            double y = s->y[order[i].row * m + k];
            row[k] = (struct cell){.kind = CELL_NUM, .number = is_minimised(s, (int)k) ? 0 - y : y};
        }
        row[m] = (struct cell){.kind = CELL_INT, .integer = count_dominated(s, order[i].row)};
        for (size_t c = m + 1; c < cols; c++)
            row[c] = copy_of(rows_cell(&s->found, order[i].row, (int)(c - m - 1)));
    }
    free(order);
}

static void measure(const struct scores *s, struct front *out)
{
    double reference[PARETO_MAX];
    struct str text = {0};
    char number[32];
    pareto_reference(s->y, (int)s->found.count, s->metrics, reference);
    out->hypervolume = pareto_hypervolume(s->y, (int)s->found.count, s->metrics, reference);
    for (int k = 0; k < s->metrics; k++) {
        table_number(is_minimised(s, k) ? -reference[k] : reference[k], number);
        str_addf(&text, "%s%s %s", k ? ", " : "", name_of(s, k), number);
    }
    out->reference = str_take(&text);
}

static void arrange(const struct scores *s, const struct text_list *params, struct rows *front,
                    struct rows *out)
{
    struct rows_item items[PARETO_MAX + 9] = {{.column = "trial"}};
    const struct rows_item rest[] = {
        {.column = "dominates"}, {.column = "best_epoch"},
        {.column = "epochs"},    {.column = "params", .keys = params, .clash = "param."},
        {.column = "status"},    {.column = "seconds", .as = "took"},
        {.column = "worker"},
    };
    size_t count = 1;
    for (int k = 0; k < s->metrics; k++)
        items[count++] = (struct rows_item){.column = front->names[k], .as = name_of(s, k)};
    for (size_t i = 0; i < COUNT_OF(rest); i++)
        items[count++] = rest[i];
    rows_arrange(front, items, count, out);
}

int front_load(struct source *source, const char *study, int64_t limit, struct front *out, struct err *err)
{
    struct scores scores;
    struct text_list params = {0};
    *out = (struct front){0};
    int rc = scores_load(source, study, &scores, err);
    if (!rc && scores.found.count)
        rc = source_params(source, study, &params, err);
    if (!rc && scores.found.count) {
        struct rows front;
        list_front(&scores, limit, &front);
        arrange(&scores, &params, &front, &out->rows);
        out->trials = (int)scores.found.count;
        for (int i = 0; i < out->trials; i++)
            out->size += scores.rank[i] == 0;
        measure(&scores, out);
        rows_fini(&front);
    }
    text_list_free(&params);
    scores_fini(&scores);
    return rc;
}

void front_show(const struct front *front, const struct best_style *style)
{
    const struct column columns[] = {{"took", COLUMN_SECONDS, NULL}, {"best_epoch", COLUMN_PLAIN, "at"}, {0}};
    char covered[32];
    table_show(&front->rows, columns, style->csv, style->json);
    if (style->csv || style->json)
        return;
    table_number(front->hypervolume, covered);
    printf("\n%d of %d trials are on the front", front->size, front->trials);
    if ((int)front->rows.count < front->size)
        printf(", %zu are shown", front->rows.count);
    printf("; it covers a hypervolume of %s from %s\n", covered, front->reference);
}

void front_fini(struct front *front)
{
    rows_fini(&front->rows);
    free(front->reference);
}
