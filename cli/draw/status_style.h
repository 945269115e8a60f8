/* status_style: how a status looks on a terminal, which has few colours of its own; those of pages stand in
 * common/trial_status.def. */
#ifndef HONE_CLI_DRAW_STATUS_STYLE_H
#define HONE_CLI_DRAW_STATUS_STYLE_H

#include "cli/draw/sheet.h"

/* Of a trial's status, or of what a study is doing; plain for any other word. */
struct style status_style(const char *word);

/* `text` as status_style(word) has it, with SGR sequences. */
void status_text(const char *word, const char *text, struct str *out);

#endif
