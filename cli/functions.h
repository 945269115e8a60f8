/* functions: what a simulated search may be tried on: functions with known optima, of a study's numeric parameters at their
 * values, every value minimised.
 *
 *   branin      2 parameters, -5 .. 10 and 0 .. 15; least 0.397887 (Dixon, Szego, "Towards Global Optimisation 2", 1978)
 *   hartmann6   6 in 0 .. 1; least -3.32237 (the same)
 *   rosenlog4   4, by their logarithms to base 10; least 0 where all are 10 (Rosenbrock, Computer Journal 3, 1960)
 *   lrsurf      learning rate and weight decay: an error, NaN where the rate is too high; least 0.05 at 1 and 1e-3
 *   zdt1 .. 3   2 values of 2 to 30 parameters in 0 .. 1 (Zitzler, Deb, Thiele, Evolutionary Computation 8, 2000)
 *   dtlz2       3 values of 3 to 30 parameters in 0 .. 1 (Deb, Thiele, Laumanns, Zitzler, CEC 2002)
 */
#ifndef HONE_CLI_FUNCTIONS_H
#define HONE_CLI_FUNCTIONS_H

enum { FUNCTION_PARAMS = 30, FUNCTION_VALUES = 3 };

struct function {
    const char *name;
    int least, most; /* parameters it is of; what is beyond `most` it does not look at */
    int values;
    void (*at)(const double *x, int n, double *out); /* n: least .. most */
};

const struct function *function_find(const char *name); /* NULL: none */

#endif
