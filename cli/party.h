/* party: the candidates for an ensemble, what each says of validation and test data, and who was chosen (ensemble.c); and
 * how that is told. Ownership: ensemble.c makes it and frees it; telling borrows. */
#ifndef HONE_CLI_PARTY_H
#define HONE_CLI_PARTY_H

#include "cli/models.h"
#include "worker/nn/ensemble.h"

struct opt_ensemble;

/* One part of the data, and what each candidate says of it. */
struct party_part {
    const struct dataset *set;
    float **each; /* (models.count); NULL: not asked */
};

struct party_row {
    const char *name; /* best single, average, vote, weights */
    struct ensemble_score val, test;
};

struct party {
    const struct opt_ensemble *opt;
    struct models_place place;
    struct source *source;
    struct models models; /* the candidates */
    struct data_split split;
    struct party_part val, test;
    int *counts; /* (models.count): how often each was chosen */
    int single;  /* the best single candidate on validation data */
    struct party_row rows[3];
    int row_count;
};

/* `file`: where the ensemble was written. */
void party_tell(const struct party *party, const char *file);
void party_tell_json(const struct party *party, const char *file);

#endif
