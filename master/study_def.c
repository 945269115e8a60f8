#include "master/study_def.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/trainer_options.h"
#include "common/units.h"
#include "master/search/given.h"
#include "master/search/pbt.h"
#include "master/search/require.h"
#include "master/search/stages.h"

enum { STUDY_FILE_MAX_BYTES = 4 << 20, COMMAND_MAX_ARGS = 256 };

/* ---- parts of the file ---- */

static int parse_goal(const struct jcur *metric, char name[65], bool *maximize, struct err *err)
{
    static const char *const goals[] = {"maximize", "minimize", NULL};
    struct jcur name_at = jcur_get(metric, "name"), goal = jcur_get(metric, "goal");
    const char *text;
    int choice;
    if (jcur_name(&name_at, &text, err) || jcur_choice(&goal, goals, &choice, err))
        return ERR_BAD;
    str_copy(name, 65, text);
    *maximize = choice == 0;
    return 0;
}

static int parse_first_metric(const struct jcur *metric, struct study_def *def, struct err *err)
{
    static const char *const keys[] = {"name", "goal", "score", NULL};
    static const char *const scores[] = {"best", "last", NULL};
    struct jcur score = jcur_get(metric, "score");
    int choice = 0;
    if (jcur_object(metric, 8, err) || jcur_known(metric, keys, err) ||
        parse_goal(metric, def->metric, &def->maximize, err))
        return ERR_BAD;
    if (jcur_has(&score) && jcur_choice(&score, scores, &choice, err))
        return ERR_BAD;
    def->score_last = choice == 1;
    return 0;
}

static int parse_further_metric(const struct jcur *metric, struct study_def *def, struct err *err)
{
    static const char *const keys[] = {"name", "goal", NULL};
    struct further_metric *more = &def->more[def->more_count];
    struct jcur name = jcur_get(metric, "name"), score = jcur_get(metric, "score");
    if (jcur_object(metric, 8, err))
        return ERR_BAD;
    if (jcur_has(&score))
        return jcur_fail(&score, err, "the first metric chooses the epoch that counts, for all of them");
    if (jcur_known(metric, keys, err) || parse_goal(metric, more->name, &more->maximize, err))
        return ERR_BAD;
    bool is_there = strcmp(more->name, def->metric) == 0;
    for (int i = 0; i < def->more_count; i++)
        is_there |= strcmp(more->name, def->more[i].name) == 0;
    if (is_there)
        return jcur_fail(&name, err, "is there already");
    def->more_count++;
    return 0;
}

static int parse_metric(const struct jcur *root, struct study_def *def, struct err *err)
{
    struct jcur metric = jcur_get(root, "metric");
    if (!jcur_has(&metric) || json_type(metric.node) != JSON_ARRAY)
        return parse_first_metric(&metric, def, err);
    if (jcur_array(&metric, 1, PARETO_MAX, err))
        return err_hint(err, "a study has up to %d metrics", PARETO_MAX);
    for (const struct json *m = json_first(metric.node); m; m = json_next(m)) {
        struct jcur item = jcur_of(&metric, m);
        if (item.index ? parse_further_metric(&item, def, err) : parse_first_metric(&item, def, err))
            return ERR_BAD;
    }
    return 0;
}

static int parse_wall(const struct jcur *budget, struct study_def *def, struct err *err)
{
    struct jcur wall = jcur_get(budget, "wall");
    const char *text;
    if (!jcur_has(&wall))
        return 0;
    if (jcur_text(&wall, 64, &text, err))
        return ERR_BAD;
    struct err why = ERR_NONE;
    if (duration_parse(text, &def->budget.wall_ms, &why) || def->budget.wall_ms <= 0) {
        jcur_fail(&wall, err, "%s", why.code ? why.text : "must be longer than nothing");
        return err_hint(err, "write a duration: \"90s\", \"2h30m\"");
    }
    return 0;
}

static int parse_budget(const struct jcur *root, struct study_def *def, struct err *err)
{
    static const char *const keys[] = {"wall", "failed", "target", "epochs", "slot_hours", NULL};
    struct jcur budget = jcur_get(root, "budget");
    def->budget.target = NAN;
    if (!jcur_has(&budget))
        return 0;
    if (jcur_object(&budget, 16, err) || jcur_known(&budget, keys, err) || parse_wall(&budget, def, err))
        return ERR_BAD;
    struct jcur failed = jcur_get(&budget, "failed"), target = jcur_get(&budget, "target");
    struct jcur epochs = jcur_get(&budget, "epochs"), hours = jcur_get(&budget, "slot_hours");
    double slot_hours = 0;
    if (jcur_has(&failed) && jcur_int(&failed, 1, 1000000000, &def->budget.failed, err))
        return ERR_BAD;
    if (jcur_has(&target) && jcur_num(&target, -1e300, 1e300, &def->budget.target, err))
        return ERR_BAD;
    if (jcur_has(&epochs) && jcur_int(&epochs, 1, INT64_C(1) << 50, &def->budget.epochs, err))
        return ERR_BAD;
    if (jcur_has(&hours) && jcur_num(&hours, 1e-6, 1e9, &slot_hours, err))
        return ERR_BAD;
    def->budget.slot_ms = (int64_t)ceil(slot_hours * 3600000.0);
    return 0;
}

/* {name} in an element of the command must be a parameter or one of the words the slot knows. */
static int check_placeholders(const struct jcur *arg, const struct study_def *def, struct err *err)
{
    static const char *const words[] = {"study",  "trial", "attempt", "seed",   "until",        "epochs",
                                        "metric", "dir",   "base",    "resume", "resume_epoch", NULL};
    for (const char *open = strchr(json_text(arg->node), '{'); open; open = strchr(open + 1, '{')) {
        size_t len = strcspn(open + 1, "{}");
        char name[66];
        if (open[len + 1] != '}' || len == 0 || len > 64)
            continue; /* a brace of the trainer's own, as in JSON or a shell pattern */
        memcpy(name, open + 1, len);
        name[len] = '\0';
        if (!name_ok(name) || space_find(&def->space, name) >= 0 ||
            (def->repeat.folds && strcmp(name, "fold") == 0))
            continue;
        const char *const *w = words;
        while (*w && strcmp(*w, name) != 0)
            w++;
        if (!*w) {
            jcur_fail(arg, err, "{%s} is not a parameter of the space", name);
            return err_hint(err, "add it to \"space\", or use {trial}, {seed}, {epochs}, {dir}, {resume}, …");
        }
    }
    return 0;
}

static int check_command(const struct jcur *trainer, const struct study_def *def, struct err *err)
{
    static const char *const keys[] = {"command", "warm", "timeout", "seed", NULL};
    struct jcur command = jcur_get(trainer, "command"), warm = jcur_get(trainer, "warm");
    struct jcur timeout = jcur_get(trainer, "timeout");
    if (jcur_known(trainer, keys, err) || jcur_array(&command, 1, COMMAND_MAX_ARGS, err))
        return ERR_BAD;
    int i = 0;
    for (const struct json *a = json_first(command.node); a; a = json_next(a), i++) {
        struct jcur arg = jcur_at(&command, i);
        const char *text;
        if (jcur_text(&arg, 65536, &text, err) || check_placeholders(&arg, def, err))
            return ERR_BAD;
        if (i == 0 && !text[0])
            return jcur_fail(&arg, err, "the program's name is empty");
    }
    bool flag;
    if (jcur_has(&warm) && jcur_bool(&warm, &flag, err))
        return ERR_BAD;
    const char *text;
    int64_t ms;
    if (jcur_has(&timeout) && (jcur_text(&timeout, 64, &text, err) || duration_parse(text, &ms, err)))
        return err && err->text[0] ? jcur_fail(&timeout, err, "must be a duration like \"2h\"") : ERR_BAD;
    return 0;
}

static int check_params_used(const struct jcur *trainer, const struct study_def *def, const char *file,
                             struct err *err)
{
    for (int i = 0; i < def->space.count; i++) {
        const char *name = def->space.params[i].name;
        if (trainer_uses_param(trainer->node, name))
            continue;
        err_set(err, ERR_BAD, "%s: space.%s: nothing in the trainer uses this parameter", file, name);
        return err_hint(
            err,
            "give it the name of a trainer option (lr, l2, hidden, …) or place it as \"{%s}\" in a "
            "layer",
            name);
    }
    return 0;
}

static int parse_trainer(const struct jcur *root, struct study_def *def, struct err *err)
{
    struct jcur trainer = jcur_get(root, "trainer"), seed = jcur_get(&trainer, "seed");
    if (jcur_object(&trainer, 256, err))
        return ERR_BAD;
    bool builtin = json_get(trainer.node, "builtin") != NULL;
    if (builtin == (json_get(trainer.node, "command") != NULL)) {
        jcur_fail(&trainer, err, "must have \"builtin\" or \"command\", and not both");
        return err_hint(
            err,
            "{\"builtin\": \"mlp\", \"data\": \"spiral\"} or {\"command\": [\"python3\", \"train.py\"]}");
    }
    int64_t value = 0;
    if (jcur_has(&seed) && jcur_int(&seed, 0, HONE_SEED_MAX, &value, err))
        return ERR_BAD;
    def->trainer_seed = (uint64_t)value;
    if (!builtin)
        return check_command(&trainer, def, err);
    if (trainer_options_check(&trainer, err))
        return ERR_BAD;
    return check_params_used(&trainer, def, root->file, err);
}

static int parse_extras(const struct jcur *root, struct study_def *def, struct err *err)
{
    struct jcur priority = jcur_get(root, "priority"), weight = jcur_get(root, "weight");
    struct jcur most = jcur_get(root, "max_attempts"), text = jcur_get(root, "description");
    int64_t max_attempts = 3;
    const char *description;
    def->weight = 1;
    if (jcur_has(&priority) && jcur_num(&priority, -1e6, 1e6, &def->priority, err))
        return ERR_BAD;
    if (jcur_has(&weight) && jcur_num(&weight, 1e-3, 1e6, &def->weight, err))
        return ERR_BAD;
    if (jcur_has(&most) && jcur_int(&most, 1, 1000, &max_attempts, err))
        return ERR_BAD;
    if (jcur_has(&text) && jcur_text(&text, 10000, &description, err))
        return ERR_BAD;
    def->max_attempts = (int)max_attempts;
    return 0;
}

/* Known good points first: each is looked at now, so that none is refused when the search is under way. */
static int check_enqueue(const struct jcur *root, const struct study_def *def, struct err *err)
{
    struct jcur list = jcur_get(root, "enqueue");
    if (!jcur_has(&list))
        return 0;
    if (jcur_array(&list, 1, 10000, err))
        return ERR_BAD;
    if (strcmp(def->search.method, "grid") == 0)
        return jcur_fail(&list, err, "has no place beside a grid, which visits its own points and no others");
    const struct pbt *pbt = pbt_of(&def->search);
    if (pbt && json_count(list.node) > (size_t)pbt->population)
        return jcur_fail(&list, err, "has %zu points, more than the population of %d", json_count(list.node),
                         pbt->population);
    if (def->search.trials && (int64_t)json_count(list.node) > def->search.trials)
        return jcur_fail(&list, err, "has %zu points, more than the %lld of search.trials",
                         json_count(list.node), (long long)def->search.trials);
    for (const struct json *n = json_first(list.node); n; n = json_next(n)) {
        struct jcur given = jcur_of(&list, n);
        if (given_check(&def->space, &given, err))
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
static int check_rungs(const struct jcur *prune, const struct study_def *def, struct err *err)
{
    enum prune_method method = def->prune.method;
    if (stages_of(&def->search) && (method == PRUNE_ASHA || method == PRUNE_HYPERBAND))
        return jcur_fail(prune, err,
                         "stages carry their best on by themselves: \"%s\" has no place beside them",
                         method == PRUNE_ASHA ? "asha" : "hyperband");
    if (pbt_of(&def->search) && method != PRUNE_NONE)
        return jcur_fail(prune, err,
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
static int check_ends(const struct jcur *root, struct study_def *def, struct err *err)
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

static int parse_root(const struct jcur *root, struct study_def *def, struct err *err)
{
    static const char *const keys[] = {
        "study",   "metric",       "trainer",     "space",   "search",  "budget",     "priority",
        "weight",  "max_attempts", "description", "prune",   "enqueue", "warm_start", "repeat",
        "confirm", "keep",         "checkpoints", "require", NULL};
    struct jcur name = jcur_get(root, "study"), space = jcur_get(root, "space");
    struct jcur search = jcur_get(root, "search"), trainer = jcur_get(root, "trainer");
    struct jcur require = jcur_get(root, "require");
    const char *text;
    if (jcur_object(root, 64, err) || jcur_known(root, keys, err) || jcur_name(&name, &text, err))
        return ERR_BAD;
    str_copy(def->name, sizeof def->name, text);
    if (parse_metric(root, def, err) || space_parse(&space, &def->space, err) ||
        require_parse(&require, &def->space, err))
        return ERR_BAD;
    if (search_parse(&search, &def->space, &def->search, err))
        return ERR_BAD;
    def->search.metrics = 1 + def->more_count;
    /* What people who leave it out expect: the built-in trainer learns something, a command runs once. */
    const struct stages *stages = stages_of(&def->search);
    if (stages && !def->search.epochs)
        def->search.epochs = stages->list[stages->count - 1].epochs;
    def->epochs = def->search.epochs ? def->search.epochs : json_get(trainer.node, "builtin") ? 10 : 1;
    struct jcur prune = jcur_get(root, "prune");
    if (prune_parse(&prune, def->epochs, &def->prune, err))
        return ERR_BAD;
    if (check_rungs(&prune, def, err))
        return ERR_BAD;
    if (repeat_parse(root, def->search.trials, &def->repeat, err))
        return ERR_BAD;
    if (parse_budget(root, def, err) || parse_trainer(root, def, err) || parse_extras(root, def, err) ||
        keep_parse(root, &def->keep, err))
        return ERR_BAD;
    if (check_population(root, def, err) || check_groups(root, def, err) || check_enqueue(root, def, err) ||
        check_warm_start(root, err))
        return ERR_BAD;
    return check_several(root, def, err) ? ERR_BAD : check_ends(root, def, err);
}

/* ---- the whole ---- */

static int apply_set(struct json *root, const char *set, struct err *err)
{
    const char *equals = strchr(set, '=');
    if (!equals || equals == set) {
        err_set(err, ERR_BAD, "--set %.100s: there is no PATH=VALUE", set);
        return err_hint(err, "--set search.trials=100");
    }
    char *path = xstrndup(set, (size_t)(equals - set));
    struct json *value = json_parse(equals + 1, strlen(equals + 1), "--set", NULL);
    if (!value)
        value = json_new_text(equals + 1);
    int rc = json_set(root, path, value, err);
    free(path);
    return rc ? err_prefix(err, "--set %.60s: ", set) : 0;
}

int study_def_parse(const char *text, size_t len, const char *file, const char *const *sets, int set_count,
                    struct study_def *out, struct err *err)
{
    *out = (struct study_def){.json = json_parse(text, len, file, err)};
    if (!out->json)
        return ERR_BAD;
    int rc = 0;
    for (int i = 0; i < set_count && !rc; i++)
        rc = apply_set(out->json, sets[i], err);
    struct jcur root = jcur_root(out->json, file);
    if (!rc)
        rc = parse_root(&root, out, err);
    if (rc)
        study_def_fini(out);
    return rc ? ERR_BAD : 0;
}

int study_def_load(const char *path, const char *const *sets, int set_count, struct study_def *out,
                   struct err *err)
{
    struct str text = {0};
    int rc = file_read(path, STUDY_FILE_MAX_BYTES, &text, err);
    if (!rc)
        rc = study_def_parse(str_text(&text), text.len, path_base(path), sets, set_count, out, err);
    else if (rc == ERR_GONE && err)
        rc = err->code = ERR_BAD;
    str_fini(&text);
    return rc;
}

void study_def_fini(struct study_def *def)
{
    search_fini(&def->search);
    space_fini(&def->space);
    json_free(def->json);
    *def = (struct study_def){0};
}

/* The object that the last key of a path stands in; *last is that key. */
static const struct json *parent_of(const struct json *root, const char *path, const char **last)
{
    const char *dot;
    while (root && (dot = strchr(path, '.'))) {
        char *key = xstrndup(path, (size_t)(dot - path));
        root = json_get(root, key);
        free(key);
        path = dot + 1;
    }
    *last = path;
    return root;
}

const struct json *study_def_at(const struct json *root, const char *path)
{
    const char *key;
    const struct json *parent = parent_of(root, path, &key);
    return parent ? json_get(parent, key) : NULL;
}

int study_def_put(struct json *root, const char *path, const char *value, struct err *err)
{
    const char *key;
    const struct json *parent = parent_of(root, path, &key);
    if (value) {
        struct json *node = json_parse(value, strlen(value), path, err);
        return node ? json_set(root, path, node, err) : ERR_BAD;
    }
    if (parent)
        json_free(json_take((struct json *)(uintptr_t)parent, key));
    return 0;
}

static struct json *sub_object(struct json *root, const char *key)
{
    return (struct json *)(uintptr_t)json_get(root, key);
}

void study_def_fill_seeds(struct study_def *def)
{
    struct json *search = sub_object(def->json, "search"), *trainer = sub_object(def->json, "trainer");
    if (!json_get(search, "seed")) {
        def->search.seed = random_seed();
        def->search.has_seed = true;
        json_put_num(search, "seed", (double)def->search.seed);
    }
    if (!json_get(trainer, "seed")) {
        def->trainer_seed = random_seed();
        json_put_num(trainer, "seed", (double)def->trainer_seed);
    }
}

/* A seed that the file leaves out was drawn when the study was first submitted. */
static void adopt_seed(struct json *now, const struct json *stored, const char *part)
{
    struct json *mine = sub_object(now, part);
    const struct json *theirs = json_get(stored, part);
    const struct json *seed = theirs ? json_get(theirs, "seed") : NULL;
    if (mine && seed && !json_get(mine, "seed"))
        json_put(mine, "seed", seed);
}

int study_def_same(const struct study_def *now, const struct json *stored, const char *file, struct err *err)
{
    struct json *mine = json_clone(now->json);
    adopt_seed(mine, stored, "search");
    adopt_seed(mine, stored, "trainer");
    json_put_text(mine, "study", json_text(json_get(stored, "study"))); /* --fresh renamed it */
    struct str path = {0};
    int rc = 0;
    if (!json_same(mine, stored, &path)) {
        rc = err_set(err, ERR_BAD, "%s: %s: differs from study \"%s\" in this database", file,
                     str_text(&path), json_text(json_get(stored, "study")));
        err_hint(err, "--fresh starts a new study beside it; or give this one another name or another --db");
    }
    str_fini(&path);
    json_free(mine);
    return rc;
}
