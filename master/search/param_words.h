/* param_words: what other tools call a distribution, so that the error which refuses it says what it is called here.
 *
 * Nothing is translated: [-5, 0] is a range of exponents in some of them and a range of values in others, and a guess
 * would search the wrong box without a word.
 */
#ifndef HONE_MASTER_SEARCH_PARAM_WORDS_H
#define HONE_MASTER_SEARCH_PARAM_WORDS_H

#include "common/json.h"

/* An axis as somebody would write it elsewhere ({"type": "loguniform", "min": …}): how one of that kind is written here,
 * as JSON with example values, or NULL if no word of it is known. */
const char *param_word_ours(const struct json *axis);

#endif
