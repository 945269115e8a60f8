#include "master/search/place.h"

#include <math.h>
#include <string.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, FEW = 48 };

/* One pass of a radix sort: stable, by eleven bits of the key. */
static void sort_pass(const struct placed *from, struct placed *to, int n, int shift)
{
    int start[DIGITS] = {0}, sum = 0;
    for (int i = 0; i < n; i++)
        start[from[i].key >> shift & (DIGITS - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        int count = start[d];
        start[d] = sum;
        sum += count;
    }
    for (int i = 0; i < n; i++)
        to[start[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
}

/* By hand: a few, or what the key could not tell apart. */
static void settle(struct placed *s, int n)
{
    for (int i = 1; i < n; i++) {
        if (s[i - 1].t <= s[i].t)
            continue;
        struct placed moving = s[i];
        int at = i;
        for (; at > 0 && s[at - 1].t > moving.t; at--)
            s[at] = s[at - 1];
        s[at] = moving;
    }
}

/* The key: where it lies between the lowest and the highest, in 22 bits. */
void place_sort(struct placed *s, struct placed *spare, int n)
{
    if (n <= FEW) {
        settle(s, n);
        return;
    }
    double lo = INFINITY, hi = -INFINITY;
    for (int i = 0; i < n; i++) {
        lo = s[i].t < lo ? s[i].t : lo;
        hi = s[i].t > hi ? s[i].t : hi;
    }
    double scale = (DIGITS * DIGITS - 1) / (hi - lo);
    for (int i = 0; i < n && hi > lo && isfinite(scale); i++)
        s[i].key = (uint32_t)((s[i].t - lo) * scale);
    sort_pass(s, spare, n, 0);
    sort_pass(spare, s, n, DIGIT_BITS);
    settle(s, n);
}
