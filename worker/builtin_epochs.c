#include "worker/builtin_epochs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "worker/builtin_files.h"
#include "worker/nn/babysit.h"
#include "worker/nn/watch.h"

/* ---- reports ---- */

static void write_watch(struct jw *w, const struct watch *watch)
{
    jw_num(w, "update_ratio", watch->update_ratio);
    jw_num(w, "grad_norm", watch->gradient);
    if (isfinite(watch->dead))
        jw_num(w, "dead_units", watch->dead);
    if (isfinite(watch->saturated))
        jw_num(w, "saturated_units", watch->saturated);
}

/* What one job's epochs have in common. */
struct epochs {
    struct talk *talk;
    struct training *training;
    const struct builtin_job *job;
    struct attempt_files files;
    struct babysit sitter;
};

/* What the babysitter has to say of one epoch. */
struct findings {
    struct finding list[BABYSIT_RULES];
    int count;
};

static void babysit(struct epochs *e, const struct epoch_metrics *m, const struct watch *watch,
                    struct findings *out)
{
    struct babysit_facts facts = {
        .epoch = e->training->epoch,
        .train_loss = m->train_loss,
        .train_acc = m->train_acc,
        .val_loss = m->val_loss,
        .val_acc = m->val_acc,
        .peak = m->peak,
        .noise = m->noise,
    };
    if (watch)
        watch_facts(watch, &facts);
    out->count = babysit_see(&e->sitter, &facts, out->list);
    for (int i = 0; i < out->count; i++) {
        const struct finding *f = &out->list[i];
        talk_note(e->talk, "D%d (%s), epoch %d: %s: %s", f->rule, finding_action_name(f->action), f->epoch,
                  f->text, f->advice);
    }
}

static bool is_hopeless(const struct findings *findings)
{
    for (int i = 0; i < findings->count; i++)
        if (findings->list[i].action == FINDING_STOP)
            return true;
    return false;
}

/* Only with "stop" may a finding end the trial; else it warns. */
static void write_findings(struct jw *w, const struct findings *findings, bool may_stop)
{
    if (!findings->count)
        return;
    jw_array(w, "findings");
    for (int i = 0; i < findings->count; i++) {
        const struct finding *f = &findings->list[i];
        char rule[16];
        snprintf(rule, sizeof rule, "D%d", f->rule);
        jw_object(w, NULL);
        jw_text(w, "rule", rule);
        jw_text(w, "action",
                finding_action_name(f->action == FINDING_STOP && !may_stop ? FINDING_WARN : f->action));
        jw_text(w, "text", f->text);
        jw_text(w, "advice", f->advice);
        jw_close_object(w);
    }
    jw_close_array(w);
}

/* What one epoch's report tells besides the metrics. */
struct extras {
    double seconds;
    const struct watch *watch; /* NULL: none */
    const char *checkpoint;    /* NULL: none */
    struct findings findings;
    bool may_stop;
};

static void report(struct talk *talk, const struct training *t, const struct epoch_metrics *m,
                   const struct extras *extras)
{
    double seconds = extras->seconds;
    struct str line = {0};
    struct jw w = jw_to(&line);
    jw_object(&w, NULL);
    jw_int(&w, "epoch", t->epoch);
    jw_num(&w, "val_acc", m->val_acc);
    jw_num(&w, "val_loss", m->val_loss);
    jw_num(&w, "train_acc", m->train_acc);
    jw_num(&w, "train_loss", m->train_loss);
    if (t->ema) {
        jw_num(&w, "ema_val_acc", m->ema_val_acc);
        jw_num(&w, "ema_val_loss", m->ema_val_loss);
    }
    jw_num(&w, "lr", m->lr);
    jw_int(&w, "parameters", (int64_t)net_parameters(t->net));
    jw_num(&w, "samples_per_s", seconds > 0 ? round(t->data->train.n / seconds) : 0);
    jw_num(&w, "seconds", round(seconds * 1e6) / 1e6);
    if (extras->watch)
        write_watch(&w, extras->watch);
    if (extras->checkpoint)
        jw_text(&w, "checkpoint", extras->checkpoint);
    write_findings(&w, &extras->findings, extras->may_stop);
    jw_close_object(&w);
    talk_say(talk, &line);
}

/* ---- training ---- */

/* One epoch with everything that follows it. `*ended` if there is no next one. */
static int train_epoch(struct epochs *e, bool *ended, struct err *err)
{
    struct training *t = e->training;
    const struct builtin_job *job = e->job;
    struct epoch_metrics metrics;
    struct watch watch;
    int64_t start = clock_mono_us();
    if (training_epoch(t, talk_interrupted, e->talk, &metrics)) {
        *ended = true; /* stop now, or nobody listens any more */
        return 0;
    }
    *ended = t->epoch >= job->until || t->diverged || e->talk->stop_epoch;
    if (t->epoch <= job->resume_epoch)
        return 0; /* reported before its checkpoint was lost */
    if (t->watched)
        watch_look(t, &watch);
    const char *mode = json_text(json_get(job->options, "babysit"));
    struct extras extras = {.seconds = (double)(clock_mono_us() - start) * 1e-6,
                            .watch = t->watched && !t->diverged ? &watch : NULL,
                            .may_stop = strcmp(mode, "stop") == 0};
    int rc = t->diverged ? 0 : attempt_files_save(&e->files, t, &metrics, err);
    if (rc)
        return rc;
    if (extras.watch)
        attempt_files_watch(&e->files, t, extras.watch);
    if (strcmp(mode, "off"))
        babysit(e, &metrics, extras.watch, &extras.findings);
    extras.checkpoint = t->diverged ? NULL : e->files.newest;
    report(e->talk, t, &metrics, &extras);
    *ended |= extras.may_stop && is_hopeless(&extras.findings);
    return 0;
}

int builtin_epochs(struct talk *talk, const struct builtin_job *job, struct training *t, struct err *err)
{
    struct epochs e = {
        .talk = talk, .training = t, .job = job, .files = {.dir = job->dir, .trial = job->trial}};
    int classes = t->net->classes, rc = 0;
    bool ended = t->epoch >= job->until;
    babysit_init(&e.sitter, t->options.loss == LOSS_SOFTMAX ? log(classes) : classes - 1, classes,
                 t->data->val.n);
    while (!rc && !ended)
        rc = train_epoch(&e, &ended, err);
    babysit_fini(&e.sitter);
    return rc;
}
