/* best: the table of best trials, for `hone best` and for the end of `hone run`. */
#ifndef HONE_CLI_BEST_H
#define HONE_CLI_BEST_H

#include <stdbool.h>

#include "cli/source.h"

struct best_style {
    bool csv, json;
    int64_t limit; /* 0: all */
};

/* Prints them. 0, ERR_NO if no trial has a score (said in err), or what the source says. */
int best_print(struct source *source, const char *study, const struct best_style *style, struct err *err);

/* The same as rows: rank, trial, score, best_epoch, epochs, each parameter, status, seconds, worker. */
int best_rows(struct source *source, const char *study, int64_t limit, struct rows *out, struct err *err);

/* The names of a study's parameters, in its order; free with text_list_free. */
struct text_list;
int study_params(struct source *source, const char *study, struct text_list *out, struct err *err);

#endif
