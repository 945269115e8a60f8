/* data_sanity: what is wrong with a data set before any network sees it. Measured once over a split (after
 * scaling or before, it does not matter), then judged: numbers first, sentences from them, so that the table
 * for people and the rows in the store say the same.
 *
 * Equal samples are found by a 64-bit fingerprint of the row and then compared, so a collision is no
 * duplicate. Refuses nothing: a set with NaN in it is measured like any other. Ownership: plain values.
 */
#ifndef HONE_WORKER_NN_DATA_SANITY_H
#define HONE_WORKER_NN_DATA_SANITY_H

#include "worker/nn/data.h"

struct data_sanity {
    int train, val, test, features, classes;
    int largest, smallest; /* classes with most and fewest training samples */
    int largest_count, smallest_count;
    int absent_train, absent_val; /* classes without a sample in that part */
    int constant, first_constant; /* features of the training part that never change; -1: none */
    int64_t not_finite;           /* NaN and Inf values in all parts */
    int first_row, first_feature; /* of the first of them; -1: none */
    const char *first_part;       /* "train", "validation", "test", or NULL */
    int repeated;                 /* training samples that occur earlier in the training part */
    int shared_val, shared_test;  /* validation / test samples that are in the training part, too */
    int contradictions;           /* training samples equal to an earlier one with another label */
    double chance;                /* share of the largest class in validation: what a constant guess gets */
};

enum sanity_verdict { SANITY_OK, SANITY_WARN, SANITY_FAIL };

struct sanity_finding {
    enum sanity_verdict verdict;
    char check[32]; /* balance, constant, finite, duplicates, labels */
    char text[200]; /* what was found, with numbers */
    char hint[200]; /* what to do; "" if all is well */
};

enum { SANITY_CHECKS = 5 };

void data_sanity_measure(const struct data_split *split, struct data_sanity *out);
void data_sanity_judge(const struct data_sanity *sanity, struct sanity_finding out[SANITY_CHECKS]);

#endif
