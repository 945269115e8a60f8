/* linalg: matrix products and factorisations; linalg.c is the only file that includes cblas.h and lapacke.h.
 *
 * Matrices are row-major and dense: A is (rows, columns) with columns as its stride. One thread: a slot is
 * one trainer on one core, and several slots side by side are faster than one slot with several threads.
 *
 * The naive twins say what the fast ones compute; tests compare them, nothing else calls them. Borrows
 * everything. */
#ifndef HONE_WORKER_NN_LINALG_H
#define HONE_WORKER_NN_LINALG_H

#include <stdbool.h>
#include <stddef.h>

#include "worker/nn/real.h"

#define linalg_init NN(linalg_init)
#define gemm_nn NN(gemm_nn)
#define gemm_nt NN(gemm_nt)
#define gemm_tn NN(gemm_tn)
#define gemm_naive NN(gemm_naive)
#define orthonormal NN(orthonormal)
#define solve_spd NN(solve_spd)

void linalg_init(void); /* one thread; called by whoever makes a net */

/* C(m,n) = A B + beta C, with A (m,k), B (k,n); beta is 0 or 1. */
void gemm_nn(int m, int n, int k, const real *a, const real *b, real beta, real *c);
/* C(m,n) = A B^T + beta C, with A (m,k), B (n,k). */
void gemm_nt(int m, int n, int k, const real *a, const real *b, real beta, real *c);
/* C(m,n) = A^T B + beta C, with A (k,m), B (k,n). */
void gemm_tn(int m, int n, int k, const real *a, const real *b, real beta, real *c);
void gemm_naive(bool ta, bool tb, int m, int n, int k, const real *a, const real *b, real beta, real *c);

/* Replaces A (m,n), m >= n, by a matrix with orthonormal columns that span the same space, the sign of each
 * fixed by a positive diagonal of R. Negative if the factorisation failed. */
int orthonormal(int m, int n, double *a);

/* Solves A x = b in place (b becomes x, A is destroyed), A (n,n) symmetric positive definite. Negative if it
 * is not. */
int solve_spd(int n, double *a, double *b);

#endif
