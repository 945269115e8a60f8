/* rank: orders of numbers with ties, and Spearman's correlation. -INFINITY is a number like any other here:
 * the worst. Refuses NaN (PRE). Ownership: the caller's arrays. */
#ifndef HONE_MASTER_SEARCH_RANK_H
#define HONE_MASTER_SEARCH_RANK_H

/* order[0] is the index of the largest; ties go to the lower index. */
void rank_best_first(const double *x, int n, int *order);
/* Ranks from 1 (smallest); ties share the mean of theirs. */
void rank_mid(const double *x, int n, double *ranks);
/* 0 where one of them has no spread. */
double rank_correlation(const double *x, const double *y, int n);
/* The k-th largest, from 0; moves the numbers about. O(n). */
double rank_select(double *x, int n, int k);

#endif
