/* rate: how many epochs a second arrive now, over the last half minute. All zero is one that has counted nothing. */
#ifndef HONE_MASTER_RATE_H
#define HONE_MASTER_RATE_H

#include <stdint.h>

struct rate { /* one cell a second, by its number modulo the cells */
    int64_t second[32];
    int64_t epochs[32];
};

void rate_count(struct rate *rate, int64_t now_mono_ms);
double rate_per_s(const struct rate *rate, int64_t now_mono_ms);

#endif
