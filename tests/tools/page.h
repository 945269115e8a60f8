/* page: tables of docs/ that name the tests which hold what they say: `unit/test_keys`: `the_list_follows_its_folder`,
 * `every_role_has_its_verbs`. A test is there if its file runs it: the name stands in its list of tests.
 */
#ifndef HONE_TESTS_TOOLS_PAGE_H
#define HONE_TESTS_TOOLS_PAGE_H

#include "common/str.h"

/* docs/NAME; a page that is not there fails the test. */
void page_read(const char *name, struct str *out);

/* The row after `line` (NULL: the first) that begins like this ("| 7 |"; "| ": any); NULL: there is none. */
const char *page_row(const char *page, const char *line, const char *begins);

/* How many tests the row names, of files alone as well; fails the test over one that is not there, as over a `make` target
 * that the Makefile does not have. */
int page_row_tests(const char *row);

/* The page has rows that begin "| 1 |" to "| last |", and each names at least one test, which is there. */
void page_numbered(const char *name, int last);

#endif
