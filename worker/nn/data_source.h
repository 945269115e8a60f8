/* data_source: what a format's reader hands to data_load: everything in the training file as one set, and
 * the held-out test set if there is one. Readers fill `out` from zero and leave what they allocated in it
 * even when they fail; data_load frees it. The seams between data.c and data_*.c, included by nobody else. */
#ifndef HONE_WORKER_NN_DATA_SOURCE_H
#define HONE_WORKER_NN_DATA_SOURCE_H

#include "common/data_spec.h"
#include "worker/nn/data.h"

struct data_source {
    struct dataset train, test;
    char **labels; /* (train.classes) or NULL */
};

/* 4 GiB of floats in one part; a header may claim anything. */
#define DATA_MAX_VALUES ((int64_t)1 << 30)

/* `path` is the spec's, resolved against data_options.base. */
int idx_read(const char *path, struct data_source *out, struct err *err);
int csv_read(const struct data_spec *spec, const char *path, const char *test_path, struct data_source *out,
             struct err *err);
int cifar_read(const char *path, struct data_source *out, struct err *err);
void spiral_make(const struct data_spec *spec, struct data_source *out);
void glyphs_make(const struct data_spec *spec, struct data_source *out);

#endif
