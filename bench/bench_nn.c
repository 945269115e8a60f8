/* bench_nn: how fast the built-in trainer trains, beside what its matrix products alone would take in the same
 * run.
 *
 *   build/bench/bench_nn [mlp|conv [EPOCHS]]   one JSON line with the medians, for both if none is named
 *   build/bench/bench_nn TRAINER [EPOCHS]      trains a trainer object as in a study file, one line per epoch,
 *                                              and scores the test part: '{"builtin":"mlp","data":"idx:mnist"}'
 *
 * mlp is 784-256-128-10, batch 128, 60,000 rows, momentum; conv is 3x3x16-pool-3x3x32-pool-128-10, batch 64,
 * 6,000 images of 28 x 28. Values are random: the time of a step does not depend on them. Products and epochs
 * take turns, so that both see the same machine. "share" is products/epoch: 1 would be products alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/median.h"
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
     "{\"builtin\":\"mlp\",\"data\":\"glyphs\",\"batch\":128,\"lr\":0.01,"
     "\"layers\":[\"affine 256\",\"relu\",\"affine 128\",\"relu\"]}",
     60000, 784, 1, 1},
    {"conv",
     "{\"builtin\":\"convnet\",\"data\":\"glyphs\",\"batch\":64,\"lr\":0.01,"
     "\"layers\":[\"conv 3x3x16\",\"relu\",\"pool 2\",\"conv 3x3x32\",\"relu\",\"pool 2\",\"affine "
     "128\",\"relu\"]}",
     6000, 1, 28, 28},
};

/* Time on the processor, not on the wall: the trainer has one thread, and a busy machine does not count. */
static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
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

/* Operands for the products: as large as the largest of any layer. */
struct operands {
    float *x, *dx; /* affine: the batch; conv: columns of one image */
    float *y;      /* their output */
};

static size_t larger(size_t a, int rows, int columns)
{
    size_t b = (size_t)rows * (size_t)columns;
    return a > b ? a : b;
}

static struct operands operands_new(const struct net *net, int batch)
{
    size_t x = 0, y = 0;
    for (int i = 0; i < net->layer_count; i++) {
        const struct layer *layer = &net->layers[i];
        bool is_conv = layer->spec.kind == LAYER_CONV;
        int rows = is_conv ? layer->full.h * layer->full.w : batch;
        x = larger(x, rows, is_conv ? (int)layer->weights / layer->full.c : shape_size(layer->in));
        y = larger(y, rows, layer->out.c);
    }
    return (struct operands){real_alloc(x), real_alloc(x), real_alloc(y)};
}

/* The products of one batch, forward and backward; the first layer passes nothing on. */
static void affine_products(const struct net *net, int i, int n, const struct operands *o)
{
    const struct layer *layer = &net->layers[i];
    int in = shape_size(layer->in), out = layer->out.c;
    gemm_nn(n, out, in, o->x, net->params + layer->weight, 0, o->y);
    gemm_tn(in, out, n, o->x, o->y, 0, net->grads + layer->weight);
    if (i)
        gemm_nt(n, in, out, o->y, net->params + layer->weight, 0, o->dx);
}

static void conv_products(const struct net *net, int i, int n, const struct operands *o)
{
    const struct layer *layer = &net->layers[i];
    int filters = layer->full.c, places = layer->full.h * layer->full.w,
        window = (int)layer->weights / filters;
    const float *w = net->params + layer->weight;
    for (int image = 0; image < n; image++) {
        gemm_nn(filters, places, window, w, o->x, 0, o->y);
        gemm_nt(filters, window, places, o->y, o->x, 0, net->grads + layer->weight);
        if (i)
            gemm_tn(window, places, filters, w, o->y, 0, o->dx);
    }
}

static double products(struct training *t)
{
    const struct net *net = t->net;
    struct operands operands = operands_new(net, t->options.batch);
    double start = seconds();
    for (int at = 0; at < t->data->train.n; at += t->options.batch) {
        int n = t->data->train.n - at < t->options.batch ? t->data->train.n - at : t->options.batch;
        for (int i = 0; i < net->layer_count; i++)
            if (net->layers[i].spec.kind == LAYER_AFFINE)
                affine_products(net, i, n, &operands);
            else if (net->layers[i].spec.kind == LAYER_CONV)
                conv_products(net, i, n, &operands);
    }
    double spent = seconds() - start;
    free(operands.x);
    free(operands.dx);
    free(operands.y);
    return spent;
}

static void run(const struct setup *setup, struct training *t, int epochs)
{
    double *epoch_s = xcalloc((size_t)epochs, sizeof *epoch_s),
           *gemm_s = xcalloc((size_t)epochs, sizeof *gemm_s);
    struct epoch_metrics metrics;
    struct rusage usage;
    for (int i = 0; i < epochs; i++) {
        double start = seconds();
        training_epoch(t, NULL, NULL, &metrics);
        epoch_s[i] = seconds() - start;
        gemm_s[i] = products(t);
    }
    getrusage(RUSAGE_SELF, &usage);
    double epoch = median(epoch_s, epochs), gemm = median(gemm_s, epochs);
    double data_mb = (double)setup->n * setup->channels * setup->height * setup->width * 4 / 1048576;
    printf("{\"bench\":\"%s\",\"epochs\":%d,\"epoch_s\":%.4f,\"products_s\":%.4f,\"share\":%.3f,\"samples_"
           "per_s\":%.0f,"
           "\"rss_mb\":%.1f,\"rss_beside_data_mb\":%.1f}\n",
           setup->name, epochs, epoch, gemm, gemm / epoch, setup->n / epoch, usage.ru_maxrss / 1024.0,
           usage.ru_maxrss / 1024.0 - data_mb);
    free(epoch_s);
    free(gemm_s);
}

static struct training *make(const char *trainer, const struct data_split *data, int epochs, struct err *err)
{
    struct json *object = json_parse(trainer, strlen(trainer), "trainer", err), *options = NULL;
    struct jcur cur = jcur_root(object, "trainer");
    struct training *training = NULL;
    if (object && !trainer_resolve(&cur, NULL, &options, err))
        training_new(options, data, 1, epochs, &training, err);
    json_free(options);
    json_free(object);
    return training;
}

static int bench(const struct setup *setup, int epochs)
{
    struct err err = ERR_NONE;
    struct data_split data = make_data(setup);
    struct training *training = make(setup->trainer, &data, epochs, &err);
    if (training)
        run(setup, training, epochs);
    else
        fprintf(stderr, "%s\n", err.text);
    training_free(training);
    free(data.train.x);
    free(data.train.y);
    return err.code ? 2 : 0;
}

static void train(struct training *t, int epochs)
{
    double start = seconds();
    for (int i = 0; i < epochs && !t->diverged; i++) {
        struct epoch_metrics m;
        training_epoch(t, NULL, NULL, &m);
        printf("{\"epoch\":%d,\"train_loss\":%.4f,\"train_acc\":%.4f,\"val_loss\":%.4f,\"val_acc\":%.4f,"
               "\"ema_val_acc\":%.4f,\"lr\":%g,\"s\":%.2f}\n",
               t->epoch, m.train_loss, m.train_acc, m.val_loss, m.val_acc, m.ema_val_acc, m.lr,
               seconds() - start);
        fflush(stdout);
    }
    if (t->data->test.n) {
        struct score test = net_score(t->net, &t->data->test, t->options.batch);
        printf("{\"test_loss\":%.4f,\"test_acc\":%.4f,\"s\":%.2f}\n", test.loss, test.acc, seconds() - start);
    }
}

static int train_text(const char *trainer, int epochs)
{
    struct err err = ERR_NONE;
    struct json *object = json_parse(trainer, strlen(trainer), "trainer", &err);
    struct data_options options = {.spec = json_text(json_get(object, "data")), .normalize = 1};
    struct data_split data = {0};
    struct training *training = NULL;
    if (object && !data_load(&options, &data, &err))
        training = make(trainer, &data, epochs, &err);
    if (training)
        train(training, epochs);
    else
        fprintf(stderr, "%s %s\n", err.text, err.hint);
    training_free(training);
    data_split_fini(&data);
    json_free(object);
    return err.code ? 2 : 0;
}

int main(int argc, char **argv)
{
    int epochs = argc > 2 ? atoi(argv[2]) : 5;
    if (epochs < 1) {
        fprintf(stderr, "usage: bench_nn [mlp|conv|TRAINER [EPOCHS]]\n");
        return 2;
    }
    if (argc < 2)
        return bench(&setups[0], epochs) || bench(&setups[1], epochs) ? 2 : 0;
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++)
        if (strcmp(setups[i].name, argv[1]) == 0)
            return bench(&setups[i], epochs);
    return train_text(argv[1], epochs);
}
