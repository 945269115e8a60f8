#include "worker/builtin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/json.h"
#include "common/str.h"
#include "common/trainer_options.h"
#include "worker/builtin_check.h"
#include "worker/builtin_data.h"
#include "worker/builtin_epochs.h"
#include "worker/nn/checkpoint.h"
#include "worker/nn/data.h"
#include "worker/nn/train.h"

/* The data set is kept from job to job. */
struct trainer {
    struct talk talk;
    struct str data_key; /* what `data` was loaded from */
    struct data_split data;
};

/* ---- the job ---- */

static int read_resume(const struct jcur *job, struct builtin_job *out, struct err *err)
{
    struct jcur resume = jcur_get(job, "resume");
    if (!jcur_has(&resume))
        return 0;
    struct jcur path = jcur_get(&resume, "path"), epoch = jcur_get(&resume, "epoch");
    int rc = jcur_text(&path, 4096, &out->resume, err);
    return rc ? rc : jcur_int(&epoch, 0, INT32_MAX, &out->resume_epoch, err);
}

static int read_job(const struct jcur *job, struct builtin_job *out, struct err *err)
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

static int need_data(struct trainer *trainer, const struct builtin_job *job, struct err *err)
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
static int resume(struct trainer *trainer, const struct builtin_job *job, struct training *training,
                  struct err *err)
{
    struct checkpoint checkpoint;
    struct err damage = ERR_NONE;
    if (!job->resume)
        return 0;
    if (checkpoint_load(job->resume, &checkpoint, &damage)) {
        talk_note(&trainer->talk, "%s; training from the start again, silently up to epoch %lld", damage.text,
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

static int run_job(struct trainer *trainer, const struct jcur *cur, struct err *err)
{
    struct builtin_job job = {0};
    struct training *training = NULL;
    trainer->talk.stop_epoch = trainer->talk.stop_now = false;
    int rc = read_job(cur, &job, err);
    if (!rc)
        rc = need_data(trainer, &job, err);
    if (!rc)
        rc = training_new(job.options, &trainer->data, (uint64_t)job.seed, (int)job.epochs, &training, err);
    if (!rc)
        rc = resume(trainer, &job, training, err);
    if (!rc)
        rc = builtin_epochs(&trainer->talk, &job, training, err);
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
    talk_say(arg, &line);
}

static int run_check(struct trainer *trainer, const struct jcur *cur, struct err *err)
{
    struct builtin_job job = {0};
    int rc = read_job(cur, &job, err);
    if (!rc)
        rc = need_data(trainer, &job, err);
    if (!rc) {
        struct builtin_check check = {.options = job.options,
                                      .data = &trainer->data,
                                      .seed = (uint64_t)job.seed,
                                      .dir = job.dir,
                                      .tell = say_result,
                                      .arg = &trainer->talk};
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
        talk_done(&trainer->talk, err.code ? &err : NULL);
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
    struct trainer trainer = {.talk = {.in = fd_of("HONE_IN_FD"), .out = fd_of("HONE_OUT_FD")}};
    struct talk *talk = &trainer.talk;
    if (talk->in < 0 || talk->out < 0) {
        fprintf(stderr,
                "hone train: HONE_IN_FD and HONE_OUT_FD are not set: it is started by a worker's slot and "
                "speaks proto/TRAINER.md\n");
        return err_exit_status(ERR_BAD);
    }
    talk_ready(talk);
    while (!talk->gone) {
        char *line = talk_line(talk);
        if (!line) {
            talk_listen(talk, true);
            continue;
        }
        talk_drop(talk, strlen(line));
        if (*line)
            hear(&trainer, line);
        free(line);
    }
    data_split_fini(&trainer.data);
    str_fini(&trainer.data_key);
    str_fini(&talk->input);
    return 0;
}
