/* commands: what the table in commands.def becomes in C: for each command a struct its options land in
 * (opt_best.count), the function that does it (cmd_best), and a row for help, completion and man; dispatch.c calls it.
 *
 * A command returns the exit status: 0 fine, 1 it ran and the answer is no, 2 bad usage or bad file, 3 cannot
 * reach or lock master or database, 130/143 interrupted. It prints results to standard output, everything
 * else to standard error. Ownership: the struct and its texts are the caller's.
 */
#ifndef HONE_CLI_COMMANDS_H
#define HONE_CLI_COMMANDS_H

#include "cli/options.h"

#define OPT_C_FLAG bool
#define OPT_C_TEXT const char *
#define OPT_C_INT int64_t
#define OPT_C_NUMBER double
#define OPT_C_DURATION int64_t
#define OPT_C_SIZE int64_t
#define OPT_C_LIST struct text_list
#define OPT_C_MAYBE const char *

#define COMMAND_BEGIN(name, group, least, most, arguments, gloss, story) \
    struct opt_##name {                                                  \
        struct text_list args;
#define OPTION(command, field, letter, kind, arg, env, fallback, gloss) OPT_C_##kind field;
#define EXAMPLE(command, line, gloss)
#define COMMAND_END(name) \
    }                     \
    ;                     \
    int cmd_##name(const struct opt_##name *opt);
#include "cli/commands.def"

enum { ARGS_ANY = 1 << 20 };

struct example {
    const char *line, *gloss;
};

struct command {
    const char *name, *group, *arguments, *gloss, *story;
    int least, most;
    const struct option *options;   /* ends with a NULL field */
    const struct example *examples; /* ends with a NULL line */
    size_t size;                    /* of the struct */
};

extern const struct command commands[]; /* ends with a NULL name */

const struct command *command_find(const char *name);
bool command_is_hidden(const struct command *command);

struct group {
    const char *name, *title;
};
extern const struct group command_groups[]; /* in the order of help; ends with a NULL name */

/* Runs argv as `hone` would and returns the exit status. */
int hone_main(int argc, char *const *argv);

/* Prints "hone COMMAND: text" and the hint to standard error; the exit status that belongs to the code. */
int command_fail(const char *command, const struct err *err);

struct str;
void help_top(struct str *out);
void help_command(const struct command *command, struct str *out);
int complete_script(const char *shell, struct str *out, struct err *err);
void man_page(struct str *out);

#endif
