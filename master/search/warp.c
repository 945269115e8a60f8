#include "master/search/warp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/normal.h"
#include "master/search/rank.h"

static double median_of(const double *y, const int *order, int n)
{
    return n % 2 ? y[order[n / 2]] : 0.5 * (y[order[n / 2]] + y[order[n / 2 - 1]]);
}

/* Root mean square distance from the median of the values up to it, or of all if they are one. */
static double spread_below(const double *y, int n, double median)
{
    double below = 0, all = 0;
    int count = 0;
    for (int i = 0; i < n; i++) {
        double off = (y[i] - median) * (y[i] - median);
        all += off;
        below += y[i] <= median ? off : 0;
        count += y[i] <= median;
    }
    return below > 0 ? sqrt(below / count) : sqrt(all / n);
}

void warp_half_rank(const double *y, int n, double *out)
{
    int *order = xcalloc((size_t)n + 1, sizeof *order);
    double *rank = xcalloc((size_t)n + 1, sizeof *rank);
    rank_best_first(y, n, order);
    rank_mid(y, n, rank);
    int looked_at =
        n / 2 > WARP_KEPT ? 2 * WARP_KEPT : n; /* the best of all, half of which keep their values */
    double median = median_of(y, order, looked_at), spread = spread_below(y, n, median);
    double kept = 0.5 * looked_at / n;
    for (int i = 0; i < n; i++) {
        double quantile = (rank[i] - 0.5) / n; /* mid-rank: ties share theirs */
        bool is_worse = y[i] > median && quantile > kept;
        double upper = 0.5 + 0.5 * (quantile - kept) / (1 - kept);
        out[i] = is_worse ? median + spread * normal_quantile(upper) : y[i];
    }
    free(order);
    free(rank);
}

static bool standardise(double *y, int n)
{
    double mean = 0, square = 0;
    for (int i = 0; i < n; i++)
        mean += y[i] / n;
    for (int i = 0; i < n; i++)
        square += (y[i] - mean) * (y[i] - mean) / n;
    if (!(square > 1e-20 * mean * mean)) /* nothing but rounding */
        return false;
    for (int i = 0; i < n; i++)
        y[i] = (y[i] - mean) / sqrt(square);
    return true;
}

bool warp_scores(const double *score, int n, double *out)
{
    double *fine = xcalloc((size_t)n + 1, sizeof *fine), *warped = xcalloc((size_t)n + 1, sizeof *warped);
    double low = INFINITY, high = -INFINITY;
    int good = 0;
    for (int i = 0; i < n; i++)
        if (score[i] > -INFINITY)
            fine[good++] = -score[i];
    warp_half_rank(fine, good, warped);
    bool is_sound = good >= 2 && standardise(warped, good);
    for (int i = 0; i < good; i++) {
        low = fmin(low, warped[i]);
        high = fmax(high, warped[i]);
    }
    for (int i = 0, k = 0; i < n; i++)
        out[i] = score[i] > -INFINITY ? warped[k++] : high + 0.5 * (high - low) + 1;
    free(fine);
    free(warped);
    return is_sound;
}
