/* check_table: results of checks for people: a line each, with the reason, and below it what to do.
 *
 * Ownership: everything is borrowed. */
#ifndef HONE_CLI_CHECK_TABLE_H
#define HONE_CLI_CHECK_TABLE_H

#include "cli/source.h"
#include "common/check_result.h"

void check_table_print(const struct check_result *results, size_t count);

/* What is wrong or suspicious in the newest checks of a study, from its database, and how many were good. */
int check_table_of_study(struct source *source, const char *study, struct err *err);

/* "checking: gradient, initial loss, …": what is looked at in this trainer. */
const char *check_table_gates(const struct json *trainer);

#endif
