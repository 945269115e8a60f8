#include "master/rate.h"

#include "common/check.h"

void rate_count(struct rate *rate, int64_t now_mono_ms)
{
    int64_t second = now_mono_ms / 1000;
    size_t cell = (size_t)second % COUNT_OF(rate->second);
    if (rate->second[cell] != second) {
        rate->second[cell] = second;
        rate->epochs[cell] = 0;
    }
    rate->epochs[cell]++;
}

double rate_per_s(const struct rate *rate, int64_t now_mono_ms)
{
    enum { WINDOW_S = 30 };
    int64_t now = now_mono_ms / 1000, total = 0, oldest = now;
    for (size_t i = 0; i < COUNT_OF(rate->second); i++) {
        if (!rate->epochs[i] || now - rate->second[i] >= WINDOW_S)
            continue;
        total += rate->epochs[i];
        oldest = rate->second[i] < oldest ? rate->second[i] : oldest;
    }
    return (double)total / (double)(now - oldest + 1);
}
