/* param_parse: one member of the "space" object -> struct param, everything but its `when` (which needs the
 * other parameters; space.c). Says what is wrong with its path and what to write instead. */
#ifndef HONE_MASTER_SEARCH_PARAM_PARSE_H
#define HONE_MASTER_SEARCH_PARAM_PARSE_H

#include "common/err.h"
#include "common/json.h"
#include "master/search/param.h"

/* `out` must be zeroed; on failure param_fini frees what is in it. */
int param_parse(const struct jcur *cur, struct param *out, struct err *err);
void param_fini(struct param *param);

/* A JSON value of this axis: a choice by its value, a number on its lattice and in its reach. */
int value_parse(const struct param *param, const struct jcur *cur, struct value *out, struct err *err);

#endif
