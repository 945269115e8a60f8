#include "cli/commands.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COMMAND_BEGIN(name, group, least, most, arguments, gloss, story) \
    static const struct option options_##name[] = {
#define OPTION(command, field, letter, kind, arg, env, fallback, gloss) \
    {#field, letter, OPT_##kind, arg, env, fallback, gloss, offsetof(struct opt_##command, field)},
#define EXAMPLE(command, line, gloss)
#define COMMAND_END(name) \
    {                     \
        0                 \
    }                     \
    }                     \
    ;
#include "cli/commands.def"

#define COMMAND_BEGIN(name, group, least, most, arguments, gloss, story) \
    static const struct example examples_##name[] = {
#define OPTION(command, field, letter, kind, arg, env, fallback, gloss)
#define EXAMPLE(command, line, gloss) {line, gloss},
#define COMMAND_END(name) \
    {                     \
        0                 \
    }                     \
    }                     \
    ;
#include "cli/commands.def"

const struct command commands[] = {
#define COMMAND_BEGIN(name, group, least, most, arguments, gloss, story) \
    {#name, group, arguments,      gloss,           story,               \
     least, most,  options_##name, examples_##name, sizeof(struct opt_##name)},
#define OPTION(command, field, letter, kind, arg, env, fallback, gloss)
#define EXAMPLE(command, line, gloss)
#define COMMAND_END(name)
#include "cli/commands.def"
    {0},
};

const struct group command_groups[] = {
    {"search", "Search"},
    {"look", "Look"},
    {"models", "After the search"},
    {"change", "Change what is running"},
    {"database", "The database"},
    {"keys", "Keys"},
    {"hone", "Hone"},
    {0},
};

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

bool command_is_hidden(const struct command *command)
{
    return strcmp(command->group, "hidden") == 0;
}

int command_fail(const char *command, const struct err *err)
{
    fprintf(stderr, "hone%s%s: %s\n", command ? " " : "", command ? command : "", err->text);
    if (err->hint[0])
        fprintf(stderr, "  hint: %s\n", err->hint);
    return err_exit_status(err->code);
}
