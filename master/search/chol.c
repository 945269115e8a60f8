#include "master/search/chol.h"

#include <math.h>
#include <string.h>

#include "master/search/matern.h"

typedef double four __attribute__((vector_size(32), aligned(8), may_alias));

/* Sixteen running sums in an order fixed here: fast without -ffast-math, and the same everywhere. */
WIDE double dot(const double *a, const double *b, int n)
{
    four s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    double rest = 0;
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        s0 += *(const four *)(a + i) * *(const four *)(b + i);
        s1 += *(const four *)(a + i + 4) * *(const four *)(b + i + 4);
        s2 += *(const four *)(a + i + 8) * *(const four *)(b + i + 8);
        s3 += *(const four *)(a + i + 12) * *(const four *)(b + i + 12);
    }
    for (; i + 4 <= n; i += 4)
        s0 += *(const four *)(a + i) * *(const four *)(b + i);
    for (; i < n; i++)
        rest += a[i] * b[i];
    four sum = (s0 + s1) + (s2 + s3);
    return ((sum[0] + sum[2]) + (sum[1] + sum[3])) + rest;
}

/* Four of them with the same left side, which is read once. */
WIDE static void dot_four(const double *a, const double *const b[4], int n, double out[4])
{
    four s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    int i = 0;
    for (; i + 4 <= n; i += 4) {
        four at = *(const four *)(a + i);
        s0 += at * *(const four *)(b[0] + i);
        s1 += at * *(const four *)(b[1] + i);
        s2 += at * *(const four *)(b[2] + i);
        s3 += at * *(const four *)(b[3] + i);
    }
    for (; i < n; i++) {
        s0[0] += a[i] * b[0][i];
        s1[0] += a[i] * b[1][i];
        s2[0] += a[i] * b[2][i];
        s3[0] += a[i] * b[3][i];
    }
    out[0] = (s0[0] + s0[2]) + (s0[1] + s0[3]);
    out[1] = (s1[0] + s1[2]) + (s1[1] + s1[3]);
    out[2] = (s2[0] + s2[2]) + (s2[1] + s2[3]);
    out[3] = (s3[0] + s3[2]) + (s3[1] + s3[3]);
}

bool chol_extend(double *l, int n, int stride)
{
    double *row = l + (long)n * stride;
    int j = 0;
    for (; j + 4 <= n; j += 4) {
        const double *at = l + (long)j * stride, *const next[4] = {at, at + stride, at + 2L * stride,
                                                                   at + 3L * stride};
        double known[4];
        dot_four(row, next, j, known);
        for (int k = 0; k < 4; k++) {
            double sum = known[k];
            for (int m = 0; m < k; m++)
                sum += row[j + m] * next[k][j + m];
            row[j + k] = (row[j + k] - sum) / next[k][j + k];
        }
    }
    for (; j < n; j++) {
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

WIDE void chol_backward(const double *restrict l, int n, int stride, double *restrict b)
{
    for (int i = n - 1; i >= 0; i--) {
        const double *row = l + (long)i * stride;
        double at = b[i] /= row[i];
        for (int j = 0; j < i; j++)
            b[j] -= row[j] * at;
    }
}

/* Columns of L^-1 into rows of `out` (its transpose, upper triangle), four at a time. */
static void inverse_factor(const double *l, int n, int stride, double *out)
{
    for (int c = 0; c < n; c += 4) {
        int width = n - c < 4 ? n - c : 4;
        double *column[4];
        for (int k = 0; k < 4; k++)
            column[k] = out + (long)(c + (k < width ? k : 0)) * stride;
        for (int k = 0; k < width; k++)
            memset(column[k], 0, (size_t)n * sizeof *column[k]);
        const double *const from[4] = {column[0] + c, column[1] + c, column[2] + c, column[3] + c};
        for (int i = c; i < n; i++) {
            const double *row = l + (long)i * stride;
            double sum[4];
            dot_four(row + c, from, i - c, sum);
            for (int k = 0; k < width; k++)
                column[k][i] = ((i == c + k) - sum[k]) / row[i];
        }
    }
}

/* The lower triangle into the upper, square by square: a column touches as many lines of the cache as it has rows. */
static void mirror(double *a, int n, int stride)
{
    enum { SIDE = 16 };
    for (int i0 = 0; i0 < n; i0 += SIDE)
        for (int j0 = i0; j0 < n; j0 += SIDE)
            for (int i = i0; i < n && i < i0 + SIDE; i++)
                for (int j = j0 > i ? j0 : i + 1; j < n && j < j0 + SIDE; j++)
                    a[(long)i * stride + j] = a[(long)j * stride + i];
}

void chol_inverse(const double *l, int n, int stride, double *out)
{
    inverse_factor(l, n, stride, out);
    for (int i = 0; i < n; i++) {
        double *row = out + (long)i * stride;
        /* row j is still needed from i on: rows are overwritten left of their start */
        for (int j = 0; j <= i; j += 4) {
            const double *from[4];
            double sum[4];
            for (int k = 0; k < 4; k++)
                from[k] = out + (long)(j + k <= i ? j + k : i) * stride + i;
            dot_four(row + i, from, n - i, sum);
            for (int k = 0; k < 4 && j + k <= i; k++)
                row[j + k] = sum[k];
        }
    }
    mirror(out, n, stride);
}
