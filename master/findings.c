#include "master/findings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/finding.h"
#include "master/study.h"
#include "sql/store_load.h"

static const double FLAT = 0.01;          /* from one epoch to the next, three times running */
static const double FELL = 1.2;           /* the first loss over the flat one */
static const double PLATEAU_FACTOR = 1.5; /* over the study's lowest flat loss */
static const double TOUCHES = 0.2;        /* box widths from the best trial to the nearest that diverged */

enum { EDGE_TRIALS = 3 };

static bool nobody_looks(const struct study *s)
{
    return strcmp(json_text(json_get(json_get(s->def.json, "trainer"), "babysit")), "off") == 0;
}

struct rule {
    const char *name, *advice;
};

static const struct rule flat_far_above = {"D12", "a third of the learning rate"};
static const struct rule at_the_edge = {
    "D13", "a warm-up or gradient clipping moves this edge; a wider box does not"};

static void say(struct turn *turn, const struct trial *t, int epoch, const struct rule *rule, const char *fmt,
                ...) __attribute__((format(printf, 5, 6)));

static void say(struct turn *turn, const struct trial *t, int epoch, const struct rule *rule, const char *fmt,
                ...)
{
    char text[FINDING_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct row_finding row = {t->id, t->attempt, epoch, rule->name, "suggest", text, rule->advice};
    store_add_finding(turn->store, &row);
}

/* ---- D12 ---- */

/* Five epochs in a row, the last four on one level. */
static bool is_flat(const struct losses *l)
{
    if (l->run <= (int)COUNT_OF(l->last))
        return false;
    for (size_t i = 1; i < COUNT_OF(l->last); i++)
        if (!(fabs(l->last[i] / l->last[i - 1] - 1) < FLAT))
            return false;
    return true;
}

/* True: it is flat now. *lowest: the study's lowest flat loss before this one; 0: none. */
static bool note_loss(struct trial *t, int epoch, double loss, double *lowest)
{
    struct losses *l = &t->losses;
    double *flat = &t->study->flat_loss;
    l->run = epoch == l->epoch + 1 ? l->run + 1 : 1;
    l->epoch = epoch;
    if (epoch == 1)
        l->first = loss;
    memmove(l->last, l->last + 1, sizeof l->last - sizeof *l->last);
    l->last[COUNT_OF(l->last) - 1] = loss;
    *lowest = *flat;
    if (!is_flat(l))
        return false;
    *flat = *lowest > 0 && *lowest < loss ? *lowest : loss;
    return true;
}

static int note_stored_loss(void *arg, int64_t trial, int epoch, double loss)
{
    struct trial *t = study_trial_of_id(arg, trial);
    double lowest;
    if (!t)
        return ERR_BAD;
    note_loss(t, epoch, loss, &lowest);
    return 0;
}

int findings_load(struct turn *turn, struct study *s, struct err *err)
{
    return nobody_looks(s) ? 0
                           : store_load_metric(turn->store, s->id, "train_loss", note_stored_loss, s, err);
}

void findings_epoch(struct turn *turn, struct trial *t, int epoch, const struct json *metrics)
{
    struct study *s = t->study;
    const struct json *loss = json_get(metrics, "train_loss");
    if (!loss || json_type(loss) != JSON_NUM || nobody_looks(s))
        return;
    double now = json_num(loss), best;
    if (!note_loss(t, epoch, now, &best))
        return;
    bool fell = t->losses.first > FELL * now, is_high = best > 0 && now > PLATEAU_FACTOR * best;
    if (!fell || !is_high || t->losses.is_told)
        return;
    t->losses.is_told = true;
    if (!store_finding_known(turn->store, s->id, t->id, flat_far_above.name, ""))
        say(turn, t, epoch, &flat_far_above,
            "the loss fell from %.4g and is flat at %.4g; the study's lowest is flat at %.4g",
            t->losses.first, now, best);
}

/* ---- D13 ---- */

/* What was tried further out than the best. */
struct beyond {
    int tried, diverged;
    double nearest; /* box widths */
};

/* Or was stopped by the babysitter when its loss rose. */
static bool has_diverged(const struct trial *t)
{
    return strcmp(t->cause, "diverged") == 0 || strcmp(t->cause, "babysit") == 0;
}

static struct beyond look_beyond(const struct study *s, const struct box *box, int param, int side)
{
    struct beyond found = {.nearest = INFINITY};
    double best, z;
    if (!box_position(box, &s->def.space, param, s->best->point.v[param], &best))
        return found;
    for (size_t i = 0; i < s->count; i++) {
        const struct trial *t = s->trials[i];
        if (t->is_extra || t->is_deleted || !trial_status_is_final(t->status) ||
            t->status == TRIAL_cancelled || !box_position(box, &s->def.space, param, t->point.v[param], &z) ||
            side * (z - best) <= 0)
            continue;
        found.tried++;
        found.diverged += has_diverged(t);
        found.nearest = fmin(found.nearest, side * (z - best));
    }
    return found;
}

static void look_at_edge(struct turn *turn, struct study *s, const struct box *box, int param, int side)
{
    struct beyond found = look_beyond(s, box, param, side);
    char where[PARAM_NAME + 32];
    if (found.diverged < EDGE_TRIALS || found.diverged < found.tried || found.nearest > TOUCHES)
        return;
    snprintf(where, sizeof where, "the %s end of %s", side > 0 ? "high" : "low",
             s->def.space.params[param].name);
    if (store_finding_known(turn->store, s->id, 0, at_the_edge.name, where))
        return;
    say(turn, s->best, s->best->best_epoch, &at_the_edge,
        "all %d trials further to %s than this one, the best, diverged", found.tried, where);
}

void findings_edges(struct turn *turn, struct study *s)
{
    struct box box;
    if (!s->best || nobody_looks(s))
        return;
    history_box_clone(&s->history, &s->def.space, &box);
    for (int param = 0; param < s->def.space.count; param++)
        for (int side = -1; side <= 1; side += 2)
            if (param_is_numeric(&s->def.space.params[param]))
                look_at_edge(turn, s, &box, param, side);
    box_fini(&box);
}
