/* simulate: a search method tried on an objective that costs nothing, before slots are spent. The real reactor and
 * store run with simulated workers that never fail (master/rehearsal.h), so stages, walls, pruning, groups and budgets
 * do what they will do. */
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/objective.h"
#include "cli/pace.h"
#include "cli/study_file.h"
#include "common/log.h"
#include "master/rehearsal.h"

enum { SEEDS_MOST = 10000, SLOTS_MOST = 10000 };

struct simulation {
    struct study_def def;
    struct objective *objective;
    struct pace *pace;
    int slots;
};

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
    struct rehearsal_options options = {.seed = 1,
                                        .objective = objective_value,
                                        .further = objective_further,
                                        .arg = sim->objective,
                                        .metric = sim->def.metric};
    for (int k = 0; k < sim->def.more_count; k++)
        options.further_names[k] = sim->def.more[k].name;
    struct rehearsal *r = rehearsal_new(&options, err);
    char *definition = definition_of(sim, run);
    int rc = r ? rehearsal_submit(r, definition, err) : ERR_IO;
    if (!rc) {
        rehearsal_add_worker(r, sim->slots);
        rehearsal_run(r, INT64_C(1) << 50);
        pace_take(sim->pace, run, reactor_study(rehearsal_reactor(r), NULL),
                  noise > 0 ? sim->objective : NULL);
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

/* ---- the command ---- */

static int check_options(const struct opt_simulate *opt, struct err *err)
{
    if (!opt->objective == !opt->exec) {
        err_set(err, ERR_BAD, "say on what: --objective or --exec, and not both");
        return err_hint(err, "hone simulate study.json --objective branin");
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
    int rc = opt->reference ? pace_set_reference(sim->pace, opt->reference, err) : 0;
    if (!rc)
        rc = objective_open(&options, &sim->def, &sim->objective, err);
    for (int i = 0; i < opt->seeds && !rc; i++)
        rc = run_once(sim, i, opt->noise, err);
    if (!rc)
        pace_show(sim->pace, opt->csv, opt->json);
    return rc;
}

int cmd_simulate(const struct opt_simulate *opt)
{
    struct err err = ERR_NONE;
    struct simulation sim = {.slots = (int)opt->slots};
    int rc = check_options(opt, &err);
    if (!rc)
        rc = study_def_load(opt->args.items[0], opt->set.items, &sim.def, &err);
    if (rc)
        return command_fail("simulate", &err);
    log_init(LOG_ERROR);
    sim.pace = pace_new(&sim.def, (int)opt->seeds);
    rc = simulate(&sim, opt, &err);
    pace_free(sim.pace);
    objective_free(sim.objective);
    study_def_fini(&sim.def);
    return rc ? command_fail("simulate", &err) : 0;
}
