/* median: what the benchmarks say of several rounds; the upper one of two in the middle. Sorts the values. */
#ifndef HONE_BENCH_MEDIAN_H
#define HONE_BENCH_MEDIAN_H

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

#endif
