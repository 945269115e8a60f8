/* hpo_table: what every configuration of a grid scored when somebody trained it: the tables of the families HPOBench-MLP
 * (Eggensperger et al., NeurIPS Datasets and Benchmarks 2021) and HPOLib-FCNet (Klein, Hutter, arXiv:1905.04970).
 *
 * A file of little-endian float32, plain or gzip, row-major over the axes in the family's order, last the repetition; which
 * family it is follows from its size. Parameters are named as the axes; the nearest entry of each axis counts.
 * Refuses files of another size and spaces without one of the axes. Ownership: heap; the space is looked at once. */
#ifndef HONE_CLI_HPO_TABLE_H
#define HONE_CLI_HPO_TABLE_H

#include "common/json.h"
#include "master/search/space.h"

struct hpo_table;

int hpo_table_open(const char *path, const struct space *space, struct hpo_table **out, struct err *err);
void hpo_table_free(struct hpo_table *table); /* NULL is fine */

/* The mean of the repetitions; with `noisy` one of them, chosen by the seed. */
double hpo_table_at(const struct hpo_table *table, const struct json *params, uint64_t seed, bool noisy);

#endif
