/* terminal: what may be drawn where output goes. Nothing is assumed of a pipe or a file: no width, no colours, no
 * control codes.
 */
#ifndef HONE_CLI_TERMINAL_H
#define HONE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* What is written to `file` is kept, and ends up where `real` goes: that terminal is meant. NULL: no longer. */
void terminal_stand_in(FILE *file, FILE *real);

/* Columns of the terminal behind `file` (COLUMNS wins), 80 if it does not say, 0 if it is none. */
int terminal_width(FILE *file);
int terminal_rows(FILE *file); /* the same way; 24 if it does not say */

/* Does the user's locale write UTF-8 (LC_ALL, LC_CTYPE, LANG)? */
bool terminal_utf8(void);

/* Is it a terminal that takes colours, and does the user want them (NO_COLOR, TERM=dumb)? */
bool terminal_colour(FILE *file);

#endif
