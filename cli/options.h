/* options: one command line against one table. A row says everything there is to know about an option; help,
 * completion and the man page print the same rows, so what is documented is what is parsed.
 *
 * Values go into a struct of the command, at the row's offset, in this order: the command line, the
 * environment variable, the default. A number, duration or size that none of them gives is -1, a text is
 * NULL.
 *
 * Accepts --name value, --name=value, -n value, -nvalue, flags in a cluster (-qx), options after arguments,
 * and
 * -- to end them. Refuses abbreviations (they break scripts when an option is added) and options given twice
 * unless they are lists. Ownership: texts are borrowed from argv and the environment; options_fini frees
 * lists.
 */
#ifndef HONE_CLI_OPTIONS_H
#define HONE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum option_kind {
    OPT_FLAG,
    OPT_TEXT,
    OPT_INT,
    OPT_NUMBER,
    OPT_DURATION,
    OPT_SIZE,
    OPT_LIST,
    OPT_MAYBE, /* a flag that may have a value: --http, --http=8080; a text, "" where there is no value */
};

struct text_list {
    const char **items; /* with a NULL after the last; NULL: it is empty */
    size_t count, room;
};

struct option {
    const char *field; /* network_db: --network-db on the command line */
    char letter;       /* -n, or 0 */
    enum option_kind kind;
    const char *arg;      /* what help calls the value: "N", "PATH"; completion goes by it; "" of a flag */
    const char *env;      /* "" or the variable that gives it */
    const char *fallback; /* "" or the default, as one would type it */
    const char *gloss;
    size_t offset; /* of the value in the command's struct */
};

enum { OPTION_NAME_MAX = 40 };

/* "--network-db" */
void option_name(const struct option *option, char out[OPTION_NAME_MAX]);

/* Parses argv[0..argc) with a table that ends with a row whose field is NULL. Arguments that are no options
 * are added to `rest`. 0, 1 if help was asked for, ERR_BAD. */
int options_parse(const struct option *table, int argc, char *const *argv, void *into, struct text_list *rest,
                  struct err *err);
void options_fini(const struct option *table, void *into);

void text_list_add(struct text_list *list, const char *text);
void text_list_fini(struct text_list *list); /* texts are borrowed */
void text_list_free(struct text_list *list); /* texts are the list's own */

#endif
