#include "worker/nn/watch.h"

#include <math.h>
#include <stdlib.h>

enum { PROBE_LEAST = 64, PROBE_MOST = 256, PROBE_PART = 150, PICTURE_UNITS = 256 };

static const double near_end = 0.97;

/* ---- measures of one layer ---- */

static struct histogram histogram_of(const float *values, size_t count)
{
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    struct histogram h = {.low = (double)low, .high = (double)high};
    float width = (high - low) / WATCH_BINS, scale = width > 0 ? 1 / width : 0;
    if (!isfinite(width))
        return (struct histogram){0};
    for (size_t i = 0; i < count; i++) {
        int bin = (int)((values[i] - low) * scale);
        h.bins[bin < WATCH_BINS ? bin : WATCH_BINS - 1]++;
    }
    return h;
}

/* Squares are summed around the first value: far from 0, their own sum would lose the deviation. */
static void moments_of(const float *values, size_t count, double *mean, double *deviation)
{
    double sum = 0, squares = 0, around = (double)values[0];
    for (size_t i = 0; i < count; i++) {
        double d = (double)values[i] - around;
        sum += d;
        squares += d * d;
    }
    double offset = sum / (double)count, variance = squares / (double)count - offset * offset;
    *mean = around + offset;
    *deviation = variance > 0 ? sqrt(variance) : variance; /* NaN stays */
}

/* Share of units (channels of an image) that are 0 for all samples and places. */
static double dead_share(const struct layer *layer, int n)
{
    int dead = 0, plane = layer->out.h * layer->out.w;
    if (!layer->relu && layer->spec.kind != LAYER_RELU)
        return NAN;
    for (int c = 0; c < layer->out.c; c++) {
        bool is_dead = true;
        for (int i = 0; is_dead && i < n; i++) {
            const float *y = layer->y + ((size_t)i * (size_t)layer->out.c + (size_t)c) * (size_t)plane;
            for (int j = 0; is_dead && j < plane; j++)
                is_dead = y[j] == 0;
        }
        dead += is_dead;
    }
    return (double)dead / layer->out.c;
}

/* Share of outputs within 3 % of their ends: -1 and 1 of tanh, 0 and 1 of sigmoid. */
static double saturated_share(const struct layer *layer, size_t count)
{
    bool is_sigmoid = layer->spec.kind == LAYER_SIGMOID;
    size_t ends = 0;
    if (!is_sigmoid && layer->spec.kind != LAYER_TANH)
        return NAN;
    for (size_t i = 0; i < count; i++)
        ends += fabs(is_sigmoid ? 2 * layer->y[i] - 1 : layer->y[i]) > near_end;
    return (double)ends / (double)count;
}

static void look_at(const struct training *t, int i, int n, struct watch_layer *out)
{
    const struct layer *layer = &t->net->layers[i];
    size_t count = (size_t)n * (size_t)shape_size(layer->out);
    *out = (struct watch_layer){.index = layer->index, .kind = layer->spec.kind};
    moments_of(layer->y, count, &out->mean, &out->deviation);
    out->outputs = histogram_of(layer->y, count);
    out->facts = (struct babysit_layer){
        .update_ratio = layer->weights ? t->update_ratio[i] : NAN,
        .gradient = layer->weights ? gradient_norm(t->net->grads + layer->weight, layer->weights) : NAN,
        .dead = dead_share(layer, n),
        .saturated = saturated_share(layer, count),
        .deviation = out->deviation,
    };
    if (layer->weights)
        out->gradients = histogram_of(t->net->grads + layer->weight, layer->weights);
}

/* ---- all of them ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static void sum_up(struct watch *watch)
{
    double ratios[BABYSIT_LAYERS];
    int count = 0;
    watch->dead = watch->saturated = NAN;
    for (int i = 0; i < watch->count; i++) {
        const struct babysit_layer *facts = &watch->layers[i].facts;
        if (isfinite(facts->update_ratio))
            ratios[count++] = facts->update_ratio;
        watch->dead = larger(watch->dead, facts->dead);
        watch->saturated = larger(watch->saturated, facts->saturated);
    }
    qsort(ratios, (size_t)count, sizeof *ratios, by_size);
    watch->update_ratio = count ? ratios[(count - 1) / 2] : NAN;
}

/* As small a part of the samples costs about as small a part of the time. */
static int probe_size(const struct training *training, const struct dataset *set)
{
    int n = training->data->train.n / PROBE_PART;
    n = n < PROBE_LEAST ? PROBE_LEAST : n > PROBE_MOST ? PROBE_MOST : n;
    return set->n < n ? set->n : n;
}

void watch_look(struct training *training, struct watch *out)
{
    const struct dataset *set = training->data->val.n ? &training->data->val : &training->data->train;
    struct net *net = training->net;
    struct pass pass = {
        .n = probe_size(training, set), .training = true, .memory = 1, .seed = training->seed};
    pass.epoch = (uint32_t)training->epoch;
    pass.step = UINT32_MAX; /* a dropout mask no step of the training has */
    *out = (struct watch){0};
    net_loss(net, &pass, set->x, set->y, true);
    out->gradient = gradient_norm(net->grads, net->param_count);
    for (int i = 0; i < net->layer_count && out->count < BABYSIT_LAYERS; i++)
        look_at(training, i, pass.n, &out->layers[out->count++]);
    sum_up(out);
}

void watch_facts(const struct watch *watch, struct babysit_facts *out)
{
    const struct babysit_layer none = {NAN, NAN, NAN, NAN, NAN};
    out->layer_count = 0;
    for (int i = 0; i < watch->count; i++) {
        while (out->layer_count <= watch->layers[i].index && out->layer_count < BABYSIT_LAYERS)
            out->layers[out->layer_count++] = none;
        if (watch->layers[i].index < BABYSIT_LAYERS)
            out->layers[watch->layers[i].index] = watch->layers[i].facts;
    }
}

/* ---- out ---- */

static void write_histogram(const struct histogram *h, const char *key, struct jw *w)
{
    jw_object(w, key);
    jw_num(w, "low", h->low);
    jw_num(w, "high", h->high);
    jw_array(w, "bins");
    for (int i = 0; i < WATCH_BINS; i++)
        jw_int(w, NULL, h->bins[i]);
    jw_close_array(w);
    jw_close_object(w);
}

static void write_layer(const struct watch_layer *layer, struct jw *w)
{
    jw_object(w, NULL);
    jw_int(w, "layer", layer->index);
    jw_text(w, "kind", layer_kind_name(layer->kind));
    jw_num(w, "mean", layer->mean);
    jw_num(w, "deviation", layer->deviation);
    if (isfinite(layer->facts.dead))
        jw_num(w, "dead", layer->facts.dead);
    if (isfinite(layer->facts.saturated))
        jw_num(w, "saturated", layer->facts.saturated);
    write_histogram(&layer->outputs, "outputs", w);
    if (!isnan(layer->facts.gradient)) {
        jw_num(w, "update_ratio", layer->facts.update_ratio);
        jw_num(w, "gradient", layer->facts.gradient);
        write_histogram(&layer->gradients, "gradients", w);
    }
    jw_close_object(w);
}

void watch_write(const struct watch *watch, const char *key, struct jw *w)
{
    jw_object(w, key);
    jw_num(w, "update_ratio", watch->update_ratio);
    jw_num(w, "gradient", watch->gradient);
    jw_array(w, "layers");
    for (int i = 0; i < watch->count; i++)
        write_layer(&watch->layers[i], w);
    jw_close_array(w);
    jw_close_object(w);
}

int watch_tiles(const struct net *net, struct weight_tiles *out, struct err *err)
{
    const struct layer *layer = &net->layers[0];
    bool is_conv = layer->spec.kind == LAYER_CONV;
    int units = layer->out.c < PICTURE_UNITS ? layer->out.c : PICTURE_UNITS;
    if (!is_conv && layer->spec.kind != LAYER_AFFINE)
        return err_set(err, ERR_NO, "the first layer is %s and has no weights to draw",
                       layer_kind_name(layer->spec.kind));
    *out = (struct weight_tiles){
        .w = net->params + layer->weight,
        .unit = is_conv ? layer->weights / (size_t)layer->out.c : 1,
        .input = is_conv ? 1 : (size_t)layer->out.c,
        .units = units,
        .channels = layer->in.c,
        .height = is_conv ? layer->spec.height : layer->in.h,
        .width = is_conv ? layer->spec.width : layer->in.w,
    };
    return 0;
}

int watch_picture(const struct net *net, struct image *out, struct err *err)
{
    struct weight_tiles tiles;
    int rc = watch_tiles(net, &tiles, err);
    return rc ? rc : image_of_weights(&tiles, out, err);
}
