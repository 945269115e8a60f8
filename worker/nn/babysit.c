#include "worker/nn/babysit.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"

enum { WINDOW = 20, RISING_EPOCHS = 3 };

static struct babysit_limits default_limits(void)
{
    return (struct babysit_limits){
        .rise = 3,
        .stuck = 0.98,
        .ratio_high = 1e-2,
        .ratio_low = 1e-4,
        .gap = 0.10,
        .no_gap = 0.01,
        .noise = 0.3,
        .dead = 0.4,
        .dead_layer = 0.9,
        .saturated = 0.5,
        .collapsed = 0.02,
        .gradient_span = 1e3,
        .patience = 5,
        .long_patience = 10,
    };
}

const char *finding_action_name(enum finding_action action)
{
    static const char *const names[] = {"suggest", "warn", "stop"};
    return names[action];
}

void babysit_init(struct babysit *babysit, double chance_loss, int classes, int val_samples)
{
    *babysit = (struct babysit){
        .limits = default_limits(),
        .chance_loss = chance_loss,
        .classes = classes,
        .val_samples = val_samples,
    };
}

void babysit_fini(struct babysit *babysit)
{
    free(babysit->rows);
    *babysit = (struct babysit){0};
}

/* ---- facts ---- */

static double window_peak(const double *losses, int count)
{
    int width = count < WINDOW ? count : WINDOW;
    double sum = 0, peak = -INFINITY;
    for (int i = 0; i < count; i++) {
        sum += losses[i] - (i >= width ? losses[i - width] : 0);
        if (i >= width - 1 && !(sum / width <= peak))
            peak = sum / width;
    }
    return peak;
}

/* Deviation around the straight line of least squares: a loss that falls is not noise. */
void batch_curve(const double *losses, int count, double *peak, double *noise)
{
    *peak = *noise = NAN;
    if (count < 2)
        return;
    double mean = 0, slope = 0, squares = 0, middle = (count - 1) / 2.0, spread = 0;
    for (int i = 0; i < count; i++)
        mean += losses[i] / count;
    for (int i = 0; i < count; i++) {
        slope += (i - middle) * (losses[i] - mean);
        spread += (i - middle) * (i - middle);
    }
    slope /= spread;
    for (int i = 0; i < count; i++) {
        double rest = losses[i] - mean - slope * (i - middle);
        squares += rest * rest;
    }
    *peak = window_peak(losses, count);
    if (count >= WINDOW && mean > 0)
        *noise = sqrt(squares / (count - 2)) / mean;
}

/* ---- rules: each looks at the newest row and returns whether it has something to say ---- */

struct view {
    const struct babysit *b;
    const struct babysit_facts *facts;
    const struct babysit_row *rows; /* oldest first, the newest included */
    int count;
};

static bool say(struct finding *out, enum finding_action action, const char *advice, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static bool say(struct finding *out, enum finding_action action, const char *advice, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, ap);
    va_end(ap);
    snprintf(out->advice, sizeof out->advice, "%s", advice);
    out->action = action;
    return true;
}

static bool rule_not_finite(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    if (isfinite(f->train_loss) && (isfinite(f->val_loss) || !v->b->val_samples))
        return false;
    return say(out, FINDING_STOP, "a lower learning rate, a warm-up, or gradient clipping",
               "the loss is no finite number any more");
}

static bool rises_above_chance(const struct view *v)
{
    if (v->count < RISING_EPOCHS + 1 || v->facts->train_loss <= v->b->chance_loss)
        return false;
    for (int i = v->count - RISING_EPOCHS; i < v->count; i++)
        if (!(v->rows[i].train_loss > v->rows[i - 1].train_loss))
            return false;
    return true;
}

static bool rule_rises(const struct view *v, struct finding *out)
{
    double chance = v->b->chance_loss;
    const char *advice = "learning rate too high: a third of it, or a warm-up";
    if (v->facts->peak > v->b->limits.rise * chance)
        return say(out, FINDING_STOP, advice, "20 batches in a row had a mean loss of %.4g; chance has %.4g",
                   v->facts->peak, chance);
    if (!rises_above_chance(v))
        return false;
    return say(out, FINDING_STOP, advice, "the loss rose %d epochs running, to %.4g; chance has %.4g",
               RISING_EPOCHS, v->facts->train_loss, chance);
}

/* Where D1 has spoken, the loss is large for another reason than a rate that is too low. */
static bool rule_not_learning(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    if (v->b->said & 1u << 1)
        return false;
    if (f->epoch < 2 || !(f->train_loss > v->b->limits.stuck * v->b->chance_loss))
        return false;
    if (f->val_acc > 1.2 / v->b->classes)
        return say(out, FINDING_WARN, "learning rate too low: ten times as much",
                   "the loss is still %.6g of %.6g, though accuracy moves (%.3g)", f->train_loss,
                   v->b->chance_loss, f->val_acc);
    return say(out, FINDING_WARN,
               "dead at the start? check the first weights, the scale of the inputs, the rate",
               "the loss is still %.6g, what chance gives (%.6g), and accuracy, too (%.3g)", f->train_loss,
               v->b->chance_loss, f->val_acc);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The lower one of an even number: the last layer starts small, so its first updates are large beside it. NaN
 * without layers. */
static double median_ratio(const struct babysit_facts *facts)
{
    double ratios[BABYSIT_LAYERS];
    int count = 0;
    for (int i = 0; i < facts->layer_count; i++)
        if (isfinite(facts->layers[i].update_ratio))
            ratios[count++] = facts->layers[i].update_ratio;
    qsort(ratios, (size_t)count, sizeof *ratios, by_size);
    return count ? ratios[(count - 1) / 2] : NAN;
}

static bool rule_updates_large(const struct view *v, struct finding *out)
{
    double ratio = median_ratio(v->facts);
    if (!(ratio > v->b->limits.ratio_high))
        return false;
    return say(out, FINDING_WARN, "learning rate probably too high: aim at 1e-3",
               "an update changes the weights by %.2g of their norm", ratio);
}

static bool rule_updates_small(const struct view *v, struct finding *out)
{
    double ratio = median_ratio(v->facts);
    if (v->count < 2 || !(ratio < v->b->limits.ratio_low))
        return false;
    double before = v->rows[v->count - 2].train_loss, now = v->facts->train_loss;
    if (!(now > 0.99 * before))
        return false;
    return say(
        out, FINDING_WARN, "learning rate too low: aim at updates of 1e-3",
        "an update changes the weights by %.2g of their norm, and the loss fell from %.4g to %.4g only",
        ratio, before, now);
}

/* Epochs since the best validation accuracy was last beaten by more than `margin`. */
static int epochs_without_gain(const struct view *v, double margin)
{
    double best = -INFINITY;
    int since = 0;
    for (int i = 0; i < v->count; i++, since++)
        if (v->rows[i].val_acc > best + margin) {
            best = v->rows[i].val_acc;
            since = 0;
        }
    return since - 1;
}

static bool rule_overfitting(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    double gap = f->train_acc - f->val_acc;
    double error = sqrt(f->val_acc * (1 - f->val_acc) / fmax(1, v->b->val_samples));
    bool is_wide = gap > v->b->limits.gap || (gap > 2 * error && gap > 2 * v->b->limits.no_gap);
    int waited = epochs_without_gain(v, 0);
    if (!is_wide || waited < v->b->limits.patience)
        return false;
    return say(
        out, FINDING_WARN, "more l2, dropout, augmentation or data; or stop here",
        "accuracy is %.3f in training, %.3f in validation, and validation has not gained for %d epochs",
        f->train_acc, f->val_acc, waited);
}

static bool rule_underfitting(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    double gap = f->train_acc - f->val_acc;
    int waited = epochs_without_gain(v, 1e-3);
    if (!(gap < v->b->limits.no_gap) || waited < v->b->limits.long_patience || f->train_acc > 0.999)
        return false;
    return say(out, FINDING_SUGGEST, "a larger model, or half the learning rate",
               "no gap between training (%.3f) and validation (%.3f), and no gain for %d epochs",
               f->train_acc, f->val_acc, waited);
}

/* Near zero loss every batch is noisy beside its mean: only a loss that is still large says something. */
static bool rule_noisy(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    if (!(f->noise > v->b->limits.noise) || !(f->train_loss > 0.2 * v->b->chance_loss))
        return false;
    return say(out, FINDING_WARN, "larger batches: the noise falls with their square root",
               "batch losses scatter by %.0f %% of their mean", 100 * f->noise);
}

static bool rule_dead(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    int worst = -1, relus = 0, dead = 0;
    for (int i = 0; i < f->layer_count; i++) {
        double share = f->layers[i].dead;
        relus += isfinite(share);
        dead += share > v->b->limits.dead_layer;
        if (share > v->b->limits.dead && (worst < 0 || share > f->layers[worst].dead))
            worst = i;
    }
    if (worst < 0)
        return false;
    return say(out, relus == dead ? FINDING_STOP : FINDING_WARN,
               "a lower learning rate, another init, or leaky ReLUs",
               "%.0f %% of the ReLUs of layer %d are 0 for every sample of the probe",
               100 * f->layers[worst].dead, worst);
}

static bool rule_saturated(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    for (int i = 0; i < f->layer_count; i++) {
        const struct babysit_layer *layer = &f->layers[i];
        if (layer->saturated > v->b->limits.saturated)
            return say(out, FINDING_WARN, "smaller first weights, or batchnorm before it",
                       "%.0f %% of the outputs of layer %d are at their ends", 100 * layer->saturated, i);
        if (isfinite(layer->saturated) && layer->deviation < v->b->limits.collapsed)
            return say(out, FINDING_WARN, "larger first weights, or batchnorm before it",
                       "the outputs of layer %d have collapsed: deviation %.2g", i, layer->deviation);
    }
    return false;
}

static bool rule_gradients(const struct view *v, struct finding *out)
{
    const struct babysit_facts *f = v->facts;
    double first = NAN, last = NAN;
    for (int i = 0; i < f->layer_count; i++) {
        double norm = f->layers[i].gradient;
        if (!isfinite(norm))
            continue;
        first = isnan(first) ? norm : first;
        last = norm;
    }
    double ratio = first / last, span = v->b->limits.gradient_span;
    if (!(last > 0) || !(ratio < 1 / span || ratio > span))
        return false;
    return say(out, FINDING_WARN, "other first weights, batchnorm, or clipping",
               "the gradient is %.2g in the first layer and %.2g in the last: it %s on its way", first, last,
               ratio < 1 ? "vanishes" : "explodes");
}

static bool rule_overconfident(const struct view *v, struct finding *out)
{
    int span = v->b->limits.patience, up = 0;
    if (v->count <= span)
        return false;
    const struct babysit_row *old = &v->rows[v->count - 1 - span], *now = &v->rows[v->count - 1];
    for (int i = v->count - span; i < v->count; i++)
        up += v->rows[i].val_loss > v->rows[i - 1].val_loss;
    if (up < span - 1 || !(now->val_loss > 1.02 * old->val_loss) ||
        !(fabs(now->val_acc - old->val_acc) < 0.005))
        return false;
    return say(out, FINDING_SUGGEST,
               "mistakes grow more certain: if probabilities matter, choose by val_loss",
               "validation loss rose from %.4g to %.4g in %d epochs, accuracy stayed at %.3f", old->val_loss,
               now->val_loss, span, now->val_acc);
}

typedef bool rule_fn(const struct view *view, struct finding *out);

static rule_fn *const rules[BABYSIT_RULES] = {
    rule_not_finite,    rule_rises,       rule_not_learning, rule_updates_large,
    rule_updates_small, rule_overfitting, rule_underfitting, rule_noisy,
    rule_dead,          rule_saturated,   rule_gradients,    rule_overconfident,
};

int babysit_see(struct babysit *babysit, const struct babysit_facts *facts, struct finding *out)
{
    int count = 0;
    GROW(babysit->rows, babysit->room, babysit->count + 1);
    babysit->rows[babysit->count++] =
        (struct babysit_row){facts->train_loss, facts->train_acc, facts->val_loss, facts->val_acc};
    struct view view = {babysit, facts, babysit->rows, (int)babysit->count};
    for (int rule = 0; rule < (int)COUNT_OF(rules); rule++) {
        struct finding *finding = &out[count];
        if (babysit->said & 1u << rule || !rules[rule](&view, finding))
            continue;
        finding->rule = rule;
        finding->epoch = facts->epoch;
        babysit->said |= 1u << rule;
        count++;
        if (rule == 0)
            break; /* nothing else can be told from numbers that are none */
    }
    return count;
}
