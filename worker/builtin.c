#include "worker/builtin.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/str.h"
#include "common/trainer_options.h"
#include "worker/builtin_check.h"
#include "worker/builtin_data.h"
#include "worker/builtin_files.h"
#include "worker/nn/babysit.h"
#include "worker/nn/checkpoint.h"
#include "worker/nn/data.h"
#include "worker/nn/train.h"
#include "worker/nn/watch.h"

enum { LINE_MAX_BYTES = 65536 };

/* The conversation with the slot, and the data set kept from job to job. */
struct trainer {
    int in, out;
    struct str input; /* bytes read, not yet taken */
    bool stop_epoch, stop_now, gone;
    struct str data_key; /* what `data` was loaded from */
    struct data_split data;
};

struct job {
    struct json *options; /* resolved; owned */
    int64_t trial, until, epochs, seed;
    const char *metric, *dir, *base, *resume;
    int64_t resume_epoch;
};

/* ---- lines ---- */

static void say(struct trainer *trainer, struct str *line)
{
    str_addc(line, '\n');
    for (size_t at = 0; at < line->len;) {
        ssize_t put = write(trainer->out, line->text + at, line->len - at);
        if (put < 0 && errno != EINTR) {
            trainer->gone = true;
            break;
        }
        at += put > 0 ? (size_t)put : 0;
    }
    str_fini(line);
}

static void say_ready(struct trainer *trainer)
{
    struct str line = {0};
    str_add(&line, "{\"ready\":true}");
    say(trainer, &line);
}

static void say_done(struct trainer *trainer, const struct err *err)
{
    struct str line = {0};
    struct jw w = jw_to(&line);
    jw_object(&w, NULL);
    jw_bool(&w, "done", !err);
    if (err) {
        struct str text = {0};
        str_addf(&text, "%s%s%s", err->text, *err->hint ? "; " : "", err->hint);
        jw_text(&w, "cause", "error");
        jw_text(&w, "text", str_text(&text));
        str_fini(&text);
    }
    jw_close_object(&w);
    say(trainer, &line);
}

/* A sentence for the trial's log. */
static void say_note(struct trainer *trainer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say_note(struct trainer *trainer, const char *fmt, ...)
{
    char text[1024];
    struct str line = {0};
    struct jw w = jw_to(&line);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    jw_object(&w, NULL);
    jw_text(&w, "note", text);
    jw_close_object(&w);
    say(trainer, &line);
}

/* Reads what is there; with `wait` at least one byte. */
static void take_input(struct trainer *trainer, bool wait)
{
    struct pollfd ready = {.fd = trainer->in, .events = POLLIN};
    char chunk[4096];
    if (trainer->gone || (!wait && poll(&ready, 1, 0) <= 0))
        return;
    ssize_t got = read(trainer->in, chunk, sizeof chunk);
    if (got > 0)
        str_addn(&trainer->input, chunk, (size_t)got);
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        trainer->gone = true;
    if (trainer->input.len > LINE_MAX_BYTES && !memchr(trainer->input.text, '\n', trainer->input.len))
        trainer->gone = true; /* no slot writes such a line */
}

/* The first whole line of the input, without its end; NULL if there is none. The caller frees. */
static char *first_line(const struct trainer *trainer)
{
    const char *end = trainer->input.len ? memchr(trainer->input.text, '\n', trainer->input.len) : NULL;
    return end ? xstrndup(trainer->input.text, (size_t)(end - trainer->input.text)) : NULL;
}

static void drop_line(struct trainer *trainer, size_t len)
{
    struct str *input = &trainer->input;
    memmove(input->text, input->text + len + 1, input->len - len);
    input->len -= len + 1;
}

static void hear_stop(struct trainer *trainer, const char *how)
{
    if (strcmp(how, "now") == 0)
        trainer->stop_now = true;
    else
        trainer->stop_epoch = true;
}

/* Asked between batches: hears stops, leaves a job for later where it is. */
static bool interrupted(void *arg)
{
    struct trainer *trainer = arg;
    take_input(trainer, false);
    for (char *line = first_line(trainer); line; line = first_line(trainer)) {
        struct json *message = json_parse(line, strlen(line), "slot", NULL);
        bool is_job = json_get(message, "job") || json_get(message, "check");
        if (json_get(message, "stop"))
            hear_stop(trainer, json_text(json_get(message, "stop")));
        json_free(message);
        if (!is_job)
            drop_line(trainer, strlen(line));
        free(line);
        if (is_job)
            break;
    }
    return trainer->stop_now || trainer->gone;
}

/* ---- the job ---- */

static int read_resume(const struct jcur *job, struct job *out, struct err *err)
{
    struct jcur resume = jcur_get(job, "resume");
    if (!jcur_has(&resume))
        return 0;
    struct jcur path = jcur_get(&resume, "path"), epoch = jcur_get(&resume, "epoch");
    int rc = jcur_text(&path, 4096, &out->resume, err);
    return rc ? rc : jcur_int(&epoch, 0, INT32_MAX, &out->resume_epoch, err);
}

static int read_job(const struct jcur *job, struct job *out, struct err *err)
{
    struct jcur trial = jcur_get(job, "trial"), until = jcur_get(job, "until"),
                epochs = jcur_get(job, "epochs");
    struct jcur seed = jcur_get(job, "seed"), metric = jcur_get(job, "metric"), dir = jcur_get(job, "dir");
    struct jcur base = jcur_get(job, "base"), trainer = jcur_get(job, "trainer");
    int rc = jcur_int(&trial, 0, INT32_MAX, &out->trial, err);
    if (!rc)
        rc = jcur_int(&until, 0, INT32_MAX, &out->until, err);
    if (!rc)
        rc = jcur_int(&epochs, 1, INT32_MAX, &out->epochs, err);
    if (!rc)
        rc = jcur_int(&seed, 0, (int64_t)1 << 53, &out->seed, err);
    if (!rc)
        rc = jcur_text(&metric, 64, &out->metric, err);
    if (!rc)
        rc = jcur_text(&dir, 4096, &out->dir, err);
    if (!rc && jcur_has(&base))
        rc = jcur_text(&base, 4096, &out->base, err);
    if (!rc)
        rc = read_resume(job, out, err);
    if (!rc)
        rc = trainer_resolve(&trainer, json_get(job->node, "params"), &out->options, err);
    return rc;
}

/* ---- data, kept while jobs ask for the same ---- */

static int need_data(struct trainer *trainer, const struct job *job, struct err *err)
{
    struct str key = {0};
    builtin_data_key(job->options, job->base, &key);
    if (strcmp(str_text(&key), str_text(&trainer->data_key)) == 0) {
        str_fini(&key);
        return 0;
    }
    data_split_fini(&trainer->data);
    str_fini(&trainer->data_key);
    trainer->data = (struct data_split){0};
    int rc = builtin_data_load(job->options, job->base, &trainer->data, err);
    if (rc)
        str_fini(&key);
    else
        trainer->data_key = key;
    return rc;
}

/* ---- where to go on from ---- */

/* A checkpoint that is gone or damaged costs time, not the trial: the epochs up to it are trained again, unreported,
 * and give the same numbers. One of another network is refused. */
static int resume(struct trainer *trainer, const struct job *job, struct training *training, struct err *err)
{
    struct checkpoint checkpoint;
    struct err damage = ERR_NONE;
    if (!job->resume)
        return 0;
    if (checkpoint_load(job->resume, &checkpoint, &damage)) {
        say_note(trainer, "%s; training from the start again, silently up to epoch %lld", damage.text,
                 (long long)job->resume_epoch);
        return 0;
    }
    int rc = training_restore(training, &checkpoint, job->resume, err);
    checkpoint_fini(&checkpoint);
    if (!rc && training->epoch != job->resume_epoch)
        rc = err_set(err, ERR_BAD, "%s: expected epoch %lld, found %d", job->resume,
                     (long long)job->resume_epoch, training->epoch);
    return rc;
}

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

/* What the babysitter has to say of one epoch. */
struct findings {
    struct finding list[BABYSIT_RULES];
    int count;
};

static void babysit(struct trainer *trainer, struct babysit *sitter, const struct training *t,
                    const struct epoch_metrics *m, const struct watch *watch, struct findings *out)
{
    struct babysit_facts facts = {
        .epoch = t->epoch,
        .train_loss = m->train_loss,
        .train_acc = m->train_acc,
        .val_loss = m->val_loss,
        .val_acc = m->val_acc,
        .peak = m->peak,
        .noise = m->noise,
    };
    if (watch)
        watch_facts(watch, &facts);
    out->count = babysit_see(sitter, &facts, out->list);
    for (int i = 0; i < out->count; i++) {
        const struct finding *f = &out->list[i];
        say_note(trainer, "D%d (%s), epoch %d: %s: %s", f->rule, finding_action_name(f->action), f->epoch,
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

static void report(struct trainer *trainer, const struct training *t, const struct epoch_metrics *m,
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
    say(trainer, &line);
}

/* ---- training ---- */

/* One epoch with everything that follows it. `*ended` if there is no next one. */
static int train_epoch(struct trainer *trainer, const struct job *job, struct training *t,
                       struct attempt_files *files, struct babysit *sitter, bool *ended, struct err *err)
{
    struct epoch_metrics metrics;
    struct watch watch;
    int64_t start = clock_mono_us();
    if (training_epoch(t, interrupted, trainer, &metrics)) {
        *ended = true; /* stop now, or nobody listens any more */
        return 0;
    }
    *ended = t->epoch >= job->until || t->diverged || trainer->stop_epoch;
    if (t->epoch <= job->resume_epoch)
        return 0; /* reported before its checkpoint was lost */
    if (t->watched)
        watch_look(t, &watch);
    const char *mode = json_text(json_get(job->options, "babysit"));
    struct extras extras = {.seconds = (double)(clock_mono_us() - start) * 1e-6,
                            .watch = t->watched && !t->diverged ? &watch : NULL,
                            .may_stop = strcmp(mode, "stop") == 0};
    int rc = t->diverged ? 0 : attempt_files_save(files, t, &metrics, err);
    if (rc)
        return rc;
    if (extras.watch)
        attempt_files_watch(files, t, extras.watch);
    if (strcmp(mode, "off"))
        babysit(trainer, sitter, t, &metrics, extras.watch, &extras.findings);
    extras.checkpoint = t->diverged ? NULL : files->newest;
    report(trainer, t, &metrics, &extras);
    *ended |= extras.may_stop && is_hopeless(&extras.findings);
    return 0;
}

static int train_epochs(struct trainer *trainer, const struct job *job, struct training *t, struct err *err)
{
    struct attempt_files files = {.dir = job->dir, .trial = job->trial};
    int classes = t->net->classes, rc = 0;
    bool ended = t->epoch >= job->until;
    struct babysit sitter;
    babysit_init(&sitter, t->options.loss == LOSS_SOFTMAX ? log(classes) : classes - 1, classes,
                 t->data->val.n);
    while (!rc && !ended)
        rc = train_epoch(trainer, job, t, &files, &sitter, &ended, err);
    babysit_fini(&sitter);
    return rc;
}

static int run_job(struct trainer *trainer, const struct jcur *cur, struct err *err)
{
    struct job job = {0};
    struct training *training = NULL;
    trainer->stop_epoch = trainer->stop_now = false;
    int rc = read_job(cur, &job, err);
    if (!rc)
        rc = need_data(trainer, &job, err);
    if (!rc)
        rc = training_new(job.options, &trainer->data, (uint64_t)job.seed, (int)job.epochs, &training, err);
    if (!rc)
        rc = resume(trainer, &job, training, err);
    if (!rc)
        rc = train_epochs(trainer, &job, training, err);
    training_free(training);
    json_free(job.options);
    return rc;
}

/* ---- checks ---- */

static void say_result(void *arg, const struct check_result *result)
{
    struct str line = {0};
    struct jw w = jw_to(&line);
    jw_object(&w, NULL);
    check_result_write(result, &w, "check");
    jw_close_object(&w);
    say(arg, &line);
}

static int run_check(struct trainer *trainer, const struct jcur *cur, struct err *err)
{
    struct job job = {0};
    int rc = read_job(cur, &job, err);
    if (!rc)
        rc = need_data(trainer, &job, err);
    if (!rc) {
        struct builtin_check check = {.options = job.options,
                                      .data = &trainer->data,
                                      .seed = (uint64_t)job.seed,
                                      .dir = job.dir,
                                      .tell = say_result,
                                      .arg = trainer};
        rc = builtin_check(&check, err);
    }
    json_free(job.options);
    return rc;
}

/* One line of an idle trainer: a job, a check, or a stop that came too late. */
static void hear(struct trainer *trainer, const char *line)
{
    struct err err = ERR_NONE;
    struct json *message = json_parse(line, strlen(line), "slot", &err);
    struct jcur root = jcur_root(message, "slot");
    struct jcur job = jcur_get(&root, "job"), check = jcur_get(&root, "check");
    if (message && jcur_has(&job))
        run_job(trainer, &job, &err);
    else if (message && jcur_has(&check))
        run_check(trainer, &check, &err);
    if (!message || jcur_has(&job) || jcur_has(&check))
        say_done(trainer, err.code ? &err : NULL);
    json_free(message);
}

static int fd_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end = NULL;
    long fd = text ? strtol(text, &end, 10) : -1;
    return text && end != text && !*end && fd >= 0 && fd < 1 << 20 && fcntl((int)fd, F_GETFD) >= 0 ? (int)fd
                                                                                                   : -1;
}

int builtin_train(void)
{
    struct trainer trainer = {.in = fd_of("HONE_IN_FD"), .out = fd_of("HONE_OUT_FD")};
    if (trainer.in < 0 || trainer.out < 0) {
        fprintf(stderr,
                "hone train: HONE_IN_FD and HONE_OUT_FD are not set: it is started by a worker's slot and "
                "speaks proto/TRAINER.md\n");
        return err_exit_status(ERR_BAD);
    }
    say_ready(&trainer);
    while (!trainer.gone) {
        char *line = first_line(&trainer);
        if (!line) {
            take_input(&trainer, true);
            continue;
        }
        drop_line(&trainer, strlen(line));
        if (*line)
            hear(&trainer, line);
        free(line);
    }
    data_split_fini(&trainer.data);
    str_fini(&trainer.data_key);
    str_fini(&trainer.input);
    return 0;
}
