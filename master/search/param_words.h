/* param_words: what other tools call a distribution, so that the error which refuses it says what it is called here.
 *
 * Nothing is translated: [-5, 0] is a range of exponents in some of them and a range of values in others, and a guess
 * would search the wrong box without a word.
 */
#ifndef HONE_MASTER_SEARCH_PARAM_WORDS_H
#define HONE_MASTER_SEARCH_PARAM_WORDS_H

#include "common/json.h"

/* The hint for an axis in which none of `known` (NULL-terminated) is found: how one of that kind is written here, where a
 * word of another tool tells the kind, else the nearest of the known and all of them. Returns the error's code. */
int param_words_hint(const struct json *axis, const char *const *known, struct err *err);

#endif
