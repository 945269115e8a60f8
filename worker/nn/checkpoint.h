/* checkpoint: a training between two epochs as one file, enough to go on to the bit or to predict.
 *
 *   offset 0   "HONECKPT"
 *          8   version (u32), length of the header (u32), little-endian as everything here
 *         16   header: one JSON object, padded with spaces to a multiple of 4
 *          …   the arrays the header lists, 32-bit floats
 *    last 32   fingerprint (BLAKE2b-128, hex) of all bytes before it
 *
 * The header holds the resolved options, the data's shape, labels, seed, epoch, metrics and the update rule's
 * count of steps; streams of random numbers are named by (seed, epoch), so the epoch is their position.
 *
 * Refuses with file, offset, expected and found: foreign files, other versions, truncation, changed bytes,
 * arrays that do not add up, a net of another shape. Sizes are bounded by the file's before anything is
 * allocated. Ownership: checkpoint_load fills the caller's storage, checkpoint_fini frees it. */
#ifndef HONE_WORKER_NN_CHECKPOINT_H
#define HONE_WORKER_NN_CHECKPOINT_H

#include "common/err.h"
#include "common/json.h"
#include "common/str.h"
#include "worker/nn/train.h"

enum { CHECKPOINT_ARRAYS = 8 };

struct checkpoint_array {
    const char *name; /* params, states, first, second, ema, norm_mean, norm_scale */
    const float *values;
    size_t count;
};

struct checkpoint {
    struct str bytes; /* the file */
    struct json *header;
    struct checkpoint_array arrays[CHECKPOINT_ARRAYS];
    int array_count;
};

/* "t00042.e007.v0.9312.ckpt" */
void checkpoint_name(int64_t trial, int epoch, double val_acc, char out[64]);

int checkpoint_write(const struct training *training, const struct epoch_metrics *metrics, const char *path,
                     struct err *err);

int checkpoint_load(const char *path, struct checkpoint *out, struct err *err);
void checkpoint_fini(struct checkpoint *checkpoint);
const struct checkpoint_array *checkpoint_array(const struct checkpoint *checkpoint, const char *name);

/* Puts a training that was made from the same layers, data and update rule where the checkpoint was. */
int training_restore(struct training *training, const struct checkpoint *checkpoint, const char *path,
                     struct err *err);

#endif
