/* schema: does a value satisfy a JSON Schema? The part of draft 2020-12 that docs/study.schema.json uses.
 *
 * A keyword it does not know is an error of the schema, not something to skip: a rule that is written down and not
 * checked would be worse than none. Patterns are POSIX extended ones. Ownership: everything is borrowed.
 */
#ifndef HONE_TESTS_TOOLS_SCHEMA_H
#define HONE_TESTS_TOOLS_SCHEMA_H

#include "common/json.h"
#include "common/str.h"

/* True if it does; else `why` has the place in the value and the keyword it violates (may be NULL). */
bool schema_holds(const struct json *schema, const struct json *value, struct str *why);

/* The schema object that a $ref of ours ("#/$defs/name") points to, or `node` itself if it is none. */
const struct json *schema_deref(const struct json *root, const struct json *node);

#endif
