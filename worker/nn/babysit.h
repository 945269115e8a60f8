/* babysit: the eye of a person who looks at every curve. After each epoch the facts go in, and what is wrong with the
 * training comes out as findings: a rule, the evidence in numbers, the advice. Pure: no rule acts by itself.
 *
 *   D0 not finite                 D4 updates too small     D8 dead units
 *   D1 loss rises: rate too high  D5 overfitting           D9 saturated units
 *   D2 does not learn             D6 underfitting/plateau  D10 vanishing or exploding gradients
 *   D3 updates too large          D7 batch too small       D11 validation loss rises, accuracy does not fall
 *
 * D12 and D13 need a look at the whole study: they are the master's (master/findings.h).
 * A rule speaks once per training. Facts that were not measured are NaN (or a count of 0) and keep their rules quiet.
 * Ownership: babysit_init borrows nothing, babysit_fini frees the history. */
#ifndef HONE_WORKER_NN_BABYSIT_H
#define HONE_WORKER_NN_BABYSIT_H

#include <stdbool.h>
#include <stddef.h>

enum { BABYSIT_RULES = 12, BABYSIT_LAYERS = 65 }; /* 64 texts and the last affine */

enum finding_action { FINDING_SUGGEST, FINDING_WARN, FINDING_STOP };

struct finding {
    int rule; /* 5 for D5 */
    int epoch;
    enum finding_action action;
    char text[200];   /* the evidence */
    char advice[200]; /* what to try */
};

/* Every threshold, so that a study may set its own. */
struct babysit_limits {
    double rise;             /* D1: times the loss of chance */
    double stuck;            /* D2: share of the loss of chance that counts as not learned */
    double ratio_high;       /* D3 */
    double ratio_low;        /* D4 */
    double gap;              /* D5: training minus validation accuracy */
    double no_gap;           /* D6 */
    double noise;            /* D7: deviation of batch losses over their mean */
    double dead, dead_layer; /* D8 */
    double saturated;        /* D9: share of units beyond 0.97 */
    double collapsed;        /* D9: deviation of a layer's outputs */
    double gradient_span;    /* D10: first over last layer, or the other way round */
    int patience;            /* D5, D11: epochs */
    int long_patience;       /* D6: epochs */
};

struct babysit_layer {
    double update_ratio; /* norm of the last update over norm of the weights; NaN: no weights */
    double gradient;     /* norm of the weights' gradient; NaN: no weights */
    double dead;         /* share of ReLU units that were 0 on the whole probe; NaN: no ReLU */
    double saturated;    /* share of tanh or sigmoid outputs near their ends; NaN: none */
    double deviation;    /* of the outputs over the probe */
};

struct babysit_facts {
    int epoch;
    double train_loss, train_acc, val_loss, val_acc;
    double peak;  /* largest mean of 20 batches in a row */
    double noise; /* deviation of batch losses around their trend, over their mean */
    struct babysit_layer layers[BABYSIT_LAYERS];
    int layer_count; /* 0: not looked at in this epoch */
};

struct babysit_row {
    double train_loss, train_acc, val_loss, val_acc;
};

struct babysit {
    struct babysit_limits limits;
    double chance_loss; /* ln(classes) or classes-1 */
    int classes, val_samples;
    unsigned said; /* bit per rule */
    struct babysit_row *rows;
    size_t count, room;
};

void babysit_init(struct babysit *babysit, double chance_loss, int classes, int val_samples);
void babysit_fini(struct babysit *babysit);

/* Adds an epoch; writes what is newly found into out (room for BABYSIT_RULES) and returns how many. */
int babysit_see(struct babysit *babysit, const struct babysit_facts *facts, struct finding *out);

const char *finding_action_name(enum finding_action action); /* suggest, warn, stop */

/* Peak and noise of one epoch's batch losses: the facts of D1 and D7. */
void batch_curve(const double *losses, int count, double *peak, double *noise);

#endif
