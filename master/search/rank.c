#include "master/search/rank.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"

struct keyed {
    double x;
    int at;
};

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *p = a, *q = b;
    if (p->x != q->x)
        return p->x > q->x ? -1 : 1;
    return (p->at > q->at) - (p->at < q->at);
}

void rank_best_first(const double *x, int n, int *order)
{
    struct keyed *keyed = xcalloc((size_t)n + 1, sizeof *keyed);
    for (int i = 0; i < n; i++) {
        PRE(!isnan(x[i]));
        keyed[i] = (struct keyed){x[i], i};
    }
    qsort(keyed, (size_t)n, sizeof *keyed, compare_keyed);
    for (int i = 0; i < n; i++)
        order[i] = keyed[i].at;
    free(keyed);
}

void rank_mid(const double *x, int n, double *ranks)
{
    int *order = xcalloc((size_t)n + 1, sizeof *order);
    rank_best_first(x, n, order);
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && x[order[end]] == x[order[i]];)
            end++;
        for (int k = i; k < end; k++)
            ranks[order[k]] = n - (i + end - 1) / 2.0;
    }
    free(order);
}

double rank_correlation(const double *x, const double *y, int n)
{
    double *rx = xcalloc((size_t)n + 1, sizeof *rx), *ry = xcalloc((size_t)n + 1, sizeof *ry);
    double xx = 0, yy = 0, xy = 0, middle = (n + 1) / 2.0;
    rank_mid(x, n, rx);
    rank_mid(y, n, ry);
    for (int i = 0; i < n; i++) {
        xx += (rx[i] - middle) * (rx[i] - middle);
        yy += (ry[i] - middle) * (ry[i] - middle);
        xy += (rx[i] - middle) * (ry[i] - middle);
    }
    free(rx);
    free(ry);
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

double rank_select(double *x, int n, int k)
{
    PRE(k >= 0 && k < n);
    for (int lo = 0, hi = n - 1; lo < hi;) {
        double pivot = x[lo + (hi - lo) / 2];
        int a = lo, b = hi;
        while (a <= b) {
            while (x[a] > pivot)
                a++;
            while (x[b] < pivot)
                b--;
            if (a <= b) {
                double kept = x[a];
                x[a++] = x[b];
                x[b--] = kept;
            }
        }
        if (k <= b)
            hi = b;
        else if (k >= a)
            lo = a;
        else
            break;
    }
    return x[k];
}
