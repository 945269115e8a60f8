/* bench/nn: how fast the built-in trainer trains, beside what its matrix products alone would take in the same run.
 *
 *   build/bench/nn mlp|conv [EPOCHS]      one JSON line per epoch, then one with the medians
 *
 * mlp is 784-256-128-10, batch 128, 60,000 rows, momentum; conv is conv3x3x16-pool-conv3x3x32-pool-fc128-fc10, batch
 * 64, 6,000 images of 28 x 28. Values are random: the time of a step does not depend on them. Products and epochs take
 * turns, so that both see the same machine. "share" is products/epoch: 1 would be a trainer made of products alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/mem.h"
#include "common/rng.h"
#include "common/trainer_options.h"
#include "worker/nn/linalg.h"
#include "worker/nn/train.h"

struct setup {
    const char *name, *trainer;
    int n, channels, height, width;
};

static const struct setup setups[] = {
    {"mlp",
     "{\"builtin\":\"mlp\",\"data\":\"none\",\"batch\":128,\"lr\":0.01,"
     "\"layers\":[\"affine 256\",\"relu\",\"affine 128\",\"relu\"]}",
     60000, 784, 1, 1},
    {"conv",
     "{\"builtin\":\"convnet\",\"data\":\"none\",\"batch\":64,\"lr\":0.01,"
     "\"layers\":[\"conv 3x3x16\",\"relu\",\"pool 2\",\"conv 3x3x32\",\"relu\",\"pool 2\",\"affine 128\",\"relu\"]}",
     6000, 1, 28, 28},
};

static double seconds(void)
{
    return (double)clock_mono_us() * 1e-6;
}

static struct data_split make_data(const struct setup *setup)
{
    struct data_split split = {.train = {.n = setup->n,
                                         .channels = setup->channels,
                                         .height = setup->height,
                                         .width = setup->width,
                                         .classes = 10}};
    size_t values = (size_t)setup->n * (size_t)dataset_width(&split.train);
    struct rng rng = rng_at(1, 0, 0, 0);
    split.train.x = xmalloc(values * sizeof(float));
    split.train.y = xmalloc((size_t)setup->n * sizeof(int32_t));
    for (size_t i = 0; i < values; i++)
        split.train.x[i] = (float)((double)rng_u32(&rng) / 4294967296.0 - 0.5) * 3.46f;
    for (int i = 0; i < setup->n; i++)
        split.train.y[i] = (int32_t)rng_below(&rng, 10);
    split.val = split.train;
    split.val.n = 0; /* an epoch here is its training pass alone */
    return split;
}

/* The products of one batch, forward and backward, on the net's own buffers. */
static void affine_products(struct net *net, int i, const float *x, int n)
{
    struct layer *layer = &net->layers[i];
    int in = shape_size(layer->in), out = layer->out.c;
    gemm_nn(n, out, in, x, net->params + layer->weight, 0, layer->y);
    gemm_tn(in, out, n, x, layer->y, 0, net->grads + layer->weight);
    if (i)
        gemm_nt(n, in, out, layer->y, net->params + layer->weight, 0, net->dy[0]);
}

static void conv_products(struct net *net, int i, int n)
{
    struct layer *layer = &net->layers[i];
    int window = (int)(layer->weights / (size_t)layer->out.c), places = layer->out.h * layer->out.w;
    float *w = net->params + layer->weight, *dw = net->grads + layer->weight;
    for (int image = 0; image < n; image++) {
        float *y = layer->y + (size_t)image * (size_t)shape_size(layer->out);
        gemm_nn(layer->out.c, places, window, w, layer->kept, 0, y);
        gemm_nt(layer->out.c, window, places, y, layer->kept, 0, dw);
        if (i)
            gemm_tn(window, places, layer->out.c, w, y, 0, layer->kept);
    }
}

static double products(struct training *t)
{
    struct net *net = t->net;
    double start = seconds();
    for (int at = 0; at < t->data->train.n; at += t->options.batch) {
        int n = t->data->train.n - at < t->options.batch ? t->data->train.n - at : t->options.batch;
        for (int i = 0; i < net->layer_count; i++) {
            const float *x = i ? net->layers[i - 1].y : t->x;
            if (net->layers[i].spec.kind == LAYER_AFFINE)
                affine_products(net, i, x, n);
            else if (net->layers[i].spec.kind == LAYER_CONV)
                conv_products(net, i, n);
        }
    }
    return seconds() - start;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

static void run(const struct setup *setup, struct training *t, int epochs)
{
    double *epoch_s = xcalloc((size_t)epochs, sizeof *epoch_s), *gemm_s = xcalloc((size_t)epochs, sizeof *gemm_s);
    struct epoch_metrics metrics;
    struct rusage usage;
    for (int i = 0; i < epochs; i++) {
        double start = seconds();
        training_epoch(t, NULL, NULL, &metrics);
        epoch_s[i] = seconds() - start;
        gemm_s[i] = products(t);
        printf("{\"bench\":\"%s\",\"epoch\":%d,\"epoch_s\":%.4f,\"products_s\":%.4f,\"train_loss\":%.4f}\n",
               setup->name, i + 1, epoch_s[i], gemm_s[i], metrics.train_loss);
        fflush(stdout);
    }
    getrusage(RUSAGE_SELF, &usage);
    double epoch = median(epoch_s, epochs), gemm = median(gemm_s, epochs);
    double data_mb = (double)setup->n * setup->channels * setup->height * setup->width * 4 / 1048576;
    printf("{\"bench\":\"%s\",\"epochs\":%d,\"epoch_s\":%.4f,\"products_s\":%.4f,\"share\":%.3f,\"samples_per_s\":%.0f,"
           "\"rss_mb\":%.1f,\"rss_beside_data_mb\":%.1f}\n",
           setup->name, epochs, epoch, gemm, gemm / epoch, setup->n / epoch, usage.ru_maxrss / 1024.0,
           usage.ru_maxrss / 1024.0 - data_mb);
    free(epoch_s);
    free(gemm_s);
}

int main(int argc, char **argv)
{
    int epochs = argc > 2 ? atoi(argv[2]) : 5;
    for (size_t i = 0; argc > 1 && i < sizeof setups / sizeof *setups; i++) {
        struct err err = ERR_NONE;
        if (strcmp(setups[i].name, argv[1]) != 0 || epochs < 1)
            continue;
        struct json *trainer = json_parse(setups[i].trainer, strlen(setups[i].trainer), "bench", &err), *options;
        struct jcur cur = jcur_root(trainer, "bench");
        struct data_split data = make_data(&setups[i]);
        struct training *training;
        if (trainer_resolve(&cur, NULL, &options, &err) ||
            training_new(options, &data, 1, epochs, &training, &err)) {
            fprintf(stderr, "%s\n", err.text);
            return 2;
        }
        run(&setups[i], training, epochs);
        training_free(training);
        json_free(options);
        json_free(trainer);
        free(data.train.x);
        free(data.train.y);
        return 0;
    }
    fprintf(stderr, "usage: nn mlp|conv [EPOCHS]\n");
    return 2;
}
