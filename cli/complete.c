/* complete: completion scripts for three shells, from the table. What an argument completes to goes by what
 * help calls it (PATH: files, STUDY: names asked of the database), so the table needs no column for it. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/pages.h"
#include "common/check.h"
#include "common/str.h"

enum complete_kind {
    COMPLETE_NONE,
    COMPLETE_FILES,
    COMPLETE_DIRS,
    COMPLETE_WORDS,
    COMPLETE_STUDIES,
    COMPLETE_TRIALS
};

struct placeholder {
    const char *front; /* of the placeholder, brackets aside */
    enum complete_kind kind;
    const char *words;
};

static const struct placeholder placeholders[] = {
    {"STUDY.json", COMPLETE_FILES, ""},
    {"PATH=VALUE", COMPLETE_NONE, ""},
    {"PATH", COMPLETE_FILES, ""},
    {"MODEL [DATA]", COMPLETE_FILES, ""},
    {"PART", COMPLETE_WORDS, "train val test"},
    {"FILE", COMPLETE_FILES, ""},
    {"DIR", COMPLETE_DIRS, ""},
    {"STUDY] [KIND", COMPLETE_STUDIES, "history curve params walls front "},
    {"STUDY", COMPLETE_STUDIES, ""},
    {"drain NAME", COMPLETE_WORDS, "drain"},
    {"list|add NAME", COMPLETE_WORDS, "list add revoke"},
    {"SELECTOR", COMPLETE_TRIALS, ""},
    {"bash|zsh|fish", COMPLETE_WORDS, "bash zsh fish"},
    {
        "STATUS",
        COMPLETE_WORDS,
#define TRIAL_STATUS(name, hue, gloss) #name " "
#include "common/trial_status.def"
    },
};

static const struct placeholder no_placeholder = {"", COMPLETE_NONE, ""};

static const struct placeholder *placeholder_of(const char *text)
{
    if (*text == '[')
        text++;
    for (size_t i = 0; i < COUNT_OF(placeholders); i++)
        if (str_starts(text, placeholders[i].front))
            return &placeholders[i];
    return &no_placeholder;
}

static const char studies_call[] = "hone studies -q 2>/dev/null";
static const char trials_call[] = "hone trials -q 2>/dev/null";

/* What help explains besides commands. */
static void add_words(struct str *out, const char *before, const char *after)
{
    str_add(out, before);
    for (const struct page *p = pages; p->name; p++)
        str_addf(out, " %s", p->name);
    str_add(out, after);
}

/* ---- bash ---- */

static void bash_reply(struct str *out, const struct placeholder *place)
{
    switch (place->kind) {
    case COMPLETE_NONE: str_add(out, "COMPREPLY=()"); return;
    case COMPLETE_FILES: str_add(out, "COMPREPLY=($(compgen -f -- \"$cur\"))"); return;
    case COMPLETE_DIRS: str_add(out, "COMPREPLY=($(compgen -d -- \"$cur\"))"); return;
    case COMPLETE_WORDS: str_addf(out, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", place->words); return;
    case COMPLETE_STUDIES:
        str_addf(out, "COMPREPLY=($(compgen -W \"%s$(%s)\" -- \"$cur\"))", place->words, studies_call);
        return;
    case COMPLETE_TRIALS:
        str_addf(out, "COMPREPLY=($(compgen -W \"best last $(%s)\" -- \"$cur\"))", trials_call);
        return;
    }
}

static void bash_command(struct str *out, const struct command *command)
{
    char name[OPTION_NAME_MAX];
    str_addf(out, "    %s)\n        case $prev in\n", command->name);
    for (const struct option *o = command->options; o->field; o++) {
        if (o->kind == OPT_FLAG || o->kind == OPT_MAYBE)
            continue;
        option_name(o, name);
        str_addf(out, "        %s", name);
        if (o->letter)
            str_addf(out, "|-%c", o->letter);
        str_add(out, ") ");
        bash_reply(out, placeholder_of(o->arg));
        str_add(out, "; return ;;\n");
    }
    str_add(out,
            "        esac\n        if [[ $cur == -* ]]; then\n            COMPREPLY=($(compgen -W '--help");
    for (const struct option *o = command->options; o->field; o++) {
        option_name(o, name);
        str_addf(out, " %s", name);
    }
    str_add(out, "' -- \"$cur\"))\n        else\n            ");
    if (strcmp(command->name, "help") == 0)
        add_words(out, "COMPREPLY=($(compgen -W \"$commands", "\" -- \"$cur\"))");
    else
        bash_reply(out, placeholder_of(command->arguments));
    str_add(out, "\n        fi ;;\n");
}

static void bash_script(struct str *out)
{
    str_add(out,
            "# bash completion for hone; eval \"$(hone completion bash)\"\n_hone()\n{\n"
            "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n    local commands='");
    const char *gap = "";
    for (const struct command *c = commands; c->name; c++) {
        if (command_is_hidden(c))
            continue;
        str_addf(out, "%s%s", gap, c->name);
        gap = " ";
    }
    str_add(
        out,
        "'\n    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W \"$commands --help --version\" "
        "-- \"$cur\"))\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n");
    for (const struct command *c = commands; c->name; c++)
        if (!command_is_hidden(c))
            bash_command(out, c);
    str_add(out, "    esac\n}\ncomplete -o filenames -F _hone hone\n");
}

/* ---- zsh ---- */

/* Text inside single quotes and square brackets of an _arguments specification. */
static void zsh_quote(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            str_add(out, "'\\''");
        else if (*text == '[' || *text == ']' || *text == ':' || *text == '\\')
            str_addf(out, "\\%c", *text);
        else
            str_addc(out, *text);
    }
}

static void zsh_action(struct str *out, const struct placeholder *place)
{
    switch (place->kind) {
    case COMPLETE_NONE: str_add(out, " "); return;
    case COMPLETE_FILES: str_add(out, "_files"); return;
    case COMPLETE_DIRS: str_add(out, "_files -/"); return;
    case COMPLETE_WORDS: str_addf(out, "(%s)", place->words); return;
    case COMPLETE_STUDIES:
        str_addf(out, "{compadd -- %s${(f)\"$(%s)\"}}", place->words, studies_call);
        return;
    case COMPLETE_TRIALS: str_addf(out, "{compadd -- best last ${(f)\"$(%s)\"}}", trials_call); return;
    }
}

static void zsh_option(struct str *out, const struct option *option, const char *spelling)
{
    str_addf(out, " \\\n            '%s%s[", option->kind == OPT_LIST ? "*" : "", spelling);
    zsh_quote(out, option->gloss);
    str_addc(out, ']');
    if (option->kind != OPT_FLAG && option->kind != OPT_MAYBE) {
        str_addc(out, ':');
        zsh_quote(out, option->arg);
        str_addc(out, ':');
        zsh_action(out, placeholder_of(option->arg));
    }
    str_addc(out, '\'');
}

static void zsh_command(struct str *out, const struct command *command)
{
    str_addf(out, "    %s)\n        _arguments '--help[all about this command]'", command->name);
    for (const struct option *o = command->options; o->field; o++) {
        char name[OPTION_NAME_MAX];
        option_name(o, name);
        zsh_option(out, o, name);
        if (o->letter) {
            snprintf(name, sizeof name, "-%c", o->letter);
            zsh_option(out, o, name);
        }
    }
    if (command->most > 0) {
        str_add(out, " \\\n            '*:");
        zsh_quote(out, command->arguments);
        str_addc(out, ':');
        if (strcmp(command->name, "help") == 0)
            add_words(out, "{compadd -- ${names%%:*}", "}");
        else
            zsh_action(out, placeholder_of(command->arguments));
        str_addc(out, '\'');
    }
    str_add(out, " ;;\n");
}

static void zsh_script(struct str *out)
{
    str_add(out, "#compdef hone\n_hone()\n{\n    local -a names=(\n");
    for (const struct command *c = commands; c->name; c++) {
        if (command_is_hidden(c))
            continue;
        str_addf(out, "        '%s:", c->name);
        zsh_quote(out, c->gloss);
        str_add(out, "'\n");
    }
    str_add(out,
            "    )\n    if ((CURRENT == 2)); then\n        _describe command names\n        return\n    fi\n"
            "    local command=$words[2]\n    shift words\n    ((CURRENT--))\n    case $command in\n");
    for (const struct command *c = commands; c->name; c++)
        if (!command_is_hidden(c))
            zsh_command(out, c);
    str_add(out, "    esac\n}\nif [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n    _hone \"$@\"\nelse\n"
                 "    compdef _hone hone\nfi\n");
}

/* ---- fish ---- */

static void fish_quote(struct str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            str_addc(out, '\\');
        str_addc(out, *text);
    }
}

static void fish_action(struct str *out, const struct placeholder *place)
{
    switch (place->kind) {
    case COMPLETE_NONE: return;
    case COMPLETE_FILES: str_add(out, " -F"); return;
    case COMPLETE_DIRS: str_add(out, " -a '(__fish_complete_directories)'"); return;
    case COMPLETE_WORDS: str_addf(out, " -a '%s'", place->words); return;
    case COMPLETE_STUDIES: str_addf(out, " -a '%s(%s)'", place->words, studies_call); return;
    case COMPLETE_TRIALS: str_addf(out, " -a 'best last (%s)'", trials_call); return;
    }
}

static void fish_option(struct str *out, const struct command *command, const struct option *option)
{
    char name[OPTION_NAME_MAX];
    option_name(option, name);
    str_addf(out, "complete -c hone -n '__fish_seen_subcommand_from %s' -l %s", command->name, name + 2);
    if (option->letter)
        str_addf(out, " -s %c", option->letter);
    if (option->kind != OPT_FLAG && option->kind != OPT_MAYBE) {
        const struct placeholder *place = placeholder_of(option->arg);
        str_add(out, place->kind == COMPLETE_FILES ? " -r" : " -x"); // -x would forbid files
        fish_action(out, place);
    }
    str_add(out, " -d '");
    fish_quote(out, option->gloss);
    str_add(out, "'\n");
}

static void fish_script(struct str *out)
{
    str_add(out, "# fish completion for hone\ncomplete -c hone -f\n");
    for (const struct command *c = commands; c->name; c++) {
        if (command_is_hidden(c))
            continue;
        str_addf(out, "complete -c hone -n __fish_use_subcommand -a %s -d '", c->name);
        fish_quote(out, c->gloss);
        str_add(out, "'\n");
        for (const struct option *o = c->options; o->field; o++)
            fish_option(out, c, o);
        if (strcmp(c->name, "help") == 0)
            add_words(out, "complete -c hone -n '__fish_seen_subcommand_from help' -a '", "'\n");
        const struct placeholder *place = placeholder_of(c->arguments);
        if (place->kind == COMPLETE_NONE)
            continue;
        str_addf(out, "complete -c hone -n '__fish_seen_subcommand_from %s'", c->name);
        fish_action(out, place);
        str_addc(out, '\n');
    }
}

int complete_script(const char *shell, struct str *out, struct err *err)
{
    if (strcmp(shell, "bash") == 0)
        bash_script(out);
    else if (strcmp(shell, "zsh") == 0)
        zsh_script(out);
    else if (strcmp(shell, "fish") == 0)
        fish_script(out);
    else {
        err_set(err, ERR_BAD, "no completion for \"%.40s\"", shell);
        return err_hint(err, "bash, zsh and fish are known");
    }
    return 0;
}

int cmd_completion(const struct opt_completion *opt)
{
    struct err err = ERR_NONE;
    struct str out = {0};
    if (complete_script(opt->args.items[0], &out, &err))
        return command_fail("completion", &err);
    fputs(str_text(&out), stdout);
    str_fini(&out);
    return 0;
}
