#include "worker/nn/train_options.h"

#include <string.h>

#include "common/check.h"

static double num(const struct json *object, const char *key)
{
    return json_num(json_get(object, key));
}

/* Index of the option's word in `words`; the table of options has checked that it is one of them. */
static int choice(const struct json *object, const char *key, const char *const *words)
{
    const char *word = json_text(json_get(object, key));
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    UNREACHABLE();
    return 0;
}

static void read_update(const struct json *o, struct update_options *out)
{
    static const char *const rules[] = {
        "sgd", "momentum", "nesterov", "nesterov_ahead", "adagrad", "rmsprop", "adam", "adamw", NULL};
    *out = (struct update_options){
        .rule = (enum update_rule)choice(o, "optimizer", rules),
        .beta1 = num(o, "beta1"),
        .beta2 = num(o, "beta2"),
        .rho = num(o, "rho"),
        .eps = num(o, "eps"),
        .bias_correction = json_bool(json_get(o, "bias_correction")),
        .l1 = num(o, "l1"),
        .l2 = num(o, "l2"),
    };
}

static void read_schedule(const struct json *o, int epochs, struct schedule *out)
{
    static const char *const laws[] = {"const", "step", "exp", "inv_t", "cosine", "plateau", NULL};
    *out = (struct schedule){
        .law = (enum schedule_law)choice(o, "schedule", laws),
        .lr = num(o, "lr"),
        .decay = num(o, "decay"),
        .lr_min = num(o, "lr_min"),
        .step = num(o, "step"),
        .warmup = num(o, "warmup"),
        .epochs = epochs,
        .patience = (int)num(o, "patience"),
        .momentum_start = num(o, "momentum_start"),
        .momentum = num(o, "momentum"),
    };
}

static int read_layers(const struct json *list, struct train_options *out, struct err *err)
{
    out->layer_count = (int)json_count(list);
    if (out->layer_count > TRAIN_LAYERS_MAX)
        return err_set(err, ERR_BAD, "layers: more than %d", TRAIN_LAYERS_MAX);
    for (int i = 0; i < out->layer_count; i++)
        if (layer_spec_parse(json_text(json_at(list, (size_t)i)), &out->layers[i], err))
            return err_prefix(err, "layers[%d]: ", i);
    return 0;
}

int train_options_read(const struct json *resolved, int epochs, struct train_options *out, struct err *err)
{
    static const char *const losses[] = {"softmax", "svm", NULL};
    static const char *const inits[] = {"he", "xavier", "small", "orthogonal", NULL};
    *out = (struct train_options){
        .loss = (enum loss_kind)choice(resolved, "loss", losses),
        .init = (enum init_kind)choice(resolved, "init", inits),
        .init_scale = num(resolved, "init_scale"),
        .batch = (int)num(resolved, "batch"),
        .clip = num(resolved, "clip"),
        .ema = num(resolved, "ema"),
        .watch = (int)num(resolved, "watch"),
        .augment = {.shift = (int)num(resolved, "shift"),
                    .flip = json_bool(json_get(resolved, "flip")),
                    .crop_pad = (int)num(resolved, "crop")},
    };
    read_update(resolved, &out->update);
    read_schedule(resolved, epochs, &out->schedule);
    return read_layers(json_get(resolved, "layers"), out, err);
}

void train_net_options(const struct train_options *options, const struct dataset *set, uint64_t seed,
                       struct net_options *out)
{
    *out = (struct net_options){
        .layers = options->layers,
        .layer_count = options->layer_count,
        .in = {set->channels, set->height, set->width},
        .classes = set->classes,
        .loss = options->loss,
        .init = options->init,
        .init_scale = options->init_scale,
        .seed = seed,
    };
}
