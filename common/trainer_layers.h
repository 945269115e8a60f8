/* trainer_layers: the short texts that describe a network, ["conv 3x3x16", "relu", "pool 2", "affine 128"],
 * one struct per text. Here and not beside the layers themselves because the master refuses a bad list at
 * submit.
 *
 *   affine N | conv HxWxN [stride S] [pad P] | pool N[xM] [stride S] | maxout N | batchnorm | flatten
 *   relu | leaky [SLOPE] | tanh | sigmoid | dropout [P]
 *
 * conv keeps the size of the image unless told otherwise (pad H/2, stride 1); pool steps by its own size;
 * maxout takes the largest of N neighbours (channels of an image). What fits the data's shape is known to
 * worker/nn only.
 *
 * A number may be a {placeholder} here; it reads as one of the smallest allowed values. Plain values, no
 * memory. */
#ifndef HONE_COMMON_TRAINER_LAYERS_H
#define HONE_COMMON_TRAINER_LAYERS_H

#include <stdbool.h>

#include "common/err.h"

enum layer_kind {
    LAYER_AFFINE,
    LAYER_CONV,
    LAYER_POOL,
    LAYER_RELU,
    LAYER_LEAKY,
    LAYER_TANH,
    LAYER_SIGMOID,
    LAYER_MAXOUT,
    LAYER_DROPOUT,
    LAYER_BATCHNORM,
    LAYER_FLATTEN,
};

struct layer_spec {
    enum layer_kind kind;
    int count;         /* affine: units; conv: filters; maxout: neighbours */
    int height, width; /* conv, pool: of the window */
    int stride, pad;
    double value; /* leaky: slope below zero; dropout: probability of zero */
    bool bare;    /* no number was written where one may be left out */
};

const char *layer_kind_name(enum layer_kind kind);

/* The error names the text and what is wrong with it; the caller adds where it stood. */
int layer_spec_parse(const char *text, struct layer_spec *out, struct err *err);

#endif
