#include "worker/trainer_line.h"

#include <string.h>

#include "common/check.h"
#include "common/finding.h"

enum { EPOCH_MAX = 1000000000, CHECKPOINT_NAME_MAX = 255, RESULT_KEYS_MAX = 16 };

static const char file[] = "trainer";

static int check_keys(const struct jcur *root, const char *const *keys, struct err *err)
{
    return jcur_known(root, keys, err) ? ERR_PROTO : 0;
}

static int parse_ready(const struct jcur *root, struct trainer_line *out, struct err *err)
{
    static const char *const keys[] = {"ready", NULL};
    struct jcur ready = jcur_get(root, "ready");
    out->says = TRAINER_READY;
    if (!json_bool(ready.node))
        return jcur_fail(&ready, err, "can only be true");
    return check_keys(root, keys, err);
}

static int parse_note(const struct jcur *root, struct trainer_line *out, struct err *err)
{
    static const char *const keys[] = {"note", NULL};
    struct jcur note = jcur_get(root, "note");
    out->says = TRAINER_NOTE;
    if (jcur_text(&note, TRAINER_LINE_MAX, &out->text, err))
        return ERR_PROTO;
    return check_keys(root, keys, err);
}

/* A trainer knows that memory ran out better than its exit tells; every other cause is for us to find. */
static int parse_done(const struct jcur *root, struct trainer_line *out, struct err *err)
{
    static const char *const keys[] = {"done", "cause", "text", NULL};
    static const char *const causes[] = {"error", "oom", NULL};
    bool well;
    struct jcur done = jcur_get(root, "done"), cause = jcur_get(root, "cause"), text = jcur_get(root, "text");
    if (jcur_bool(&done, &well, err))
        return ERR_PROTO;
    out->says = well ? TRAINER_DONE : TRAINER_FAILED;
    int which = 0;
    if (jcur_has(&cause) && jcur_choice(&cause, causes, &which, err))
        return ERR_PROTO;
    out->cause = causes[which];
    out->text = "";
    if (jcur_has(&text) && jcur_text(&text, TRAINER_LINE_MAX, &out->text, err))
        return ERR_PROTO;
    return check_keys(root, keys, err);
}

static int parse_result(const struct jcur *root, struct trainer_line *out, struct err *err)
{
    static const char *const keys[] = {"check", NULL};
    struct jcur result = jcur_get(root, "check");
    out->says = TRAINER_RESULT;
    if (jcur_object(&result, RESULT_KEYS_MAX, err))
        return ERR_PROTO;
    return check_keys(root, keys, err);
}

static bool leaves_folder(const char *name)
{
    if (name[0] == '/' || name[0] == '\0')
        return true;
    for (const char *part = name; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
        size_t len = strcspn(part, "/");
        if (len == 0 || (part[0] == '.' && (len == 1 || (len == 2 && part[1] == '.'))))
            return true;
    }
    return false;
}

static int parse_checkpoint(const struct jcur *root, struct trainer_line *out, struct err *err)
{
    struct jcur checkpoint = jcur_get(root, "checkpoint");
    if (!jcur_has(&checkpoint))
        return 0;
    if (jcur_text(&checkpoint, CHECKPOINT_NAME_MAX, &out->checkpoint, err))
        return ERR_PROTO;
    if (leaves_folder(out->checkpoint))
        return jcur_fail(&checkpoint, err, "must be a file inside HONE_DIR, relative to it, without . or ..");
    return 0;
}

static int check_metric(const struct jcur *metric, struct err *err)
{
    if (!name_ok(metric->key))
        return jcur_fail(metric, err, "is no name for a metric: letters, digits, _ . -, at most 64");
    enum json_type type = json_type(metric->node);
    if (type != JSON_NUM && type != JSON_NULL)
        return jcur_fail(metric, err, "must be a number, or null for NaN and Inf, not %s",
                         json_type_name(type));
    return 0;
}

bool trainer_key_is_metric(const char *key)
{
    return strcmp(key, "epoch") && strcmp(key, "checkpoint") && strcmp(key, "findings");
}

static int check_metrics(const struct jcur *root, struct err *err)
{
    int count = 0;
    for (const struct json *m = json_first(root->node); m; m = json_next(m)) {
        struct jcur metric = jcur_of(root, m);
        if (!trainer_key_is_metric(metric.key))
            continue;
        if (check_metric(&metric, err))
            return ERR_PROTO;
        if (++count > TRAINER_METRICS_MAX)
            return jcur_fail(root, err, "more than %d metrics in one report", TRAINER_METRICS_MAX);
    }
    return 0;
}

static int parse_findings(const struct jcur *root, struct trainer_line *out, struct err *err)
{
    struct jcur findings = jcur_get(root, "findings");
    if (!jcur_has(&findings))
        return 0;
    out->findings = findings.node;
    return findings_check(&findings, err);
}

static int parse_report(const struct jcur *root, struct trainer_line *out, struct err *err)
{
    int64_t epoch;
    struct jcur number = jcur_get(root, "epoch");
    out->says = TRAINER_REPORT;
    if (jcur_int(&number, 1, EPOCH_MAX, &epoch, err) || parse_checkpoint(root, out, err) ||
        parse_findings(root, out, err) || check_metrics(root, err))
        return ERR_PROTO;
    out->epoch = (uint64_t)epoch;
    return 0;
}

static int parse_tree(const struct json *tree, struct trainer_line *out, struct err *err)
{
    struct jcur root = jcur_root(tree, file);
    if (json_type(tree) != JSON_OBJECT)
        return jcur_fail(&root, err, "a line must be an object, not %s", json_type_name(json_type(tree)));
    if (json_get(tree, "epoch"))
        return parse_report(&root, out, err);
    if (json_get(tree, "done"))
        return parse_done(&root, out, err);
    if (json_get(tree, "ready"))
        return parse_ready(&root, out, err);
    if (json_get(tree, "note"))
        return parse_note(&root, out, err);
    if (json_get(tree, "check"))
        return parse_result(&root, out, err);
    return jcur_fail(&root, err, "a line must have one of the keys epoch, ready, done, note");
}

/* The length of NaN, Infinity or -Infinity at `at`, as json.dumps and its like write them; 0: something else is there. */
static size_t no_number_at(const char *at, size_t left)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (left >= strlen(words[i]) && memcmp(at, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    return 0;
}

/* The line with null for what is no number. */
static void write_nulls(const char *line, size_t len, struct str *out)
{
    bool in_text = false;
    for (size_t i = 0, skip; i < len; i += skip) {
        size_t word = in_text ? 0 : no_number_at(line + i, len - i);
        skip = word ? word : in_text && line[i] == '\\' && i + 1 < len ? 2 : 1;
        in_text ^= line[i] == '"';
        str_addn(out, word ? "null" : line + i, word ? 4 : skip);
    }
}

/* A training that diverges is a result and no mistake in the protocol, though its language writes NaN. */
static struct json *parse_line(const char *line, size_t len, struct err *err)
{
    struct json *tree = json_parse(line, len, file, err);
    if (tree || (!memmem(line, len, "NaN", 3) && !memmem(line, len, "Infinity", 8)))
        return tree;
    struct str text = {0};
    write_nulls(line, len, &text);
    tree = json_parse(str_text(&text), text.len, file, NULL);
    str_fini(&text);
    if (tree && err)
        *err = ERR_NONE;
    return tree;
}

int trainer_line_parse(const char *line, size_t len, struct trainer_line *out, struct err *err)
{
    *out = (struct trainer_line){0};
    struct json *tree = parse_line(line, len, err);
    if (!tree)
        err_hint(err, "a line is one JSON object, such as {\"epoch\": 1, \"val_loss\": 0.3}");
    if (tree && parse_tree(tree, out, err) == 0) {
        out->tree = tree;
        return 0;
    }
    json_free(tree);
    *out = (struct trainer_line){0};
    if (err)
        err->code = ERR_PROTO;
    return ERR_PROTO;
}

void trainer_line_fini(struct trainer_line *line)
{
    json_free(line->tree);
    *line = (struct trainer_line){0};
}
