/* net: a list of layers with their parameters in one flat array, and its loss with gradient.
 *
 * All parameters are params[0..param_count), all gradients grads[] at the same places; each layer's weights
 * begin at a multiple of 16, the gaps stay 0. A ReLU that follows an affine or a convolution is done in that
 * layer's pass; the last affine to the classes is added here, with weights small enough that the first loss
 * is what chance gives.
 *
 * Refuses: layers that do not fit the data's shape (named by index), more than 2^28 parameters.
 * Ownership: net_new gives a net to the caller, net_free takes NULL too. x, labels are borrowed for the call.
 */
#ifndef HONE_WORKER_NN_NET_H
#define HONE_WORKER_NN_NET_H

#include "common/err.h"
#include "worker/nn/layers.h"
#include "worker/nn/loss.h"
#include "worker/nn/optimizer.h"

#define net_new NN(net_new)
#define net_free NN(net_free)
#define net_init NN(net_init)
#define net_forward NN(net_forward)
#define net_loss NN(net_loss)
#define net_pattern NN(net_pattern)
#define net_penalty NN(net_penalty)
#define net_add_penalty NN(net_add_penalty)
#define net_parameters NN(net_parameters)

enum init_kind { INIT_HE, INIT_XAVIER, INIT_SMALL, INIT_ORTHOGONAL };

struct net_options {
    const struct layer_spec *layers;
    int layer_count;
    struct shape in;
    int classes;
    enum loss_kind loss;
    enum init_kind init;
    double init_scale; /* small: the deviation; others: a factor */
    uint64_t seed;
    size_t param_count; /* refused before anything large is allocated if it comes out otherwise; 0: any */
};

struct net {
    struct shape in;
    int classes;
    enum loss_kind loss;
    struct layer *layers;
    int layer_count;
    struct param_block *blocks;
    int block_count;
    real *params, *grads;
    size_t param_count; /* with the gaps */
    real *states;       /* running moments of batchnorm */
    size_t state_count;
    int batch;     /* samples there is room for */
    real *dy[2];   /* gradients on their way back: of every other output, (batch, widest) */
    const real *x; /* of the last forward pass */
};

int net_new(const struct net_options *options, struct net **out, struct err *err);
void net_free(struct net *net);

/* First weights, from (seed, layer); the same in both precisions up to rounding. */
void net_init(struct net *net, const struct net_options *options);

/* x is (n, in) -> scores (n, classes), borrowed until the next pass. pass's params, grads and states are set
 * here. */
const real *net_forward(struct net *net, struct pass *pass, const real *x);

/* Forward and loss; with `gradient` also backward: fills net->grads with the mean gradient of the data's
 * loss. */
struct loss_sum net_loss(struct net *net, struct pass *pass, const real *x, const int32_t *labels,
                         bool gradient);

/* How many numbers are learned: the gaps and the running moments do not count. */
size_t net_parameters(const struct net *net);

/* Hash of the sides of all kinks in the last pass. */
uint64_t net_pattern(const struct net *net, const int32_t *labels, int n);

double net_penalty(const struct net *net, double l1, double l2); /* l1 |w| + l2/2 |w|^2 */
void net_add_penalty(struct net *net, double l1, double l2);     /* its gradient, added to grads */

#endif
