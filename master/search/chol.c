#include "master/search/chol.h"

#include <math.h>
#include <string.h>

/* Four running sums, in an order fixed here: fast without -ffast-math, and the same everywhere. */
double dot(const double *a, const double *b, int n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    for (; i < n; i++)
        s0 += a[i] * b[i];
    return (s0 + s1) + (s2 + s3);
}

bool chol_extend(double *l, int n, int stride)
{
    double *row = l + (long)n * stride;
    for (int j = 0; j < n; j++) {
        const double *lj = l + (long)j * stride;
        row[j] = (row[j] - dot(row, lj, j)) / lj[j];
    }
    double left = row[n] - dot(row, row, n);
    if (!(left > 0))
        return false;
    row[n] = sqrt(left);
    return true;
}

bool chol_factor(double *a, int n, int stride)
{
    for (int i = 0; i < n; i++)
        if (!chol_extend(a, i, stride))
            return false;
    return true;
}

void chol_forward(const double *l, int n, int stride, double *b)
{
    for (int i = 0; i < n; i++)
        b[i] = (b[i] - dot(l + (long)i * stride, b, i)) / l[(long)i * stride + i];
}

void chol_backward(const double *l, int n, int stride, double *b)
{
    for (int i = n - 1; i >= 0; i--) {
        const double *row = l + (long)i * stride;
        b[i] /= row[i];
        for (int j = 0; j < i; j++)
            b[j] -= row[j] * b[i];
    }
}

/* Column by column of L^-1 into rows of `out` (its transpose, upper triangle), then their products. */
void chol_inverse(const double *l, int n, int stride, double *out)
{
    for (int c = 0; c < n; c++) {
        double *column = out + (long)c * stride; /* L^-1 e_c; zero before c */
        memset(column, 0, (size_t)n * sizeof *column);
        column[c] = 1 / l[(long)c * stride + c];
        for (int i = c + 1; i < n; i++)
            column[i] = -dot(l + (long)i * stride + c, column + c, i - c) / l[(long)i * stride + i];
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i;
             j++) /* row j is still needed from i on: rows are overwritten left of their start */
            out[(long)i * stride + j] = dot(out + (long)i * stride + i, out + (long)j * stride + i, n - i);
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++)
            out[(long)i * stride + j] = out[(long)j * stride + i];
}
