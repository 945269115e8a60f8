/* double: the double-precision twin of every file here that computes with `real`. */
#define NN_DOUBLE
#include "worker/nn/batchnorm.c"
#include "worker/nn/conv.c"
#include "worker/nn/dropout.c"
#include "worker/nn/layers.c"
#include "worker/nn/linalg.c"
#include "worker/nn/loss.c"
#include "worker/nn/net.c"
#include "worker/nn/optimizer.c"
#include "worker/nn/pool.c"
#include "worker/nn/pooled.c"
#include "worker/nn/unfold.c"
