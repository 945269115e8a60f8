/* help: `hone --help` and `hone COMMAND --help`, as the table gives them, 80 columns wide. */
#include <string.h>

#include "cli/commands.h"
#include "cli/pages.h"
#include "common/str.h"

enum { HELP_WIDTH = 80, GLOSS_AT = 26 };

/* Words of `text` from column `at`, further lines indented by `indent`. */
static void wrap(struct str *out, const char *text, size_t at, size_t indent)
{
    bool first = true;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (!first && at + 1 + len > HELP_WIDTH) {
            str_addf(out, "\n%*s", (int)indent, "");
            at = indent;
            first = true;
        }
        if (!first) {
            str_addc(out, ' ');
            at++;
        }
        str_addn(out, text, len);
        at += len;
        first = false;
        text += len + strspn(text + len, " ");
    }
    str_addc(out, '\n');
}

/* "  left      gloss", with the gloss on a line of its own if left is too long. */
static void two_columns(struct str *out, const char *left, const char *gloss)
{
    size_t len = strlen(left);
    str_addf(out, "  %s", left);
    if (len + 4 > GLOSS_AT)
        str_addf(out, "\n%*s", GLOSS_AT, "");
    else
        str_addf(out, "%*s", (int)(GLOSS_AT - 2 - len), "");
    wrap(out, gloss, GLOSS_AT, GLOSS_AT);
}

static void option_help(struct str *out, const struct option *option)
{
    char name[OPTION_NAME_MAX];
    option_name(option, name);
    struct str left = {0}, gloss = {0};
    if (option->letter)
        str_addf(&left, "-%c, ", option->letter);
    else
        str_add(&left, "    ");
    if (option->kind == OPT_MAYBE)
        str_addf(&left, "%s[=%s]", name, option->arg);
    else
        str_addf(&left, "%s%s%s", name, *option->arg ? " " : "", option->arg);
    str_add(&gloss, option->gloss);
    if (*option->env && *option->fallback)
        str_addf(&gloss, " (default: %s, else %s)", option->env, option->fallback);
    else if (*option->env)
        str_addf(&gloss, strstr(option->gloss, "(default: ") ? " (variable: %s)" : " (default: %s)",
                 option->env);
    else if (*option->fallback)
        str_addf(&gloss, " (default: %s)", option->fallback);
    two_columns(out, str_text(&left), str_text(&gloss));
    str_fini(&left);
    str_fini(&gloss);
}

static void examples_help(struct str *out, const struct command *command)
{
    size_t widest = 0;
    for (const struct example *e = command->examples; e->line; e++)
        widest = strlen(e->line) > widest ? strlen(e->line) : widest;
    str_add(out, "\nExamples\n");
    for (const struct example *e = command->examples; e->line; e++) {
        str_addf(out, "  %s", e->line);
        if (*e->gloss)
            str_addf(out, "%*s# %s", (int)(widest - strlen(e->line)) + 2, "", e->gloss);
        str_addc(out, '\n');
    }
}

void help_command(const struct command *command, struct str *out)
{
    str_addf(out, "hone %s: %s\n\n", command->name, command->gloss);
    str_addf(out, "Usage: hone %s%s%s%s\n", command->name, command->options->field ? " [OPTION...]" : "",
             *command->arguments ? " " : "", command->arguments);
    if (command->options->field)
        str_add(out, "\nOptions\n");
    for (const struct option *o = command->options; o->field; o++)
        option_help(out, o);
    if (*command->story) {
        str_addc(out, '\n');
        wrap(out, command->story, 0, 0);
    }
    examples_help(out, command);
}

void help_top(struct str *out)
{
    str_add(out, "hone: hyperparameter search with one master, many workers and every epoch in SQLite\n\n"
                 "Usage: hone COMMAND [OPTION...] [ARGUMENT...]\n");
    for (const struct group *g = command_groups; g->name; g++) {
        str_addf(out, "\n%s\n", g->title);
        for (const struct command *c = commands; c->name; c++)
            if (strcmp(c->group, g->name) == 0)
                str_addf(out, "  %-12s%s\n", c->name, c->gloss);
    }
    str_add(out, "\nPages, and files to start from: hone help NAME\n");
    for (const struct page *p = pages; p->name; p++)
        str_addf(out, "  %-14s%s\n", p->name, p->gloss);
    str_add(out, "\nhone COMMAND --help tells all about one, with examples.\n"
                 "Durations are 90s, 2h30m or 1d, sizes 512M or 8G (GiB).\n"
                 "Exit status: 0 fine, 1 the answer is no, 2 bad usage or file, 3 cannot reach or lock\n"
                 "master or database, 130 interrupted.\n");
}
