#include "cli/pace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "common/mem.h"
#include "master/search/pareto.h"

/* A trial that has ended; scores are maximised, -INFINITY: it has none. */
struct ended {
    double seen[PARETO_MAX], worth[PARETO_MAX];
    int epochs;
};

/* How good the best was after the k-th trial ended, and what that had cost. */
struct step {
    double value; /* best score in the metric's own sign, or hypervolume; NaN: none yet */
    int64_t epochs;
    int front;
};

struct run {
    struct ended *ended;
    struct step *steps;
    size_t count;
};

struct pace {
    const struct study_def *def;
    int metrics, count;
    struct run *runs;
    double reference[PARETO_MAX]; /* maximised */
    bool has_reference;
};

static bool is_maximised(const struct pace *p, int k)
{
    return k ? p->def->more[k - 1].maximize : p->def->maximize;
}

/* Maximised, or back. */
static double turned(const struct pace *p, int k, double value)
{
    return is_maximised(p, k) ? value : -value;
}

struct pace *pace_new(const struct study_def *def, int runs)
{
    struct pace *p = xcalloc(1, sizeof *p);
    *p = (struct pace){.def = def, .metrics = 1 + def->more_count, .count = runs};
    p->runs = xcalloc((size_t)runs + 1, sizeof *p->runs);
    return p;
}

void pace_free(struct pace *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->count; i++) {
        free(p->runs[i].ended);
        free(p->runs[i].steps);
    }
    free(p->runs);
    free(p);
}

int pace_set_reference(struct pace *p, const char *text, struct err *err)
{
    char *end;
    for (int k = 0; k < p->metrics; k++, text = *end == ',' ? end + 1 : end) {
        p->reference[k] = turned(p, k, strtod(text, &end));
        bool last = k == p->metrics - 1;
        if (end == text || !isfinite(p->reference[k]) || *end != (last ? '\0' : ','))
            return err_set(err, ERR_BAD,
                           "--reference: %d numbers with commas between them, one for each metric",
                           p->metrics);
    }
    p->has_reference = true;
    return 0;
}

/* ---- what a run came to ---- */

static int by_end(const void *a, const void *b)
{
    const struct trial *const *p = a, *const *q = b;
    if ((*p)->ended_ms != (*q)->ended_ms)
        return (*p)->ended_ms < (*q)->ended_ms ? -1 : 1;
    return (*p)->number < (*q)->number ? -1 : 1;
}

static void ask_worth(const struct pace *p, const struct trial *t, struct objective *objective, double *out)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    point_write(&t->study->def.space, &t->point, &w, NULL);
    struct json *params = json_parse(str_text(&text), text.len, "point", NULL);
    for (int k = 0; k < p->metrics; k++)
        out[k] = turned(p, k, objective_truth(objective, k, params, t->seed, t->epochs));
    json_free(params);
    str_fini(&text);
}

/* A trial that lacks one of its metrics has none: it is on no front. */
static struct ended ended_of(const struct pace *p, const struct trial *t, struct objective *objective)
{
    struct ended e = {.epochs = t->last_epoch};
    bool all = !(p->metrics > 1 && strcmp(t->cause, "diverged") == 0);
    for (int k = 0; k < p->metrics; k++) {
        e.seen[k] = e.worth[k] = turned(p, k, k ? t->more[k - 1] : t->score);
        all = all && isfinite(e.seen[k]);
    }
    for (int k = 0; k < p->metrics && !all; k++)
        e.seen[k] = e.worth[k] = -INFINITY;
    if (all && objective)
        ask_worth(p, t, objective, e.worth);
    return e;
}

void pace_take(struct pace *p, int run, const struct study *s, struct objective *objective)
{
    const struct trial **trials = xcalloc(s->count + 1, sizeof *trials);
    struct run *out = &p->runs[run];
    for (size_t i = 0; i < s->count; i++)
        if (s->trials[i]->status != TRIAL_cancelled && trial_status_is_final(s->trials[i]->status))
            trials[out->count++] = s->trials[i];
    if (out->count)
        qsort(trials, out->count, sizeof *trials, by_end);
    out->ended = xcalloc(out->count + 1, sizeof *out->ended);
    for (size_t i = 0; i < out->count; i++)
        out->ended[i] = ended_of(p, trials[i], objective);
    free(trials);
}

/* ---- step by step ---- */

static void choose_reference(struct pace *p)
{
    size_t count = 0, at = 0;
    for (int i = 0; i < p->count; i++)
        count += p->runs[i].count;
    double *all = xcalloc((count + 1) * (size_t)p->metrics, sizeof *all);
    for (int i = 0; i < p->count; i++)
        for (size_t j = 0; j < p->runs[i].count; j++, at += (size_t)p->metrics)
            memcpy(all + at, p->runs[i].ended[j].worth, (size_t)p->metrics * sizeof *all);
    pareto_reference(all, (int)count, p->metrics, p->reference);
    free(all);
}

/* `front`: indices of those that are on it; the new one joins, and whom it beats leaves. */
static int join_front(const struct run *run, int metrics, size_t *front, int size, size_t joining)
{
    const double *y = run->ended[joining].seen;
    int kept = 0;
    for (int i = 0; i < size; i++)
        if (pareto_dominates(run->ended[front[i]].seen, y, metrics))
            return size;
    for (int i = 0; i < size; i++)
        if (!pareto_dominates(y, run->ended[front[i]].seen, metrics))
            front[kept++] = front[i];
    front[kept++] = joining;
    return kept;
}

static double front_value(const struct pace *p, const struct run *run, const size_t *front, int size,
                          double *room)
{
    if (p->metrics == 1)
        return turned(p, 0, run->ended[front[0]].worth[0]);
    for (int i = 0; i < size; i++)
        memcpy(room + i * p->metrics, run->ended[front[i]].worth, (size_t)p->metrics * sizeof *room);
    return pareto_hypervolume(room, size, p->metrics, p->reference);
}

/* With one metric the front is the best; the first of equals stays. */
static void walk(const struct pace *p, struct run *run)
{
    size_t *front = xcalloc(run->count + 1, sizeof *front);
    double *room = xcalloc((run->count + 1) * (size_t)p->metrics, sizeof *room), value = NAN;
    int64_t epochs = 0;
    int size = 0;
    run->steps = xcalloc(run->count + 1, sizeof *run->steps);
    for (size_t i = 0; i < run->count; i++) {
        const double *y = run->ended[i].seen;
        bool counts = y[0] > -INFINITY && !(p->metrics == 1 && size && y[0] <= run->ended[front[0]].seen[0]);
        epochs += run->ended[i].epochs;
        if (counts) {
            size = join_front(run, p->metrics, front, size, i);
            value = front_value(p, run, front, size, room);
        }
        run->steps[i] = (struct step){value, epochs, size};
    }
    free(front);
    free(room);
}

/* ---- printing ---- */

static struct cell int_cell(int64_t value)
{
    return (struct cell){.kind = CELL_INT, .integer = value};
}

static struct cell num_cell(double value)
{
    return (struct cell){.kind = isnan(value) ? CELL_NULL : CELL_NUM, .number = value};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A run that ended early stays where it was. */
static const struct step *step_at(const struct run *run, size_t trial)
{
    static const struct step none = {.value = NAN};
    if (!run->count)
        return &none;
    return &run->steps[trial <= run->count ? trial - 1 : run->count - 1];
}

static struct cell *put_alone(const struct pace *p, size_t trial, struct cell *to)
{
    const struct step *step = step_at(&p->runs[0], trial);
    *to++ = int_cell(step->epochs);
    if (p->metrics > 1)
        *to++ = int_cell(step->front);
    *to++ = num_cell(step->value);
    return to;
}

static struct cell *put_quartiles(const struct pace *p, size_t trial, struct cell *to)
{
    double *values = xcalloc((size_t)p->count + 1, sizeof *values), epochs = 0, front = 0;
    int count = 0;
    for (int i = 0; i < p->count; i++) {
        const struct step *step = step_at(&p->runs[i], trial);
        epochs += (double)step->epochs;
        front += step->front;
        if (!isnan(step->value))
            values[count++] = step->value;
    }
    qsort(values, (size_t)count, sizeof *values, by_value);
    *to++ = num_cell(epochs / p->count);
    if (p->metrics > 1)
        *to++ = num_cell(front / p->count);
    for (int q = 1; q <= 3; q++)
        *to++ = num_cell(count ? values[(size_t)(q * (count - 1) / 4.0 + 0.5)] : NAN);
    free(values);
    return to;
}

/* 1, 2, 3, 5, 10, 20, 30, 50, 100 ... and the last. */
static bool is_round(size_t trial)
{
    size_t scale = 1;
    while (scale * 10 <= trial)
        scale *= 10;
    size_t first = trial / scale;
    return trial % scale == 0 && (first <= 3 || first == 5);
}

static bool is_shown(const struct pace *p, size_t trial, size_t last)
{
    const struct run *run = &p->runs[0];
    if (trial == last || trial == 1)
        return true;
    if (p->count > 1 || p->metrics > 1)
        return is_round(trial);
    return step_at(run, trial)->value != step_at(run, trial - 1)->value;
}

/* Names of the columns, NULL behind the last. */
static int columns_of(const struct pace *p, char *names[8])
{
    static char trials[] = "trials", epochs[] = "epochs", front[] = "front", best[] = "best",
                hypervolume[] = "hypervolume", q1[] = "q1", median[] = "median", q3[] = "q3";
    int n = 0;
    names[n++] = trials;
    names[n++] = epochs;
    if (p->metrics > 1)
        names[n++] = front;
    if (p->count == 1) {
        names[n++] = p->metrics > 1 ? hypervolume : best;
        return n;
    }
    names[n++] = q1;
    names[n++] = median;
    names[n++] = q3;
    return n;
}

static void say_reference(const struct pace *p)
{
    char number[32];
    printf("\n%shypervolume from", p->count > 1 ? "quartiles of the " : "");
    for (int k = 0; k < p->metrics; k++) {
        table_number(turned(p, k, p->reference[k]), number);
        printf("%s %s %s", k ? "," : "", k ? p->def->more[k - 1].name : p->def->metric, number);
    }
    printf("\n");
}

void pace_show(struct pace *p, bool csv, bool json)
{
    char *names[8];
    size_t last = 0;
    struct rows rows = {.cols = columns_of(p, names), .names = names};
    if (p->metrics > 1 && !p->has_reference)
        choose_reference(p);
    for (int i = 0; i < p->count; i++) {
        walk(p, &p->runs[i]);
        last = p->runs[i].count > last ? p->runs[i].count : last;
    }
    rows.cells = xcalloc((last + 1) * (size_t)rows.cols, sizeof *rows.cells);
    struct cell *to = rows.cells;
    for (size_t trial = 1; trial <= last; trial++) {
        if (!is_shown(p, trial, last))
            continue;
        *to++ = int_cell((int64_t)trial);
        to = p->count > 1 ? put_quartiles(p, trial, to) : put_alone(p, trial, to);
        rows.count++;
    }
    table_show(&rows, NULL, csv, json);
    if (p->metrics > 1 && !csv && !json)
        say_reference(p);
    free(rows.cells);
}
