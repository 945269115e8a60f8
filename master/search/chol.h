/* chol: Cholesky factors of small dense matrices in plain C, row-major with a stride, lower triangle only. No
 * BLAS: its order of summation depends on the machine, and a proposal must be recomputed to the bit. The
 * loops run over rows, so that the compiler may use vectors without changing any sum. Refuses (returns
 * false): a matrix that is not positive definite. Ownership: the caller's storage. */
#ifndef HONE_MASTER_SEARCH_CHOL_H
#define HONE_MASTER_SEARCH_CHOL_H

#include <stdbool.h>

double dot(const double *a, const double *b, int n);

bool chol_factor(double *a, int n, int stride); /* A -> L, in place; what is above the diagonal stays */
/* Row n of a factor of n rows: A's new row a[n][0..n] is there already. O(n^2). */
bool chol_extend(double *l, int n, int stride);
void chol_forward(const double *l, int n, int stride, double *b);   /* b := L^-1 b */
void chol_backward(const double *l, int n, int stride, double *b);  /* b := L^-T b */
void chol_inverse(const double *l, int n, int stride, double *out); /* out (n x n, stride) := (L L^T)^-1 */

#endif
