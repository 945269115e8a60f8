#include "master/study_def.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/units.h"
#include "master/search/require.h"
#include "master/search/stages.h"
#include "master/study_fit.h"
#include "master/study_trainer.h"
#include "sql/store.h"

enum { STUDY_FILE_MAX_BYTES = 4 << 20 };

/* ---- parts of the file ---- */

static int parse_goal(const struct jcur *metric, char name[65], bool *maximize, struct err *err)
{
    static const char *const goals[] = {"maximize", "minimize", NULL};
    struct jcur name_at = jcur_get(metric, "name"), goal = jcur_get(metric, "goal");
    const char *text;
    int choice;
    if (jcur_name(&name_at, &text, err))
        return ERR_BAD;
    if (!jcur_has(&goal)) {
        jcur_fail(&goal, err, "is missing");
        return err_hint(err, "\"goal\": \"maximize\" or \"minimize\"");
    }
    if (jcur_choice(&goal, goals, &choice, err))
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
    if (jcur_object(metric, 8, err))
        return err_hint(err, "\"metric\": {\"name\": \"val_acc\", \"goal\": \"maximize\"}");
    if (jcur_known(metric, keys, err) || parse_goal(metric, def->metric, &def->maximize, err))
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
        return err_hint(err, "write a duration: \"90s\", \"2h30m\"");
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

/* A key that is right, in the wrong place: what the list of known keys would not say. */
static int check_places(const struct jcur *root, const char *const *keys, struct err *err)
{
    static const char *const of_search[] = {"method", "trials", "epochs", "parallel", "seed", "boundary"};
    struct jcur search = jcur_get(root, "search");
    for (const struct json *m = json_first(search.node); m; m = json_next(m)) {
        struct jcur member = jcur_item(&search, m, 0);
        for (const char *const *key = keys; *key && json_key(m); key++)
            if (strcmp(*key, json_key(m)) == 0)
                return jcur_fail(&member, err, "stands beside \"search\", not inside it");
    }
    for (size_t i = 0; i < COUNT_OF(of_search); i++) {
        struct jcur member = jcur_get(root, of_search[i]);
        if (jcur_has(&member))
            return jcur_fail(&member, err, "stands inside \"search\": {\"search\": {\"%s\": …}}",
                             of_search[i]);
    }
    return 0;
}

/* Each parameter is a column of the study's own view, beside those that every view has. */
static int check_columns(const struct jcur *space, const struct study_def *def, struct err *err)
{
    for (int i = 0; i < def->space.count; i++) {
        const char *name = def->space.params[i].name;
        struct jcur param = jcur_get(space, name);
        if (!store_column_reserved(name))
            continue;
        jcur_fail(&param, err, "is the name of a column of its table in the database");
        return err_hint(err, "call it something else, for example %s_", name);
    }
    return 0;
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
    if (jcur_object(root, 64, err) || check_places(root, keys, err) || jcur_known(root, keys, err))
        return ERR_BAD;
    if (!jcur_has(&name)) {
        jcur_fail(&name, err, "is missing; it must be a string");
        return err_hint(err,
                        "its name, as in \"study\": \"mnist-1\"; hone help spiral.json shows a whole file");
    }
    if (jcur_name(&name, &text, err))
        return ERR_BAD;
    if (store_name_reserved(text)) {
        jcur_fail(&name, err, "\"%s\" is a name that the database uses itself", text);
        return err_hint(err, "call it something else, for example %s-1", text);
    }
    str_copy(def->name, sizeof def->name, text);
    if (parse_metric(root, def, err) || space_parse(&space, &def->space, err) ||
        check_columns(&space, def, err) || require_parse(&require, &def->space, err))
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
    bool visits_all = !def->search.trials && strcmp(def->search.method, "grid") == 0;
    if (repeat_parse(root, visits_all ? INT64_MAX : def->search.trials, &def->repeat, err))
        return ERR_BAD;
    if (parse_budget(root, def, err) || study_trainer_parse(root, def, err) || parse_extras(root, def, err) ||
        keep_parse(root, &def->keep, err))
        return ERR_BAD;
    return study_fit(root, def, err);
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

int study_def_parse_set(const char *text, size_t len, const char *file, const char *const *sets,
                        struct study_def *out, struct err *err)
{
    *out = (struct study_def){.json = json_parse(text, len, file, err)};
    if (!out->json)
        return ERR_BAD;
    int rc = 0;
    bool is_as_written = !sets || !sets[0];
    for (int i = 0; sets && sets[i] && !rc; i++)
        rc = apply_set(out->json, sets[i], err);
    struct jcur root = jcur_root(out->json, file);
    char *lines = is_as_written ? xstrndup(text, len) : NULL; /* what --set changed stands on no line */
    root.text = lines;
    if (!rc)
        rc = parse_root(&root, out, err);
    free(lines);
    if (rc)
        study_def_fini(out);
    return rc ? ERR_BAD : 0;
}

int study_def_parse(const char *text, size_t len, const char *file, struct study_def *out, struct err *err)
{
    return study_def_parse_set(text, len, file, NULL, out, err);
}

/* YAML, TOML, Python: whatever is wrong with their first word, it is another language. */
static bool begins_like_json(const char *text)
{
    static const char mark[] = "\xef\xbb\xbf";
    text += str_starts(text, mark) ? strlen(mark) : 0;
    text += strspn(text, " \t\r\n");
    return *text == '{' || *text == '/' || *text == '"';
}

/* dir_files visitor: keeps the first by name, so that the hint does not depend on the file system's order. */
static void keep_first_json(void *arg, const char *path, const struct stat *st)
{
    char **first = arg;
    size_t len = strlen(path);
    (void)st;
    if (len < 5 || strcmp(path + len - 5, ".json") != 0 || (*first && strcmp(*first, path) < 0))
        return;
    free(*first);
    *first = xstrdup(path);
}

/* Nothing at `path` can be read as a file: what is near it that can. */
static int hint_beside(const char *path, struct err *err)
{
    char *ended = xasprintf("%s.json", path), *fresh = path_join(dir_exists(path) ? path : "", "study.json");
    char *first = NULL;
    dir_files(path, 0, keep_first_json, &first);
    if (first || file_exists(ended))
        err_hint(err, "did you mean %s?", first ? first : ended);
    else
        err_hint(err, "hone help spiral.json > %s writes one to start from", fresh);
    free(first);
    free(fresh);
    free(ended);
    return err->code = ERR_BAD;
}

static bool is_database(const struct str *text)
{
    static const char mark[] = "SQLite format 3"; // its NUL is a part of it
    return text->len >= sizeof mark && memcmp(str_text(text), mark, sizeof mark) == 0;
}

int study_def_load(const char *path, const char *const *sets, struct study_def *out, struct err *err)
{
    struct str text = {0};
    int rc = file_read(path, STUDY_FILE_MAX_BYTES, &text, err);
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path_base(path);
    if (!rc && is_database(&text)) {
        rc = err_set(err, ERR_BAD, "%s: is a database, not a study file", path);
        err_hint(err, "hone best --db %s shows the best it has found", path);
    } else if (!rc) {
        rc = study_def_parse_set(str_text(&text), text.len, name, sets, out, err);
        if (rc && !begins_like_json(str_text(&text)))
            err_hint(err, "a study file is JSON with comments; hone help spiral.json shows one");
    } else if (err && (rc == ERR_GONE || dir_exists(path))) {
        rc = hint_beside(path, err);
    }
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
