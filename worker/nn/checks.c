#define NN_DOUBLE
#include "worker/nn/checks.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "common/rng.h"
#include "worker/nn/data_sanity.h"
#include "worker/nn/net.h"
#include "worker/nn/train_options.h"

enum {
    GRADIENT_SAMPLES = 3,
    GRADIENT_WEIGHTS = 12,
    BURN_IN_STEPS = 20,
    LOSS_SAMPLES = 1000,
    LOSS_BATCH = 50,
    OVERFIT_SAMPLES = 20,
    OVERFIT_STEPS = 1000,
};

/* What every check needs: the trial's net, made anew for each. */
struct bench {
    struct train_options options;
    const struct dataset *set;
    uint64_t seed;
    struct check_report *report;
};

/* ---- results ---- */

static void add(struct check_report *report, const struct check_result *result)
{
    PRE(report->count < CHECK_MAX);
    report->results[report->count++] = *result;
    if (result->verdict > report->worst)
        report->worst = result->verdict;
}

static void hint(struct check_result *result, const char *text)
{
    if (result->verdict >= VERDICT_SUSPICIOUS)
        snprintf(result->hint, sizeof result->hint, "%s", text);
}

/* ---- samples ---- */

static struct net *make_net(const struct bench *bench, bool without_dropout)
{
    struct train_options options = bench->options;
    struct net_options net_options;
    struct net *net;
    for (int i = 0; without_dropout && i < options.layer_count; i++)
        if (options.layers[i].kind == LAYER_DROPOUT)
            options.layers[i].value = 0;
    train_net_options(&options, bench->set, bench->seed, &net_options);
    return net_new(&net_options, &net, NULL) ? NULL : net;
}

/* `count` rows of the training part, in double; as many different classes as there are among the first tries. */
static void take_samples(const struct bench *bench, int count, double *x, int32_t *y)
{
    size_t width = (size_t)dataset_width(bench->set);
    struct rng rng = rng_at(bench->seed, 0, hash_name("checks"), 0);
    for (int i = 0; i < count; i++) {
        uint32_t row = rng_below(&rng, (uint32_t)bench->set->n);
        for (int tries = 0; i && tries < 20 && bench->set->y[row] == y[i - 1]; tries++)
            row = rng_below(&rng, (uint32_t)bench->set->n);
        for (size_t j = 0; j < width; j++)
            x[(size_t)i * width + j] = (double)bench->set->x[row * width + j];
        y[i] = bench->set->y[row];
    }
}

/* ---- 1: gradients ---- */

enum verdict check_gradient_band(double error, int kinks)
{
    if (!(error <= 1e-2))
        return VERDICT_WRONG;
    if (error > 1e-4)
        return VERDICT_SUSPICIOUS;
    return error < 1e-7 && !kinks ? VERDICT_GOOD : VERDICT_FINE;
}

static const struct gradcheck_block *worst_block(const struct gradcheck *found)
{
    const struct gradcheck_block *worst = &found->blocks[0];
    for (int i = 1; i < found->count; i++)
        worst = found->blocks[i].worst > worst->worst ? &found->blocks[i] : worst;
    return worst;
}

/* A wrong backward pass spoils every gradient on its way to the input: look at the last one that is wrong. */
static const struct gradcheck_block *last_wrong(const struct gradcheck *found)
{
    const struct gradcheck_block *last = NULL;
    for (int i = 0; i < found->count; i++)
        if (!(found->blocks[i].worst <= 1e-4))
            last = &found->blocks[i];
    return last;
}

static void name_block(const struct gradcheck_block *block, struct check_result *result)
{
    snprintf(result->part, sizeof result->part, "layer %d %s %s", block->layer, layer_kind_name(block->kind),
             block->is_bias ? "bias" : "weight");
}

static void judge_gradient(struct check_report *report, const char *name, const struct gradcheck *found)
{
    const struct gradcheck_block *worst = worst_block(found), *last = last_wrong(found);
    struct check_result result;
    enum verdict verdict = check_gradient_band(found->worst, found->kinks);
    if (!found->checked && verdict < VERDICT_SUSPICIOUS)
        verdict = VERDICT_SUSPICIOUS;
    if (found->worst > 0)
        check_result_set(
            &result, "G1", name, verdict,
            "relative error %.1e at most over %d weights (there %.6g by differences, %.6g backward); "
            "%d at kinks left out",
            found->worst, found->checked, worst->numeric, worst->analytic, found->kinks);
    else
        check_result_set(&result, "G1", name, verdict,
                         "no difference beyond rounding over %d weights; %d at kinks left out",
                         found->checked, found->kinks);
    name_block(worst, &result);
    result.value = found->worst;
    result.expected = 0;
    hint(&result, "every weight sits at a kink: a smaller net or other data would say more");
    if (last)
        snprintf(result.hint, sizeof result.hint,
                 "layer %d (%s) is the last one that is off: its backward pass, or that of what comes right "
                 "after it, does not fit the forward pass",
                 last->layer, layer_kind_name(last->kind));
    add(report, &result);
}

static void judge_block(struct check_report *report, const struct gradcheck_block *block)
{
    struct check_result result;
    bool any = block->checked > 0;
    check_result_set(&result, "G1", "gradient",
                     any ? check_gradient_band(block->worst, block->kinks) : VERDICT_SKIPPED,
                     "%d compared, %d at kinks left out, %d with no gradient at all", block->checked,
                     block->kinks, block->silent);
    name_block(block, &result);
    result.value = block->worst;
    result.expected = 0;
    hint(&result, "see the first row of the gradients");
    add(report, &result);
}

/* For people to see that h was chosen well: the error falls with h^2 until rounding takes over. */
static void show_sweep(struct check_report *report, const struct gradcheck *found)
{
    struct check_result result;
    struct str list = {0};
    int best = 3; /* 1e-5, should none be better */
    for (int i = 0; i < GRADCHECK_SWEEP; i++) {
        if (isnan(found->sweep_error[i]))
            str_add(&list, " (kinks)"); /* at every weight that was tried */
        else
            str_addf(&list, " %.0e", found->sweep_error[i]);
        best = found->sweep_error[i] < found->sweep_error[best] ? i : best;
    }
    check_result_set(&result, "G1", "gradient step", VERDICT_GOOD,
                     "median error for h = 1e-2, 1e-3, … 1e-9:%s; below %.0e rounding takes over",
                     str_text(&list), found->sweep_h[best]);
    result.value = found->sweep_h[best];
    str_fini(&list);
    add(report, &result);
}

static void check_gradients(struct bench *bench)
{
    struct gradcheck_options plain = {.per_block = GRADIENT_WEIGHTS, .seed = bench->seed};
    struct gradcheck_options penalised = plain;
    struct check_report *report = bench->report;
    double *x = xcalloc((size_t)GRADIENT_SAMPLES * (size_t)dataset_width(bench->set), sizeof *x);
    int32_t y[GRADIENT_SAMPLES];
    struct net *net = make_net(bench, false);
    penalised.l2 = bench->options.update.l2 > 0 ? bench->options.update.l2 : 1e-2;
    penalised.l1 = bench->options.update.l1;
    take_samples(bench, GRADIENT_SAMPLES, x, y);
    gradcheck_run(net, x, y, GRADIENT_SAMPLES, &plain, &report->gradients[0]);
    gradcheck_run(net, x, y, GRADIENT_SAMPLES, &penalised, &report->gradients[1]);
    gradcheck_burn_in(net, x, y, GRADIENT_SAMPLES, BURN_IN_STEPS, bench->seed);
    gradcheck_run(net, x, y, GRADIENT_SAMPLES, &plain, &report->gradients[2]);
    judge_gradient(report, "gradient", &report->gradients[0]);
    judge_gradient(report, "gradient+penalty", &report->gradients[1]);
    judge_gradient(report, "gradient later", &report->gradients[2]);
    for (int i = 0; i < report->gradients[0].count; i++)
        judge_block(report, &report->gradients[0].blocks[i]);
    show_sweep(report, &report->gradients[0]);
    net_free(net);
    free(x);
}

/* ---- 2: the first loss ---- */

struct moments {
    double mean, deviation;
    int n;
};

static struct moments first_loss(const struct bench *bench, struct net *net)
{
    size_t width = (size_t)dataset_width(bench->set), classes = (size_t)bench->set->classes;
    int n = bench->set->n < LOSS_SAMPLES ? bench->set->n : LOSS_SAMPLES;
    double *x = xcalloc((size_t)LOSS_BATCH * width, sizeof *x), sum = 0, squares = 0;
    for (int at = 0; at < n; at += LOSS_BATCH) {
        struct pass pass = {.n = n - at < LOSS_BATCH ? n - at : LOSS_BATCH};
        for (size_t j = 0; j < (size_t)pass.n * width; j++)
            x[j] = (double)bench->set->x[(size_t)at * width + j];
        const double *scores = net_forward(net, &pass, x);
        for (int i = 0; i < pass.n; i++) {
            double loss = loss_batch(net->loss, scores + (size_t)i * classes, bench->set->y + at + i, 1,
                                     bench->set->classes, NULL)
                              .loss;
            sum += loss;
            squares += loss * loss;
        }
    }
    free(x);
    double mean = sum / n;
    return (struct moments){mean, sqrt(fmax(0, squares / n - mean * mean)), n};
}

static void check_penalty(const struct bench *bench, const struct net *net, double loss)
{
    struct check_result result;
    double l2 = bench->options.update.l2 > 0 ? bench->options.update.l2 : 1e-2;
    double penalty = net_penalty(net, bench->options.update.l1, l2);
    check_result_set(&result, "G2", "penalty", penalty > 0 ? VERDICT_GOOD : VERDICT_WRONG,
                     "l2 = %g raises the loss from %.4f to %.4f", l2, loss, loss + penalty);
    result.value = loss + penalty;
    result.expected = loss;
    hint(&result, "the penalty does not see the weights");
    add(bench->report, &result);
}

static void check_first_loss(struct bench *bench)
{
    struct check_result result;
    struct net *net = make_net(bench, false);
    struct moments loss = first_loss(bench, net);
    bool softmax = bench->options.loss == LOSS_SOFTMAX;
    double expected = softmax ? log(bench->set->classes) : bench->set->classes - 1;
    double tolerance = 0.1 + 3 * loss.deviation / sqrt(loss.n);
    bool is_right = fabs(loss.mean - expected) <= tolerance;
    check_result_set(&result, "G2", "initial loss", is_right ? VERDICT_GOOD : VERDICT_WRONG,
                     "%.4f over %d samples; chance gives %s = %.4f (+- %.2f)", loss.mean, loss.n,
                     softmax ? "ln(classes)" : "classes-1", expected, tolerance);
    result.value = loss.mean;
    result.expected = expected;
    hint(&result, loss.mean > expected
                      ? "the first scores are far from equal: smaller first weights, scaled inputs"
                      : "better than chance before learning: does the label hide in the input?");
    add(bench->report, &result);
    check_penalty(bench, net, loss.mean);
    net_free(net);
}

/* ---- 3: overfit twenty samples ---- */

struct fit {
    double loss;
    int correct, steps;
};

/* All samples in every step: what is asked is whether the net can, not how noise helps. */
static struct fit fit_samples(struct net *net, const double *x, const int32_t *y, int n, double lr)
{
    struct update_options adam = {
        .rule = UPDATE_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .bias_correction = true};
    struct step step = {.lr = lr, .scale = 1};
    struct optimizer optimizer;
    struct fit fit = {.loss = INFINITY};
    optimizer_init(&optimizer, &adam, net->param_count);
    for (; fit.steps < OVERFIT_STEPS && !(fit.loss < 1e-3); fit.steps++) {
        struct pass pass = {.n = n, .training = true, .memory = (real)0.9};
        struct loss_sum sum = net_loss(net, &pass, x, y, true);
        fit.loss = sum.loss;
        fit.correct = sum.correct;
        optimizer_step(&optimizer, net->params, net->grads, net->blocks, net->block_count, &step);
    }
    optimizer_fini(&optimizer);
    return fit;
}

/* Any of three rates will do: this is about the net, not about the search's first guess. */
static void check_overfit(struct bench *bench)
{
    static const double rates[] = {1e-2, 1e-3, 1e-4};
    int n = bench->set->n < OVERFIT_SAMPLES ? bench->set->n : OVERFIT_SAMPLES;
    double *x = xcalloc((size_t)n * (size_t)dataset_width(bench->set), sizeof *x);
    int32_t y[OVERFIT_SAMPLES];
    struct fit best = {.loss = INFINITY};
    take_samples(bench, n, x, y);
    for (size_t i = 0; i < COUNT_OF(rates) && !(best.loss < 0.01); i++) {
        struct net *net = make_net(bench, true);
        struct fit fit = fit_samples(net, x, y, n, rates[i]);
        best = fit.loss < best.loss ? fit : best;
        net_free(net);
    }
    /* Knowing all of them, though not yet for sure, takes a small net longer: no bug does that. */
    enum verdict verdict = best.correct < n   ? VERDICT_WRONG
                           : best.loss < 0.01 ? VERDICT_GOOD
                           : best.loss < 0.1  ? VERDICT_FINE
                                              : VERDICT_SUSPICIOUS;
    struct check_result result;
    check_result_set(&result, "G3", "overfit", verdict,
                     "%d samples, no penalty, no dropout: loss %.2e, %d of %d right after %d steps", n,
                     best.loss, best.correct, n, best.steps);
    result.value = best.loss;
    result.expected = 0;
    hint(&result,
         "a net that cannot learn a few samples by heart learns nothing else: look for wrong labels, dead "
         "units, a bottleneck");
    add(bench->report, &result);
    free(x);
}

/* ---- 4: data ---- */

static void check_data(const struct data_split *data, struct check_report *report)
{
    static const enum verdict verdicts[] = {
        [SANITY_OK] = VERDICT_GOOD, [SANITY_WARN] = VERDICT_SUSPICIOUS, [SANITY_FAIL] = VERDICT_WRONG};
    struct data_sanity sanity;
    struct sanity_finding findings[SANITY_CHECKS];
    data_sanity_measure(data, &sanity);
    data_sanity_judge(&sanity, findings);
    for (int i = 0; i < SANITY_CHECKS; i++) {
        struct check_result result;
        check_result_set(&result, "data", findings[i].check, verdicts[findings[i].verdict], "%s",
                         findings[i].text);
        hint(&result, findings[i].hint);
        add(report, &result);
    }
}

int checks_run(const struct json *resolved, const struct data_split *data, uint64_t seed,
               struct check_report *out, struct err *err)
{
    struct bench bench = {.set = &data->train, .seed = seed, .report = out};
    struct net_options net_options;
    struct net *net;
    *out = (struct check_report){0};
    int rc = train_options_read(resolved, 1, &bench.options, err);
    train_net_options(&bench.options, bench.set, seed, &net_options);
    if (!rc)
        rc = net_new(&net_options, &net, err);
    if (rc)
        return rc;
    net_free(net);
    check_gradients(&bench);
    check_first_loss(&bench);
    check_overfit(&bench);
    check_data(data, out);
    return 0;
}
