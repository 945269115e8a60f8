/* eras: a study's definition as it was at any moment. `hone edit` changes it while the study runs; the store keeps the
 * newest whole and every edit as a row (study_event), so going back through the rows gives each one before.
 *
 * Ownership: the caller's storage, eras_fini; an era's sampler borrows from its definition. */
#ifndef HONE_MASTER_ERAS_H
#define HONE_MASTER_ERAS_H

#include "master/study_def.h"
#include "sql/store.h"

struct era {
    uint64_t from; /* seq of the edit that began it; 0: the study as it was submitted */
    struct study_def def;
    struct sampler *sampler;
};

struct eras {
    struct era *list; /* by rising `from`; at least one */
    size_t count, room;
};

/* `definition` is the newest, as the study's row has it. */
int eras_load(struct eras *eras, struct store *store, int64_t study, const char *definition, struct err *err);
void eras_fini(struct eras *eras);

/* The definition that held when this seq was written. */
const struct era *eras_at(const struct eras *eras, uint64_t seq);

#endif
