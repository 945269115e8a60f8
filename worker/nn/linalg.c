#include "worker/nn/linalg.h"

#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>
#undef I /* complex.h */

#include "common/mem.h"

#ifdef NN_DOUBLE
#define GEMM cblas_dgemm
#else
#define GEMM cblas_sgemm
#endif

void linalg_init(void)
{
    openblas_set_num_threads(1);
}

void gemm_nn(int m, int n, int k, const real *a, const real *b, real beta, real *c)
{
    GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, beta, c, n);
}

void gemm_nt(int m, int n, int k, const real *a, const real *b, real beta, real *c)
{
    GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, k, b, k, beta, c, n);
}

void gemm_tn(int m, int n, int k, const real *a, const real *b, real beta, real *c)
{
    GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, m, n, k, 1, a, m, b, n, beta, c, n);
}

void gemm_naive(bool ta, bool tb, int m, int n, int k, const real *a, const real *b, real beta, real *c)
{
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int p = 0; p < k; p++)
                sum += (double)(ta ? a[p * m + i] : a[i * k + p]) * (tb ? b[j * k + p] : b[p * n + j]);
            c[i * n + j] = (real)(sum + (beta != 0 ? beta * c[i * n + j] : 0));
        }
    }
}

int orthonormal(int m, int n, double *a)
{
    double *tau = xcalloc((size_t)n, sizeof *tau);
    double *sign = xcalloc((size_t)n, sizeof *sign);
    int rc = (int)LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, m, n, a, n, tau);
    for (int j = 0; j < n; j++)
        sign[j] = a[(size_t)j * (size_t)n + (size_t)j] < 0 ? -1 : 1;
    if (!rc)
        rc = (int)LAPACKE_dorgqr(LAPACK_ROW_MAJOR, m, n, n, a, n, tau);
    for (size_t i = 0; i < (size_t)m * (size_t)n; i++)
        a[i] *= sign[i % (size_t)n];
    free(sign);
    free(tau);
    return rc ? -1 : 0;
}

int solve_spd(int n, double *a, double *b)
{
    return LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', n, 1, a, n, b, 1) ? -1 : 0;
}
