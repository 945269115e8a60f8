/* pareto: orders of points with several scores. All scores are maximised; y[i * m + k] is score k of point i.
 *
 *   a dominates b   a is nowhere worse and somewhere better
 *   rank            0: nobody dominates it; 1: only those of rank 0 do; ... Fast non-dominated sort and crowding distance:
 *                   Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
 *                   Trans. Evol. Comput. 6, 2002.
 *   hypervolume     what of the space above a reference point the points dominate; for up to PARETO_MAX scores, exact
 *
 * -INFINITY is a score like any other, the worst. Refuses NaN and m outside 1 .. PARETO_MAX (PRE). Pure; ownership: the
 * caller's arrays.
 */
#ifndef HONE_MASTER_SEARCH_PARETO_H
#define HONE_MASTER_SEARCH_PARETO_H

#include <stdbool.h>

enum { PARETO_MAX = 3 };

bool pareto_dominates(const double *a, const double *b, int m);
void pareto_ranks(const double *y, int n, int m, int *rank);
/* The same of as many whole fronts as hold the first `want` points; those further behind: INT_MAX. Of a long history whose
 * newest points are good this is one sort and one or two passes. */
void pareto_first_ranks(const double *y, int n, int m, int want, int *rank);
/* Of `count` points, by index: how far apart the neighbours are along each score, in parts of the spread, summed up;
 * INFINITY at the ends. */
void pareto_crowding(const double *y, int m, const int *members, int count, double *out);
/* Of those above `reference` in every score. */
double pareto_hypervolume(const double *y, int n, int m, const double *reference);
/* The `want` of `count` members that cover most, taken one by one (greedy), first what brings most; ties go to the earlier
 * member. They come first in `members` afterwards; the others follow in their order. */
void pareto_choose(const double *y, int m, const double *reference, int *members, int count, int want);
/* A reference a tenth of the spread below the worst finite score of each kind. */
void pareto_reference(const double *y, int n, int m, double *reference);

#endif
