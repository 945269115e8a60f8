/* data_spec: the one text that names a data set, taken apart.
 *
 *   kind:path[?key=value&key=value]      idx, csv, cifar10: what comes from files
 *   kind[:key=value,key=value]           spiral, glyphs: what is made here
 *
 * One table (data_spec.c) holds kinds and options with their bounds and defaults. Here and not beside the readers
 * (worker/nn/data) because the master can refuse a bad spec at submit; whether the files are there is the worker's
 * to find out. Refuses unknown kinds and keys (with the nearest known one), a key given twice, numbers out of
 * bounds. Ownership: a plain value, nothing to free.
 */
#ifndef HONE_COMMON_DATA_SPEC_H
#define HONE_COMMON_DATA_SPEC_H

#include <stdint.h>

#include "common/err.h"

enum data_kind { DATA_IDX, DATA_CSV, DATA_CIFAR10, DATA_SPIRAL, DATA_GLYPHS };
enum data_header { HEADER_AUTO, HEADER_YES, HEADER_NO };

struct data_spec {
    enum data_kind kind;
    char path[1024]; /* idx, cifar10: the folder; csv: the file */
    char label[256]; /* csv: name or number (from 1) of the label column; "" is the last one */
    char test[1024]; /* csv: a second file of the same columns, held out; "" is none */
    int header;      /* csv: enum data_header */
    int arms, n;     /* spiral, glyphs: samples for training and validation together */
    int size;        /* glyphs: side of an image in pixels */
    double noise;    /* spiral: sd of the angle in radians; glyphs: sd of a pixel in 0..1 */
    double turns;    /* spiral: how often an arm goes round */
    double strength; /* glyphs: how far shift, slant, rotation and scale go; 0 is none, 1 is normal */
    int64_t seed;    /* spiral, glyphs: of the samples, not of the split */
};

int data_spec_parse(const char *text, struct data_spec *out, struct err *err);

#endif
