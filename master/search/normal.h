/* normal: the normal law in the tails, where samplers live: differences of its distribution function and
 * expected improvement in logs, its quantile to the last digits. Refuses nothing; NaN in, NaN out. */
#ifndef HONE_MASTER_SEARCH_NORMAL_H
#define HONE_MASTER_SEARCH_NORMAL_H

double normal_cdf(double x);
double normal_log_cdf(double x);
double normal_quantile(double p); /* p in (0, 1) */
/* log(Phi(b) - Phi(a)) for a < b, from the tail in which both are small. */
double normal_log_mass(double a, double b);
/* log of h(z) = phi(z) + z Phi(z), the expected improvement of a standard normal over -z. */
double normal_log_ei(double z);

#endif
