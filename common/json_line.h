/* json_line: on which line of a file a place in its JSON tree stands. The tree does not keep lines; who complains, which is
 * rare, looks them up again in the text.
 *
 * Pure. Ownership: nothing; the cursor's root has the text (borrowed).
 */
#ifndef HONE_COMMON_JSON_LINE_H
#define HONE_COMMON_JSON_LINE_H

#include "common/json.h"

/* From 1, of the place or of the nearest thing around it that the text has. 0: of the whole there is nothing to say; nor
 * of a text that is not known, or is all one line. */
int json_line(const struct jcur *cur);

#endif
