/* json_syntax: what is wrong with a text that is no JSON, said as a person would. The parser knows only where it gave up,
 * often behind the mistake; this looks again, for the mistakes that are made when a file is edited by hand: a comma too
 * many or too few, a key without quotes, a bracket that is not closed.
 *
 * Refuses nothing and decides nothing: it is asked only about texts that were refused. Pure.
 */
#ifndef HONE_COMMON_JSON_SYNTAX_H
#define HONE_COMMON_JSON_SYNTAX_H

#include <stddef.h>

/* `text` ends with NUL, has no comments any more and no more than JSON_MAX_DEPTH levels. The first mistake, and in *at
 * the byte where it stands; NULL: none is found. */
const char *json_syntax_fault(const char *text, size_t *at);

#endif
