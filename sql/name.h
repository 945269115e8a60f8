/* name: names inside SQL. A study's flat view is named like the study and its columns like parameters and metrics,
 * so those names are quoted here, and the ones that are taken are known here. */
#ifndef HONE_SQL_NAME_H
#define HONE_SQL_NAME_H

#include <stdbool.h>

#include "common/str.h"

void name_quote(const char *name, struct str *out);   /* "mnist-mlp", a quote inside doubled */
void name_literal(const char *text, struct str *out); /* 'lr' */

/* A fixed column of every flat view (trial, status, ...), whatever the case: no parameter may be called so. */
bool name_is_fixed_column(const char *name);

#endif
