/* simulate: a search method tried on an objective that costs nothing, before slots are spent. The real reactor and
 * store run with simulated workers that never fail (master/rehearsal.h), so stages, walls, pruning, groups and budgets
 * do what they will do. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/objective.h"
#include "cli/study_file.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"
#include "master/rehearsal.h"

enum { SEEDS_MOST = 10000, SLOTS_MOST = 10000 };

/* How good the best was after the k-th trial ended, and what that had cost. */
struct step {
    double best;
    int64_t epochs;
};

struct run {
    struct step *steps;
    size_t count;
};

struct simulation {
    struct study_def def;
    struct objective *objective;
    struct run *runs;
    int count;
    int slots;
};

/* ---- one run ---- */

static int by_end(const void *a, const void *b)
{
    const struct trial *const *p = a, *const *q = b;
    if ((*p)->ended_ms != (*q)->ended_ms)
        return (*p)->ended_ms < (*q)->ended_ms ? -1 : 1;
    return (*p)->number < (*q)->number ? -1 : 1;
}

static double truth_of(struct simulation *sim, const struct trial *t)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    point_write(&t->study->def.space, &t->point, &w, NULL);
    struct json *params = json_parse(str_text(&text), text.len, "point", NULL);
    double truth = objective_truth(sim->objective, params, t->seed, t->epochs);
    json_free(params);
    str_fini(&text);
    return truth;
}

/* The best is chosen by what was seen, and told by what it is worth without noise. */
static void collect(struct simulation *sim, const struct study *s, double noise, struct run *out)
{
    const struct trial **ended = xcalloc(s->count + 1, sizeof *ended), *best = NULL;
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->trials[i]->status != TRIAL_cancelled && trial_status_is_final(s->trials[i]->status))
            ended[count++] = s->trials[i];
    if (count)
        qsort(ended, count, sizeof *ended, by_end);
    *out = (struct run){xcalloc(count + 1, sizeof *out->steps), count};
    double value = NAN;
    for (size_t i = 0; i < count; i++) {
        if (metric_better(s->def.maximize, ended[i]->score, best ? best->score : NAN)) {
            best = ended[i];
            value = noise > 0 ? truth_of(sim, best) : best->score;
        }
        out->steps[i] = (struct step){value, ended[i]->last_epoch + (i ? out->steps[i - 1].epochs : 0)};
    }
    free(ended);
}

/* The trainer is the objective; another seed is another run. */
static char *definition_of(const struct simulation *sim, int run)
{
    struct str text = {0};
    struct json *root = json_clone(sim->def.json),
                *trainer = json_parse("{\"command\":[\"true\"]}", 20, "trainer", NULL);
    struct json *search = json_take(root, "search");
    json_put_num(trainer, "seed", (double)sim->def.trainer_seed);
    json_put_num(search, "seed", (double)(sim->def.search.seed + (uint64_t)run));
    json_put_num(search, "epochs", sim->def.epochs);
    json_put(root, "trainer", trainer);
    json_put(root, "search", search);
    json_print(root, &text);
    json_free(trainer);
    json_free(search);
    json_free(root);
    return str_take(&text);
}

static int run_once(struct simulation *sim, int run, double noise, struct err *err)
{
    struct rehearsal_options options = {
        .seed = 1, .objective = objective_value, .arg = sim->objective, .metric = sim->def.metric};
    struct rehearsal *r = rehearsal_new(&options, err);
    char *definition = definition_of(sim, run);
    int rc = r ? rehearsal_submit(r, definition, err) : ERR_IO;
    if (!rc) {
        rehearsal_add_worker(r, sim->slots);
        rehearsal_run(r, INT64_C(1) << 50);
        collect(sim, reactor_study(rehearsal_reactor(r), NULL), noise, &sim->runs[run]);
    }
    const struct err *failed = objective_failed(sim->objective);
    if (!rc && failed) {
        rc = failed->code;
        *err = *failed;
    }
    free(definition);
    rehearsal_free(r);
    return rc;
}

/* ---- printing ---- */

static struct cell num_cell(double value)
{
    struct cell cell = {.kind = CELL_NUM, .number = value};
    if (isnan(value))
        cell.kind = CELL_NULL;
    return cell;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A run that ended early stays where it was. */
static const struct step *step_at(const struct run *run, size_t trial)
{
    static const struct step none = {NAN, 0};
    if (!run->count)
        return &none;
    return &run->steps[trial <= run->count ? trial - 1 : run->count - 1];
}

static void put_quartiles(const struct simulation *sim, size_t trial, struct cell *to)
{
    double *values = xcalloc((size_t)sim->count + 1, sizeof *values), epochs = 0;
    int count = 0;
    for (int i = 0; i < sim->count; i++) {
        const struct step *step = step_at(&sim->runs[i], trial);
        epochs += (double)step->epochs;
        if (!isnan(step->best))
            values[count++] = step->best;
    }
    qsort(values, (size_t)count, sizeof *values, by_value);
    to[0] = (struct cell){.kind = CELL_INT, .integer = (int64_t)trial};
    to[1] = num_cell(epochs / sim->count);
    for (int q = 1; q <= 3; q++)
        to[1 + q] = num_cell(count ? values[(size_t)(q * (count - 1) / 4.0 + 0.5)] : NAN);
    free(values);
}

/* 1, 2, 3, 5, 10, 20, 30, 50, 100 ... and the last. */
static bool is_shown(size_t trial, size_t last)
{
    size_t scale = 1;
    while (scale * 10 <= trial)
        scale *= 10;
    size_t front = trial / scale;
    return trial == last || (trial % scale == 0 && (front <= 3 || front == 5));
}

static void show(const struct simulation *sim, bool csv, bool json)
{
    static char titles[][8] = {"trials", "epochs", "q1", "median", "q3"};
    static char alone[] = "best";
    bool several = sim->count > 1;
    char *names[] = {titles[0], titles[1], several ? titles[2] : alone, titles[3], titles[4]};
    int cols = several ? 5 : 3;
    size_t last = 0;
    for (int i = 0; i < sim->count; i++)
        last = sim->runs[i].count > last ? sim->runs[i].count : last;
    struct rows rows = {.cols = cols, .names = names};
    rows.cells = xcalloc((last + 1) * 5, sizeof *rows.cells);
    for (size_t trial = 1; trial <= last; trial++) {
        const struct run *run = &sim->runs[0];
        bool better = trial == 1 || step_at(run, trial)->best != step_at(run, trial - 1)->best;
        if (several ? !is_shown(trial, last) : !better && trial != last)
            continue;
        put_quartiles(sim, trial, &rows.cells[rows.count * (size_t)cols]);
        rows.count++;
    }
    table_show(&rows, (struct column[]){{0}}, csv, json);
    free(rows.cells);
}

/* ---- the command ---- */

static int check_options(const struct opt_simulate *opt, struct err *err)
{
    if (!opt->objective == !opt->exec) {
        err_set(err, ERR_BAD, "say on what: --objective or --exec, and not both");
        return err_hint(err, "hone simulate study.json --objective hartmann6");
    }
    if (opt->seeds < 1 || opt->seeds > SEEDS_MOST)
        return err_set(err, ERR_BAD, "--seeds: 1 to %d", SEEDS_MOST);
    if (opt->slots < 1 || opt->slots > SLOTS_MOST)
        return err_set(err, ERR_BAD, "--slots: 1 to %d", SLOTS_MOST);
    return 0;
}

static int simulate(struct simulation *sim, const struct opt_simulate *opt, struct err *err)
{
    struct objective_options options = {opt->objective, opt->exec, opt->db, opt->noise};
    int rc = objective_open(&options, &sim->def, &sim->objective, err);
    for (int i = 0; i < sim->count && !rc; i++)
        rc = run_once(sim, i, opt->noise, err);
    if (!rc)
        show(sim, opt->csv, opt->json);
    return rc;
}

int cmd_simulate(const struct opt_simulate *opt)
{
    struct err err = ERR_NONE;
    struct simulation sim = {.count = (int)opt->seeds, .slots = (int)opt->slots};
    int rc = check_options(opt, &err);
    if (!rc)
        rc = study_def_load(opt->args.items[0], opt->set.items, (int)opt->set.count, &sim.def, &err);
    if (!rc && sim.def.more_count) {
        rc = err_set(&err, ERR_BAD, "%s: metric: an objective has one value, and this study is ranked by %d",
                     opt->args.items[0], 1 + sim.def.more_count);
        study_def_fini(&sim.def);
    }
    if (rc)
        return command_fail("simulate", &err);
    log_init(LOG_ERROR);
    sim.runs = xcalloc((size_t)sim.count + 1, sizeof *sim.runs);
    rc = simulate(&sim, opt, &err);
    for (int i = 0; i < sim.count; i++)
        free(sim.runs[i].steps);
    free(sim.runs);
    objective_free(sim.objective);
    study_def_fini(&sim.def);
    return rc ? command_fail("simulate", &err) : 0;
}
