/* watch: what it costs to watch a training: the babysitter and a look into every layer after each epoch, with its
 * histograms and the picture of the first weights, beside the epoch itself.
 *
 *   build/bench/watch [EPOCHS]     one JSON line per network; "cost" is a share of the epoch's time (0.03 is allowed)
 *
 * mlp is 784-256-128-10, batch 128, 60,000 rows; conv is 3x3x16-pool-3x3x32-pool-128-10, batch 64, 6,000 images of
 * 28 x 28; small is 784-100-10, batch 100, 9,000 rows, the least that MNIST is trained with here. A look follows each
 * epoch; processor time, medians. Files are made and not written: a disk is no part of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/median.h"
#include "common/check.h"
#include "common/mem.h"
#include "common/rng.h"
#include "common/trainer_options.h"
#include "worker/nn/watch.h"

static const struct setup {
    const char *name, *trainer;
    int n, channels, height, width;
} setups[] = {
    {"mlp", "\"batch\":128,\"layers\":[\"affine 256\",\"relu\",\"affine 128\",\"relu\"]", 60000, 1, 28, 28},
    {"conv",
     "\"batch\":64,\"layers\":[\"conv 3x3x16\",\"relu\",\"pool 2\",\"conv 3x3x32\",\"relu\",\"pool "
     "2\",\"affine "
     "128\",\"relu\"]",
     6000, 1, 28, 28},
    {"small", "\"batch\":100,\"layers\":[\"affine 100\",\"relu\"]", 9000, 1, 28, 28},
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Random values with a label that can be learned; a ninth more of them validates. */
static struct dataset make_set(const struct setup *setup, int n, uint64_t seed)
{
    struct dataset set = {
        .n = n, .channels = setup->channels, .height = setup->height, .width = setup->width, .classes = 10};
    size_t width = (size_t)dataset_width(&set);
    struct rng rng = rng_at(seed, 0, 0, 0);
    set.x = xmalloc((size_t)n * width * sizeof(float));
    set.y = xmalloc((size_t)n * sizeof(int32_t));
    for (int i = 0; i < n; i++) {
        set.y[i] = (int32_t)rng_below(&rng, 10);
        for (size_t k = 0; k < width; k++)
            set.x[(size_t)i * width + k] =
                (float)((double)rng_u32(&rng) / 4294967296.0 - 0.5) * 3 + (k % 10 == (size_t)set.y[i]);
    }
    return set;
}

static struct training *make(const struct setup *setup, const struct data_split *data, const char *more)
{
    struct training *training;
    struct json *options;
    struct err err = ERR_NONE;
    char *text =
        xasprintf("{\"builtin\":\"mlp\",\"data\":\"glyphs\",\"lr\":0.01,%s%s}", setup->trainer, more);
    struct json *object = json_parse(text, strlen(text), "trainer", &err);
    struct jcur cur = jcur_root(object, "trainer");
    PRE(!trainer_resolve(&cur, NULL, &options, &err) &&
        !training_new(options, data, 1, 1000, &training, &err));
    json_free(options);
    json_free(object);
    free(text);
    return training;
}

/* All that a watched epoch does besides training. */
static void look(struct training *t, struct babysit *sitter, const struct epoch_metrics *m)
{
    static struct watch watch;
    struct finding found[BABYSIT_RULES];
    struct str json = {0}, png = {0};
    struct jw w = jw_to(&json);
    struct image image;
    struct babysit_facts facts = {.epoch = t->epoch,
                                  .train_loss = m->train_loss,
                                  .train_acc = m->train_acc,
                                  .val_loss = m->val_loss,
                                  .val_acc = m->val_acc,
                                  .peak = m->peak,
                                  .noise = m->noise};
    watch_look(t, &watch);
    watch_facts(&watch, &facts);
    babysit_see(sitter, &facts, found);
    watch_write(&watch, NULL, &w);
    if (!watch_picture(t->net, &image, NULL)) {
        image_png(&image, &png);
        image_fini(&image);
    }
    str_fini(&json);
    str_fini(&png);
}

/* Seconds of the epoch; *looked: of the look that follows. */
static double epoch(struct training *t, struct babysit *sitter, double *looked)
{
    struct epoch_metrics metrics;
    double start = seconds();
    training_epoch(t, NULL, NULL, &metrics);
    double trained = seconds();
    look(t, sitter, &metrics);
    *looked = seconds() - trained;
    return trained - start;
}

static void bench(const struct setup *setup, int epochs)
{
    struct data_split data = {.train = make_set(setup, setup->n, 1), .val = make_set(setup, setup->n / 9, 2)};
    struct training *t = make(setup, &data, ",\"watch\":1");
    double *epoch_s = xcalloc((size_t)epochs, sizeof *epoch_s),
           *look_s = xcalloc((size_t)epochs, sizeof *look_s);
    struct babysit sitter;
    babysit_init(&sitter, 2.302585, 10, data.val.n);
    epoch(t, &sitter, look_s); /* the first touch of the data */
    for (int i = 0; i < epochs; i++)
        epoch_s[i] = epoch(t, &sitter, &look_s[i]);
    double trained = median(epoch_s, epochs), looked = median(look_s, epochs);
    printf(
        "{\"bench\":\"watch\",\"net\":\"%s\",\"epochs\":%d,\"epoch_s\":%.4f,\"look_s\":%.4f,\"cost\":%.4f}\n",
        setup->name, epochs, trained, looked, looked / trained);
    fflush(stdout);
    babysit_fini(&sitter);
    training_free(t);
    dataset_fini(&data.train);
    dataset_fini(&data.val);
    free(epoch_s);
    free(look_s);
}

int main(int argc, char **argv)
{
    int epochs = argc > 1 ? atoi(argv[1]) : 9;
    if (epochs < 1) {
        fprintf(stderr, "usage: watch [EPOCHS]\n");
        return 2;
    }
    for (size_t i = 0; i < COUNT_OF(setups); i++)
        bench(&setups[i], epochs);
    return 0;
}
