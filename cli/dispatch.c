/* From argv to a command and its exit status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/pages.h"
#include "cli/trust.h"
#include "common/check.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"

#define COMMAND_BEGIN(name, group, least, most, arguments, gloss, story) \
    static int call_##name(const void *opt)                              \
    {                                                                    \
        return cmd_##name(opt);                                          \
    }
#define OPTION(command, field, letter, kind, arg, env, fallback, gloss)
#define EXAMPLE(command, line, gloss)
#define COMMAND_END(name)
#include "cli/commands.def"

/* In the order of `commands`, which is data alone, so that help, completion and the man page may read it. */
static int (*const calls[])(const void *opt) = {
#define COMMAND_BEGIN(name, group, least, most, arguments, gloss, story) call_##name,
#define OPTION(command, field, letter, kind, arg, env, fallback, gloss)
#define EXAMPLE(command, line, gloss)
#define COMMAND_END(name)
#include "cli/commands.def"
};

/* What other tools call it; a newcomer's hands know these. */
static const char *called_elsewhere(const char *name)
{
    static const struct {
        const char *word, *hint;
    } words[] = {
        {"optimize", "hone run STUDY.json searches"},
        {"minimize", "hone run STUDY.json searches; in Python hone.minimize does"},
        {"tune", "hone run STUDY.json searches"},
        {"sweep", "hone run STUDY.json searches"},
        {"start", "hone run STUDY.json searches, hone master STUDY.json with workers of other hosts"},
        {"init", "hone help spiral.json > study.json writes a study to start from"},
        {"new", "hone help spiral.json > study.json writes a study to start from"},
        {"create-study",
         "a study is a file: hone help spiral.json > study.json writes one, hone run begins it"},
        {"ask", "hone enqueue tries a point of yours next; in Python hone.Search asks and tells"},
        {"tell", "hone enqueue tries a point of yours next; in Python hone.Search asks and tells"},
        {"list", "hone studies lists studies, hone trials the trials of one"},
        {"ls", "hone studies lists studies, hone trials the trials of one"},
        {"status", "hone studies says how far each is, hone top shows it while it runs"},
        {"ps", "hone workers lists workers, hone trials --status running what they train"},
        {"best-trial", "hone best -n 1, or hone show best"},
        {"best-trials", "hone best"},
        {"export", "hone trials --csv prints every trial, hone sql --csv what you ask for"},
        {"importances", "hone importance"},
        {"dashboard", "hone dash; hone help dashboard tells about it"},
        {"ui", "hone dash in the browser, hone top in the terminal"},
        {"server", "hone master STUDY.json serves, hone worker ADDRESS trains for it"},
        {"serve", "hone master STUDY.json serves, hone worker ADDRESS trains for it"},
        {"kill", "hone cancel SELECTOR ends trials, hone stop STUDY a study"},
        {"delete-study", "hone stop STUDY ends it, hone delete STUDY/all hides its trials"},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strcmp(words[i].word, name) == 0)
            return words[i].hint;
    return NULL;
}

static int unknown_command(const char *name)
{
    struct err err = ERR_NONE;
    const char *elsewhere = called_elsewhere(name);
    const char *names[64] = {0};
    size_t n = 0;
    for (const struct command *c = commands; c->name && n < 63; c++)
        if (!command_is_hidden(c))
            names[n++] = c->name;
    const char *near = nearest_name(name, names);
    err_set(&err, ERR_BAD, "there is no command \"%.60s\"", name);
    if (elsewhere)
        err_hint(&err, "%s", elsewhere);
    else if (near)
        err_hint(&err, "did you mean hone %s?", near);
    else if (name[0] == '-')
        err_hint(&err, "the command comes first: hone COMMAND %s; hone --help lists the commands", name);
    else
        err_hint(&err, "hone --help lists the commands");
    return command_fail(NULL, &err);
}

static bool has_option(const struct command *command, const char *field)
{
    const struct option *o = command->options;
    while (o->field && strcmp(o->field, field) != 0)
        o++;
    return o->field;
}

/* An argument too many that is a value of the study, or the database: the option that takes it. */
static const char *option_meant(const struct command *command, const char *word)
{
    size_t len = strlen(word);
    if (strchr(word, '=') && has_option(command, "set"))
        return "--set";
    if (len > 3 && strcmp(word + len - 3, ".db") == 0 && has_option(command, "db"))
        return "--db";
    return NULL;
}

static int check_arguments(const struct command *command, const struct text_list *args, struct err *err)
{
    const char *excess = (int)args->count > command->most ? args->items[command->most] : NULL;
    const char *meant = excess ? option_meant(command, excess) : NULL;
    const char *gap = *command->arguments ? " " : "";
    if (!excess && (int)args->count >= command->least)
        return 0;
    if (excess)
        err_set(err, ERR_BAD, "\"%.60s\" is one argument too many", excess);
    else
        err_set(err, ERR_BAD, "needs %s", command->arguments);
    if (meant)
        return err_hint(err, "hone %s%s%s %s %.60s", command->name, gap, command->arguments, meant, excess);
    return err_hint(err, "hone %s%s%s; more in hone %s --help", command->name, gap, command->arguments,
                    command->name);
}

static int print_help(const struct command *command)
{
    struct str out = {0};
    if (command)
        help_command(command, &out);
    else
        help_top(&out);
    fputs(str_text(&out), stdout);
    str_fini(&out);
    return 0;
}

/* Every command that meets a master has --keys, and means the same by it. */
static void use_keys(const struct command *command, const void *opt)
{
    for (const struct option *o = command->options; o->field; o++)
        if (strcmp(o->field, "keys") == 0)
            trust_option(*(const char *const *)((const char *)opt + o->offset));
}

static int run_command(const struct command *command, int argc, char *const *argv)
{
    struct err err = ERR_NONE;
    void *opt = xcalloc(1, command->size);
    struct text_list *args = opt; // every opt_* begins with its arguments
    int status;
    int rc = options_parse(command->options, argc, argv, opt, args, &err);
    if (rc < 0 && !err.hint[0])
        err_hint(&err, "hone %s --help lists its options", command->name);
    if (rc == 1)
        status = print_help(command);
    else if (rc || check_arguments(command, args, &err))
        status = command_fail(command->name, &err);
    else {
        use_keys(command, opt);
        status = calls[command - commands](opt);
    }
    options_fini(command->options, opt);
    text_list_fini(args);
    free(opt);
    return status;
}

static int unknown_page(const char *word)
{
    struct err err = ERR_NONE;
    const char *names[128] = {0};
    size_t n = 0;
    for (const struct command *c = commands; c->name && n < 100; c++)
        if (!command_is_hidden(c))
            names[n++] = c->name;
    for (const struct page *p = pages; p->name && n < 127; p++)
        names[n++] = p->name;
    const char *near = nearest_name(word, names);
    err_set(&err, ERR_BAD, "there is no command and no page \"%.60s\"", word);
    if (near)
        err_hint(&err, "did you mean hone help %s?", near);
    else
        err_hint(&err, "hone help lists both");
    return command_fail("help", &err);
}

int cmd_help(const struct opt_help *opt)
{
    if (!opt->args.count)
        return print_help(NULL);
    const char *word = opt->args.items[0];
    const struct command *command = command_find(word);
    const struct page *page = page_find(word);
    if (page)
        fputs(page->text, stdout);
    else if (command)
        return print_help(command);
    return page ? 0 : unknown_page(word);
}

int cmd_version(const struct opt_version *opt)
{
    printf(opt->json ? "{\"version\":\"%s\"}\n" : "hone %s\n", HONE_VERSION);
    return 0;
}

int hone_main(int argc, char *const *argv)
{
    if (argc < 2) {
        struct err err = ERR_NONE;
        err_set(&err, ERR_BAD, "which command?");
        err_hint(&err, "hone run STUDY.json searches, hone --help lists the commands");
        return command_fail(NULL, &err);
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return print_help(NULL);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        word = "version";
    const struct command *command = command_find(word);
    return command ? run_command(command, argc - 2, argv + 2) : unknown_command(word);
}
