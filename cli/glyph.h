/* glyph: how many columns of a terminal a text takes. A Chinese character takes two, a combining accent none.
 *
 * Not wcwidth(): that needs a locale, and a list of trials is to be aligned on a node that has none. The ranges are the wide
 * and the combining ones of Unicode 15 by their blocks; a character that is missing here costs an aligned line, no more.
 */
#ifndef HONE_CLI_GLYPH_H
#define HONE_CLI_GLYPH_H

#include <stdbool.h>
#include <stddef.h>

struct glyph {
    size_t bytes;    /* at least 1, but for the end of the text */
    size_t columns;  /* 0, 1 or 2 */
    bool is_control; /* it would move the cursor, colour, or turn the writing around; or it is no UTF-8 */
};

struct glyph glyph_at(const char *text);
size_t
glyph_columns(const char *text); /* of the whole text; a control counts as the one that stands for it */

#endif
