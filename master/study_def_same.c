/* A definition beside the one that the store knows: paths into it, seeds that it leaves out, the first difference. */
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"
#include "master/study_def.h"

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

/* What stands at a path, its lists as a whole: "search.trials", "space.lr.log[1]". */
static void print_at(const struct json *root, const char *path, struct str *out)
{
    char *whole = xstrndup(path, strcspn(path, "["));
    const struct json *node = study_def_at(root, whole);
    if (node)
        json_print(node, out);
    else
        str_add(out, "nothing");
    free(whole);
}

/* Which an edit may have left of one it made. */
static void drop_empty_budget(struct json *root)
{
    const struct json *budget = json_get(root, "budget");
    if (budget && !json_count(budget))
        json_free(json_take(root, "budget"));
}

int study_def_same(const struct study_def *now, const struct json *stored, const char *file, struct err *err)
{
    struct json *mine = json_clone(now->json), *theirs = json_clone(stored);
    adopt_seed(mine, stored, "search");
    adopt_seed(mine, stored, "trainer");
    drop_empty_budget(mine);
    drop_empty_budget(theirs);
    json_put_text(mine, "study", json_text(json_get(stored, "study"))); /* --fresh renamed it */
    struct str path = {0};
    int rc = 0;
    if (!json_same(mine, theirs, &path)) {
        const char *name = json_text(json_get(stored, "study"));
        struct str now_text = {0}, then_text = {0};
        print_at(mine, str_text(&path), &now_text);
        print_at(stored, str_text(&path), &then_text);
        rc = err_set(err, ERR_BAD,
                     "%s: %s: differs from study \"%s\" in this database: %.100s here, %.100s there", file,
                     str_text(&path), name, str_text(&now_text), str_text(&then_text));
        err_hint(err,
                 "what may change in a study that lives `hone edit %s` changes; --fresh starts a new one "
                 "beside it; "
                 "or give this one another name or another --db",
                 name);
        str_fini(&now_text);
        str_fini(&then_text);
    }
    str_fini(&path);
    json_free(mine);
    json_free(theirs);
    return rc;
}
