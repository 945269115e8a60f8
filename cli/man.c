/* man: the manual page, from the table; docs/hone.1 is its output and a test keeps the two agreed. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "common/str.h"

/* Text for roff: backslashes and dashes mean themselves, and a line must not begin with a request. */
static void roff(struct str *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        str_add(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            str_add(out, "\\e");
        else if (*text == '-')
            str_add(out, "\\-");
        else if (*text == '\'')
            str_add(out, "\\(aq");
        else if (*text == '`')
            str_add(out, "\\(ga");
        else if (*text == '"')
            str_add(out, "\\(dq");
        else if (*text == '~')
            str_add(out, "\\(ti");
        else if (*text == '^')
            str_add(out, "\\(ha");
        else
            str_addc(out, *text);
    }
}

static void option_roff(struct str *out, const struct option *option)
{
    char name[OPTION_NAME_MAX];
    option_name(option, name);
    str_add(out, ".TP\n\\fB");
    if (option->letter)
        str_addf(out, "\\-%c\\fR, \\fB", option->letter);
    roff(out, name);
    str_add(out, "\\fR");
    if (*option->arg) {
        bool may = option->kind == OPT_MAYBE;
        str_add(out, may ? "[=\\fI" : " \\fI");
        roff(out, option->arg);
        str_add(out, may ? "\\fR]" : "\\fR");
    }
    str_addc(out, '\n');
    roff(out, option->gloss);
    str_add(out, *option->env || *option->fallback ? " (default: " : "");
    if (*option->env)
        str_addf(out, "$%s%s", option->env, *option->fallback ? ", else " : "");
    roff(out, option->fallback);
    str_add(out, *option->env || *option->fallback ? ")\n" : "\n");
}

static void command_roff(struct str *out, const struct command *command)
{
    str_addf(out, ".SS hone %s ", command->name);
    roff(out, command->arguments);
    str_addc(out, '\n');
    roff(out, command->gloss);
    str_add(out, ".\n");
    if (*command->story) {
        str_add(out, ".PP\n");
        roff(out, command->story);
        str_addc(out, '\n');
    }
    for (const struct option *o = command->options; o->field; o++)
        option_roff(out, o);
    str_add(out, ".PP\n.nf\n");
    for (const struct example *e = command->examples; e->line; e++) {
        str_add(out, ".RS 4\n");
        roff(out, e->line);
        if (*e->gloss) {
            str_add(out, "    # ");
            roff(out, e->gloss);
        }
        str_add(out, "\n.RE\n");
    }
    str_add(out, ".fi\n");
}

static void commands_roff(struct str *out)
{
    for (const struct group *g = command_groups; g->name; g++) {
        str_add(out, ".SH ");
        for (const char *c = g->title; *c; c++)
            str_addc(out, (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c));
        str_addc(out, '\n');
        for (const struct command *c = commands; c->name; c++)
            if (strcmp(c->group, g->name) == 0)
                command_roff(out, c);
    }
}

/* Every variable that some option reads, once. */
static void environment_roff(struct str *out)
{
    str_add(out, ".SH ENVIRONMENT\n");
    const char *seen[32];
    size_t count = 0;
    for (const struct command *c = commands; c->name; c++) {
        for (const struct option *o = c->options; o->field; o++) {
            size_t i = 0;
            while (i < count && strcmp(seen[i], o->env) != 0)
                i++;
            if (!*o->env || i < count || count == 32)
                continue;
            seen[count++] = o->env;
            str_addf(out, ".TP\n\\fB%s\\fR\n", o->env);
            roff(out, o->gloss);
            str_addc(out, '\n');
        }
    }
    str_add(
        out,
        ".TP\n\\fBHONE_LOG\\fR\nthe least level that master and worker log: debug, info, warn, error, none\n"
        ".TP\n\\fBNO_COLOR\\fR\nif set, no colours\n");
}

static const char head[] =
    ".SH NAME\nhone \\- hyperparameter search with one master, many workers and every epoch in SQLite\n"
    ".SH SYNOPSIS\n\\fBhone\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
    ".SH DESCRIPTION\n"
    "A study names a space of hyperparameters, a metric, a trainer and a budget. A master samples points of "
    "the space\n"
    "and hands them as trials to workers on any number of hosts; each epoch of each trial is a row of one "
    "SQLite\n"
    "file. Durations are written 90s, 2h30m or 1d, sizes 512M or 8G (GiB).\n"
    ".PP\n"
    "Trials are selected by \\fBlast\\fR, \\fB17\\fR, \\fB1\\-10\\fR, \\fB1\\-100:10\\fR (every tenth), "
    "\\fB1,3,5\\-8\\fR,\n"
    "or any of these after a study, as in \\fBmnist/17\\fR. Numbers count from 1 in each study.\n";

static const char tail[] =
    ".SH EXIT STATUS\n"
    ".TP\n\\fB0\\fR\nfine\n"
    ".TP\n\\fB1\\fR\nit ran, and the answer is no: no trial complete, too many failed\n"
    ".TP\n\\fB2\\fR\nbad usage or a bad file\n"
    ".TP\n\\fB3\\fR\ncannot reach or lock master or database\n"
    ".TP\n\\fB130\\fR, \\fB143\\fR\ninterrupted, and resumable\n"
    ".SH FILES\n"
    ".TP\n\\fIhone.db\\fR\nthe database, in the current folder unless \\-\\-db says otherwise\n"
    ".TP\n\\fIhone.db.d/\\fR\nlogs and checkpoints of its trials\n"
    ".TP\n\\fIhone.db.lock\\fR\nheld by the one master that writes it\n";

void man_page(struct str *out)
{
    str_addf(out, ".TH HONE 1 \"\" \"hone %s\" \"hone manual\"\n", HONE_VERSION);
    str_add(out, head);
    commands_roff(out);
    environment_roff(out);
    str_add(out, tail);
}

int cmd_man(const struct opt_man *opt)
{
    (void)opt;
    struct str out = {0};
    man_page(&out);
    fputs(str_text(&out), stdout);
    str_fini(&out);
    return 0;
}
