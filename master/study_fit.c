#include "master/study_fit.h"

#include <string.h>

#include "common/check.h"
#include "common/trainer_options.h"
#include "master/search/given.h"
#include "master/search/pbt.h"
#include "master/search/stages.h"

/* Known good points first: each is looked at now, so that none is refused when the search is under way. */
static int check_enqueue(const struct jcur *root, const struct study_def *def, struct err *err)
{
    struct jcur list = jcur_get(root, "enqueue");
    if (!jcur_has(&list))
        return 0;
    if (jcur_array(&list, 1, 10000, err))
        return err_hint(err, "a list of points: \"enqueue\": [{\"lr\": 0.001}]");
    if (strcmp(def->search.method, "grid") == 0) {
        jcur_fail(&list, err, "has no place beside a grid, which visits its own points and no others");
        return err_hint(err, "another study with these points, or \"values\" in the space that have them");
    }
    const struct pbt *pbt = pbt_of(&def->search);
    if (pbt && json_count(list.node) > (size_t)pbt->population)
        return jcur_fail(&list, err, "has %zu points, more than the population of %d", json_count(list.node),
                         pbt->population);
    if (def->search.trials && (int64_t)json_count(list.node) > def->search.trials)
        return jcur_fail(&list, err, "has %zu points, more than the %lld of search.trials",
                         json_count(list.node), (long long)def->search.trials);
    struct history none = {0};
    for (const struct json *n = json_first(list.node); n; n = json_next(n)) {
        struct jcur given = jcur_of(&list, n);
        if (given_check(&def->space, &none, &given, err))
            return ERR_BAD;
    }
    return 0;
}

/* Stages and rungs compare trials of different lengths; a mean of these says nothing. */
static int check_groups(const struct jcur *root, const struct study_def *def, struct err *err)
{
    bool rungs = stages_of(&def->search) || def->prune.method == PRUNE_ASHA ||
                 def->prune.method == PRUNE_HYPERBAND || pbt_of(&def->search);
    struct jcur repeat = jcur_get(root, "repeat"), confirm = jcur_get(root, "confirm");
    if (rungs && def->repeat.repeats > 1)
        return jcur_fail(&repeat, err,
                         "has no place beside stages, asha, hyperband or pbt, which compare trials before "
                         "they are through");
    if (stages_of(&def->search) && def->repeat.confirm_top)
        return jcur_fail(&confirm, err, "has no place beside stages: their last stage is the confirmation");
    if (pbt_of(&def->search) && def->repeat.confirm_top)
        return jcur_fail(&confirm, err, "has no place beside pbt: what it finds is a schedule, not a point");
    return 0;
}

static int check_warm_start(const struct jcur *root, struct err *err)
{
    static const char *const keys[] = {"study", "db", NULL};
    struct jcur warm = jcur_get(root, "warm_start"), study = jcur_get(&warm, "study"),
                db = jcur_get(&warm, "db");
    const char *text;
    if (!jcur_has(&warm))
        return 0;
    if (jcur_object(&warm, 4, err) || jcur_known(&warm, keys, err) || jcur_name(&study, &text, err))
        return err_hint(err, "\"warm_start\": {\"study\": \"mnist-small\", \"db\": \"older.db\"}");
    return jcur_has(&db) ? jcur_text(&db, 4000, &text, err) : 0;
}

static int not_with_several(const struct jcur *at, struct err *err, const char *why)
{
    jcur_fail(at, err, "has no place beside several metrics: %s", why);
    return err_hint(err, "rank by one metric, and let the trainer report the others: every one is stored");
}

/* Of all of them the fastest epoch would count, which is any. */
static int check_first_of_several(const struct jcur *root, const struct study_def *def, struct err *err)
{
    struct jcur metrics = jcur_get(root, "metric"), first = jcur_at(&metrics, 0);
    if (strcmp(def->metric, "seconds") != 0 || def->score_last || def->epochs == 1)
        return 0;
    jcur_fail(&first, err, "\"seconds\" is first, so that the fastest epoch would count for all of them");
    return err_hint(err, "put it after the others, or add \"score\": \"last\"");
}

/* What ranks trials along one line says nothing where several metrics do. */
static int check_several(const struct jcur *root, const struct study_def *def, struct err *err)
{
    static const char *const methods[] = {"gp", "cma-es", "coarse-to-fine", "pbt"};
    struct jcur search = jcur_get(root, "search"), method = jcur_get(&search, "method");
    struct jcur boundary = jcur_get(&search, "boundary"), prune = jcur_get(root, "prune");
    struct jcur method_of_prune = jcur_get(&prune, "method"), repeat = jcur_get(root, "repeat");
    struct jcur confirm = jcur_get(root, "confirm"), warm = jcur_get(root, "warm_start");
    struct jcur budget = jcur_get(root, "budget"), target = jcur_get(&budget, "target");
    struct jcur space = jcur_get(root, "space");
    if (!def->more_count)
        return 0;
    if (check_first_of_several(root, def, err))
        return ERR_BAD;
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (strcmp(def->search.method, methods[i]) == 0)
            return not_with_several(&method, err,
                                    "\"auto\", \"nsga-ii\" and \"tpe\" know what to do with them");
    if (jcur_has(&boundary) && def->search.boundary != BOUNDARY_OFF)
        return not_with_several(&boundary, err,
                                "walls are moved toward what is best, and here that is a front");
    for (int i = 0; i < def->space.count; i++) {
        struct jcur param = jcur_get(&space, def->space.params[i].name), own = jcur_get(&param, "boundary");
        if (jcur_has(&own) && def->space.params[i].boundary != BOUNDARY_OFF)
            return not_with_several(&own, err,
                                    "walls are moved toward what is best, and here that is a front");
    }
    if (def->prune.method != PRUNE_NONE)
        return not_with_several(&method_of_prune, err,
                                "it compares trials by one number; \"below\" is about the first metric");
    if (def->repeat.repeats > 1)
        return not_with_several(&repeat, err, "who loses early is told by one mean");
    if (def->repeat.confirm_top)
        return not_with_several(&confirm, err, "which are the best is told by one mean");
    if (jcur_has(&warm))
        return not_with_several(&warm, err, "what it knows is one score a trial");
    return jcur_has(&target) ? not_with_several(&target, err, "a front has no one score") : 0;
}

/* Who compares trials by stages or generations lets nobody else decide how far they run. */
static int check_rungs(const struct jcur *root, const struct study_def *def, struct err *err)
{
    struct jcur prune = jcur_get(root, "prune");
    enum prune_method method = def->prune.method;
    if (stages_of(&def->search) && (method == PRUNE_ASHA || method == PRUNE_HYPERBAND))
        return jcur_fail(&prune, err,
                         "stages carry their best on by themselves: \"%s\" has no place beside them",
                         method == PRUNE_ASHA ? "asha" : "hyperband");
    if (pbt_of(&def->search) && method != PRUNE_NONE)
        return jcur_fail(&prune, err,
                         "pbt gives up its worst by itself: only \"below\" and \"after\" go with it");
    return 0;
}

/* A child resumes from its parent's checkpoint: it must be within reach, and fit. */
static int check_population(const struct jcur *root, const struct study_def *def, struct err *err)
{
    static const char *const fixed[] = {"builtin", "layers", "hidden", "optimizer", NULL};
    const struct pbt *pbt = pbt_of(&def->search);
    struct jcur checkpoints = jcur_get(root, "checkpoints"), search = jcur_get(root, "search");
    struct jcur explore = jcur_get(&search, "explore");
    const struct json *trainer = json_get(root->node, "trainer");
    if (pbt && def->keep.at_worker)
        return jcur_fail(&checkpoints, err,
                         "pbt copies checkpoints between workers: they must come to the master");
    if (!pbt || !json_get(trainer, "builtin"))
        return 0;
    for (int i = 0; i < def->space.count; i++) {
        const char *name = def->space.params[i].name;
        bool shapes = trainer_layers_use(trainer, name);
        for (int k = 0; fixed[k]; k++)
            shapes = shapes || strcmp(fixed[k], name) == 0;
        if (!shapes || !pbt->explores[i])
            continue;
        jcur_fail(&explore, err, "\"%s\" must not be explored: a checkpoint fits its own net and rule only",
                  name);
        return err_hint(err, "list the others, \"explore\": [\"lr\", …]; children keep their parent's %s",
                        name);
    }
    return 0;
}

/* A search must be able to end: by its own size, a number of trials, or a budget. */
static int check_ends(const struct jcur *root, const struct study_def *def, struct err *err)
{
    struct sampler *sampler = sampler_new(&def->search, &def->space, 0, err);
    if (!sampler)
        return ERR_BAD;
    int64_t size = sampler_size(sampler);
    sampler_free(sampler);
    const struct budget *b = &def->budget;
    if (size >= 0 || stages_of(&def->search) || pbt_of(&def->search) || def->search.trials || b->wall_ms ||
        b->slot_ms || b->epochs)
        return 0;
    struct jcur search = jcur_get(root, "search"), trials = jcur_get(&search, "trials");
    jcur_fail(&trials, err, "is missing, and nothing else would end the search");
    return err_hint(err, "\"search\": {\"trials\": 60, …}, or a \"budget\" with wall, epochs or slot_hours");
}

/* A command may report what it likes; what the built-in trainer reports is known. */
static int check_metrics(const struct jcur *root, const struct study_def *def, struct err *err)
{
    struct jcur metric = jcur_get(root, "metric");
    int which;
    if (!json_get(json_get(root->node, "trainer"), "builtin"))
        return 0;
    for (int i = 0; i <= def->more_count; i++) {
        struct jcur one = json_type(metric.node) == JSON_ARRAY ? jcur_at(&metric, i) : metric;
        struct jcur name = jcur_get(&one, "name");
        if (jcur_choice(&name, trainer_metrics, &which, err))
            return ERR_BAD;
    }
    return 0;
}

int study_fit(const struct jcur *root, const struct study_def *def, struct err *err)
{
    if (check_metrics(root, def, err) || check_rungs(root, def, err) || check_population(root, def, err) ||
        check_groups(root, def, err) || check_enqueue(root, def, err) || check_warm_start(root, err))
        return ERR_BAD;
    return check_several(root, def, err) ? ERR_BAD : check_ends(root, def, err);
}
