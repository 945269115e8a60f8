/* data: labelled samples for the built-in trainer, loaded, split and scaled.
 *
 * A spec is one short text, so that a study names its data in one line and a worker finds the same samples:
 *   idx:DIR          MNIST's four files, plain or .gz       csv:FILE?label=NAME    a table, plain or .gz
 *   cifar10:DIR      the binary version of CIFAR-10         spiral, glyphs         made here, see below
 * Images come as bytes and leave as 0..1; a table's columns are the channels of images of 1 x 1, so that
 * "per channel" is right for both: mean and scale are taken per channel from the training part alone and
 * applied to all three parts.
 *
 * Made sets are the same samples for ever (their seed is an option of the spec, `glyphs:seed=2`), as if they
 * were files; data_options.seed only decides the split. Pass one seed to all repeats of a study, or the
 * folds of a k-fold are no partition and validation samples of one model are training samples of another.
 *
 * Refuses: truncated, mislabelled and mis-sized files (file, offset, expected, found), cells that are no
 * finite number (line, column), sizes out of a header that the file cannot hold, more than 2^30 values.
 * Ownership: data_split_fini frees what data_load gave; the parts are separate allocations.
 */
#ifndef HONE_WORKER_NN_DATA_H
#define HONE_WORKER_NN_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/rng.h"

struct dataset {
    float *x;   /* (n, channels*height*width), row-major; a row is channel by channel, line by line */
    int32_t *y; /* (n), 0 .. classes-1 */
    int n, channels, height, width, classes;
};

/* x' = (x - mean[c]) * scale[c] for channel c. What `hone predict` needs besides the weights. */
struct data_norm {
    int channels;
    float *mean, *scale; /* (channels) */
};

struct data_split {
    struct dataset train, val, test; /* test.n is 0 where the source has no test files */
    struct data_norm norm;           /* mean 0, scale 1 unless data_options.normalize */
    char **labels;                   /* (classes) as written in a table; NULL: the numbers themselves */
};

struct data_options {
    const char *spec; /* "idx:DIR", "csv:FILE?label=NAME", "spiral:arms=3,n=3000,noise=0.2", ... */
    const char *base; /* folder that relative paths resolve against; NULL: the working folder */
    double val_part;  /* share of the training file kept for validation, in (0, 1); 0: the default 0.1 */
    int folds, fold;  /* folds > 1: validation is part `fold` (from 0) of `folds`; val_part is not used */
    uint64_t seed;    /* of the split */
    bool whole;       /* all samples of the training file in its order are `train`; no validation part */
    int normalize;    /* subtract the mean and divide by the standard deviation of the training part */
};

/* Numbers of values in one row. */
static inline int dataset_width(const struct dataset *set)
{
    return set->channels * set->height * set->width;
}

/* The spec's syntax and the bounds of its options; touches no file. */
int data_spec_check(const char *spec, struct err *err);

/* Fills all of `out`, or nothing. Same options, same result to the bit. */
int data_load(const struct data_options *options, struct data_split *out, struct err *err);
void data_split_fini(struct data_split *split);

/* A part that is nobody else's any more. */
void dataset_fini(struct dataset *set);

/* Applies a norm in place; its channels must be the set's. */
void data_norm_apply(const struct data_norm *norm, struct dataset *set);

/* Each image of a batch gets its own random change. A shift repeats the edge, which is right before and after
 * scaling: the background of a letter stays the background. A crop pads with 0, the mean once scaled, as the
 * usual recipe for CIFAR-10 does. */
struct augment_options {
    int shift;    /* moves by -shift .. +shift pixels in both directions */
    bool flip;    /* mirrors left and right, with probability 1/2 */
    int crop_pad; /* pads by this on all sides, then cuts a window of the old size anywhere */
};

/* x is (n, channels*height*width), changed in place. All options zero: takes no draw and changes nothing;
 * else the same number of draws for every image. */
void augment_batch(float *x, int n, int channels, int height, int width,
                   const struct augment_options *options, struct rng *rng);

#endif
