#include "master/study_trainer.h"

#include <string.h>

#include "common/hash.h"
#include "common/trainer_options.h"
#include "common/units.h"

enum { COMMAND_MAX_ARGS = 256 };

/* An element that is one {name}, or begins with it, must not become an option of the program's by some choice's text. */
static int check_no_option(const struct jcur *arg, const struct param *param, struct err *err)
{
    for (int i = 0; i < param->choice_count; i++) {
        const struct choice *choice = &param->choices[i];
        if (choice->kind != CHOICE_TEXT || choice->text[0] != '-')
            continue;
        jcur_fail(arg, err, "the choice \"%.60s\" of {%s} would be taken for an option", choice->text,
                  param->name);
        return err_hint(err, "write \"--%s={%s}\", or read HONE_PARAM_%s in the program", param->name,
                        param->name, param->name);
    }
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
        int param = name_ok(name) ? space_find(&def->space, name) : -1;
        if (param >= 0 && open == json_text(arg->node) &&
            check_no_option(arg, &def->space.params[param], err))
            return ERR_BAD;
        if (!name_ok(name) || param >= 0 || (def->repeat.folds && strcmp(name, "fold") == 0))
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
    if (jcur_known(trainer, keys, err))
        return ERR_BAD;
    if (jcur_array(&command, 1, COMMAND_MAX_ARGS, err))
        return err_hint(err, "each word by itself, there is no shell: [\"python3\", \"train.py\"]");
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

static int check_params_used(const struct jcur *root, const struct study_def *def, struct err *err)
{
    const struct json *trainer = json_get(root->node, "trainer");
    struct jcur space = jcur_get(root, "space");
    for (int i = 0; i < def->space.count; i++) {
        const char *name = def->space.params[i].name;
        struct jcur param = jcur_get(&space, name);
        if (trainer_uses_param(trainer, name))
            continue;
        jcur_fail(&param, err, "nothing in the trainer uses this parameter");
        return err_hint(
            err,
            "give it the name of a trainer option (lr, l2, hidden, …) or place it as \"{%s}\" in a "
            "layer",
            name);
    }
    return 0;
}

int study_trainer_parse(const struct jcur *root, struct study_def *def, struct err *err)
{
    static const char trainer_hint[] =
        "{\"builtin\": \"mlp\", \"data\": \"spiral\"} or {\"command\": [\"python3\", \"train.py\"]}";
    struct jcur trainer = jcur_get(root, "trainer"), seed = jcur_get(&trainer, "seed");
    if (jcur_object(&trainer, 256, err))
        return err_hint(err, trainer_hint);
    bool builtin = json_get(trainer.node, "builtin") != NULL;
    if (builtin == (json_get(trainer.node, "command") != NULL)) {
        static const char *const kinds[] = {"builtin", "command", NULL};
        jcur_fail(&trainer, err, "must have \"builtin\" or \"command\", and not both");
        for (const struct json *m = json_first(trainer.node); m && !builtin; m = json_next(m)) {
            const char *meant = nearest_name(json_key(m), kinds);
            if (meant)
                return err_hint(err, "did you mean \"%s\" where it has \"%.64s\"?", meant, json_key(m));
        }
        return err_hint(err, trainer_hint);
    }
    int64_t value = 0;
    if (jcur_has(&seed) && jcur_int(&seed, 0, HONE_SEED_MAX, &value, err))
        return ERR_BAD;
    def->trainer_seed = (uint64_t)value;
    if (!builtin)
        return check_command(&trainer, def, err);
    if (trainer_options_check(&trainer, err))
        return ERR_BAD;
    return check_params_used(root, def, err);
}
