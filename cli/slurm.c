/* slurm: workers as jobs of Slurm, as many as the studies of a master can use and none when there is nothing to do. A
 * client of the master like any other: it looks, decides (slurm_decide) and has Slurm's own programs do it (slurm_queue). */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bind.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/rows.h"
#include "cli/signals.h"
#include "cli/slurm_queue.h"
#include "cli/source.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
    EAGER_MS = 2000,      /* between looks after something has changed, */
    EAGER_FOR_MS = 30000, /* for so long */
    QUICK_S = 60,         /* a job that fails sooner did not work at all */
    LAST_LOOKS = 30,      /* at a queue that should become empty */
};

struct slurmer {
    const struct opt_slurm *opt;
    char *address, *script, *name;
    struct slurm_limits limits;
    struct slurm_memory memory;
    struct slurm_queue queue;
    struct slurm_view view;
    char why[160]; /* as said last */
    int64_t changed_ms;
};

/* ---- the job ---- */

static void add_word(struct str *script, const char *word)
{
    str_add(script, " '");
    for (const char *c = word; *c; c++)
        if (*c == '\'')
            str_add(script, "'\\''");
        else
            str_addc(script, *c);
    str_addc(script, '\'');
}

static void add_option(struct str *script, const char *name, const char *value)
{
    if (!value)
        return;
    str_addf(script, " %s", name);
    add_word(script, value);
}

static void add_number(struct str *script, const char *name, int64_t value)
{
    if (value > 0)
        str_addf(script, " %s %lld", name, (long long)value);
}

/* A step, because at a preemption Slurm tells steps at once and scripts much later. HONE_WORKER names one worker, not all. */
static char *job_script(const struct opt_slurm *opt, const char *address)
{
    struct str script = {0};
    char *program = realpath("/proc/self/exe", NULL);
    str_add(&script, "unset HONE_WORKER; [ -z \"$SLURM_CPUS_PER_TASK\" ] || export "
                     "SRUN_CPUS_PER_TASK=\"$SLURM_CPUS_PER_TASK\"; "
                     "exec srun");
    add_word(&script, program ? program : "hone");
    str_add(&script, " worker");
    add_word(&script, address);
    str_addf(&script, " --idle %lldms", (long long)opt->idle);
    add_number(&script, "--slots", opt->slots);
    add_option(&script, "--gpus", opt->gpus);
    add_number(&script, "--slots-per-gpu", opt->slots_per_gpu);
    add_option(&script, "--dir", opt->dir);
    add_option(&script, "--keys", opt->keys);
    free(program);
    return str_take(&script);
}

/* ---- who is asked ---- */

static int own_address(const struct opt_slurm *opt, char **out, struct err *err)
{
    char host[256] = "localhost";
    struct str reach = {0};
    char *beside = opt->master ? NULL : address_beside(opt->db);
    if (opt->master) {
        *out = xstrdup(opt->master);
        return 0;
    }
    if (!beside || bind_is_local(beside)) {
        err_set(err, ERR_REACH,
                beside ? "the master of %s listens on this machine alone (%s)"
                       : "no master of %s is running%s",
                opt->db, beside ? beside : "");
        free(beside);
        struct str word = {0};
        str_add_word(&word, opt->db);
        err_hint(err,
                 "hone master --db %s --bind 'tcp://*:7077', after hone keygen; or name one with --master",
                 str_text(&word));
        str_fini(&word);
        return ERR_REACH;
    }
    gethostname(host, sizeof host - 1);
    bind_reach(beside, host, &reach);
    free(beside);
    *out = str_take(&reach);
    return 0;
}

/* Jobs belong to a store, whoever serves it and from where: its uuid is in their name. */
static int own_name(struct slurmer *s, struct err *err)
{
    struct msg_answer answer;
    int rc = 0;
    if (s->opt->name) {
        s->name = xstrdup(s->opt->name);
        return 0;
    }
    rc = master_ask(s->opt->db, s->opt->master, "ping", NULL, &answer, err);
    if (rc)
        return rc;
    s->name = xasprintf("hone-%.8s", json_text(json_get(answer.result, "store")));
    answer_fini(&answer);
    return 0;
}

/* ---- looking ---- */

static void mark_joined(struct slurmer *s, const char *worker)
{
    for (size_t i = 0; i < s->queue.count; i++) {
        struct slurm_job *job = &s->queue.jobs[i];
        if (!job->joined && slurm_is_of_job(worker, job->id)) {
            job->joined = true;
            slurm_worked(&s->memory);
            s->changed_ms = clock_mono_ms();
            log_info("%s has joined", worker);
        }
    }
}

static void see_workers(struct slurmer *s, const struct json *result)
{
    s->view.master = true;
    s->view.open = (int64_t)json_num(json_get(result, "open"));
    s->view.wanted = (int64_t)json_num(json_get(result, "wanted"));
    for (const struct json *w = json_first(json_get(result, "workers")); w; w = json_next(w)) {
        double left = json_num(json_get(w, "slots")) - json_num(json_get(w, "held"));
        if (left > 0 && strcmp(json_text(json_get(w, "mode")), "open") == 0)
            s->view.free += (int64_t)left;
        mark_joined(s, json_text(json_get(w, "name")));
    }
}

static void look_at_master(struct slurmer *s)
{
    struct err err = ERR_NONE;
    struct msg_answer answer;
    s->view = (struct slurm_view){0};
    if (master_ask(s->opt->db, s->opt->master, "workers", NULL, &answer, &err))
        return;
    see_workers(s, answer.result);
    answer_fini(&answer);
}

/* All that were ever there: one that came and went between two looks has joined, too. */
static void look_at_those_that_left(struct slurmer *s)
{
    struct source *source;
    struct rows rows;
    if (source_open(s->opt->db, s->opt->master, &source, NULL))
        return;
    if (!source_run(source, "workers", NULL, 0, &rows, NULL)) {
        for (size_t row = 0; row < rows.count; row++)
            mark_joined(s, cell_text(rows_named(&rows, row, "worker")));
        rows_fini(&rows);
    }
    source_free(source);
}

/* Without its master a database says itself whether there is anything left to do. */
static void look_at_database(struct slurmer *s)
{
    struct source *source;
    struct rows rows;
    if (s->opt->master || source_open(s->opt->db, NULL, &source, NULL))
        return;
    if (!source_run(source, "studies", NULL, 0, &rows, NULL)) {
        s->view.over = rows.count > 0;
        for (size_t row = 0; row < rows.count; row++)
            s->view.over = s->view.over && *cell_text(rows_named(&rows, row, "end_reason"));
        rows_fini(&rows);
    }
    source_free(source);
}

static void count_end(struct slurmer *s, struct slurm_job *job)
{
    bool bad = job->state == SLURM_FAILED && (!job->joined || job->ran_s < QUICK_S);
    job->counted = true;
    s->changed_ms = clock_mono_ms();
    if (job->state == SLURM_STOPPED) {
        log_info("job %lld was stopped or has run out of its time", (long long)job->id);
    } else if (bad || !job->joined) {
        slurm_crashed(&s->memory, s->opt->every / 2, clock_mono_ms());
        log_warn("job %lld %s; see hone-worker-%lld.log", (long long)job->id,
                 job->joined ? "failed soon after its worker had joined"
                             : "ended, and no worker of it has joined the master",
                 (long long)job->id);
    } else {
        log_info("job %lld has left", (long long)job->id);
    }
}

static bool some_ended_unseen(const struct slurm_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        if (queue->jobs[i].state > SLURM_RUNS && !queue->jobs[i].counted && !queue->jobs[i].joined)
            return true;
    return false;
}

static void look_at_jobs(struct slurmer *s)
{
    if (s->view.master && some_ended_unseen(&s->queue))
        look_at_those_that_left(s);
    for (size_t i = 0; i < s->queue.count; i++) {
        struct slurm_job *job = &s->queue.jobs[i];
        s->view.waiting += job->state == SLURM_WAITS;
        s->view.running += job->state == SLURM_RUNS;
        s->view.starting += job->state == SLURM_RUNS && !job->joined;
        if (job->state > SLURM_RUNS && !job->counted && s->view.master)
            count_end(s, job);
    }
}

/* False: Slurm does not answer. Nothing is decided on what one cannot see. */
static bool look(struct slurmer *s)
{
    struct err err = ERR_NONE;
    look_at_master(s);
    if (!s->view.master)
        look_at_database(s);
    if (slurm_queue_look(&s->queue, &err)) {
        if (strcmp(s->why, "squeue") != 0)
            log_warn("%s; trying again", err.text);
        str_copy(s->why, sizeof s->why, "squeue");
        return false;
    }
    look_at_jobs(s);
    return true;
}

/* ---- doing ---- */

static void submit(struct slurmer *s, const struct slurm_act *act)
{
    for (int i = 0; i < act->count; i++) {
        struct err err = ERR_NONE;
        int64_t id;
        s->changed_ms = clock_mono_ms();
        if (slurm_queue_submit(&s->queue, s->opt->args.items, s->script, &id, &err)) {
            slurm_crashed(&s->memory, s->opt->every / 2, clock_mono_ms());
            log_warn("%s", err.text);
            return;
        }
        log_info("%s: job %lld submitted (%d in the queue)", act->why, (long long)id,
                 s->view.waiting + s->view.running + i + 1);
    }
}

static void cancel(struct slurmer *s, bool only_waiting, const char *why)
{
    struct err err = ERR_NONE;
    int count;
    if (slurm_queue_cancel(&s->queue, only_waiting, &count, &err))
        log_warn("%s; scancel --name=%s ends what is left", err.text, s->name);
    else if (count)
        log_info("%s: %d job%s cancelled", why, count, count == 1 ? "" : "s");
}

static void say(struct slurmer *s, const struct slurm_act *act)
{
    if (strcmp(s->why, act->why) != 0 && act->what == SLURM_LOOK)
        log_info("%s", act->why);
    str_copy(s->why, sizeof s->why, act->why);
}

/* -1: it goes on; else the exit status. */
static int turn(struct slurmer *s)
{
    struct slurm_act act;
    if (!look(s))
        return -1;
    slurm_decide(&s->view, &s->limits, &s->memory, clock_mono_ms(), &act);
    say(s, &act);
    if (act.what == SLURM_SUBMIT)
        submit(s, &act);
    else if (act.what == SLURM_CANCEL_WAITING)
        cancel(s, true, act.why);
    else if (act.what == SLURM_END)
        log_info("%s", act.why);
    return act.what == SLURM_END ? act.status : -1;
}

/* ---- from the beginning to the end ---- */

static int64_t pause_ms(const struct slurmer *s)
{
    bool eager = clock_mono_ms() - s->changed_ms < EAGER_FOR_MS;
    return eager && s->opt->every > EAGER_MS ? EAGER_MS : s->opt->every;
}

/* What was submitted goes, and is seen to be gone. Workers give their trials back when they are told. */
static void leave_nothing(struct slurmer *s, const char *why)
{
    struct err err = ERR_NONE;
    int left = 1;
    if (!slurm_queue_look(&s->queue, &err))
        cancel(s, false, why);
    for (int looks = 0; looks < LAST_LOOKS && left; looks++) {
        if (slurm_queue_look(&s->queue, &err))
            return;
        left = 0;
        for (size_t i = 0; i < s->queue.count; i++)
            left += s->queue.jobs[i].state <= SLURM_RUNS;
        if (left)
            poll(NULL, 0, 1000);
    }
}

static int loop(struct slurmer *s)
{
    int status = -1;
    signals_catch();
    s->changed_ms = clock_mono_ms();
    while (status < 0 && !signals_count()) {
        status = turn(s);
        if (status < 0 && !signals_count())
            poll(NULL, 0, (int)pause_ms(s));
    }
    leave_nothing(s, signals_count() ? "told to stop" : s->why);
    return signals_count() ? signals_status() : status;
}

/* By these we know our jobs, each by its number. */
static int check_sbatch_options(const char *const *words, struct err *err)
{
    static const char *const ours[] = {"--job-name", "-J", "--array", "-a", "--wrap", "--parsable"};
    for (; words && *words; words++)
        for (size_t i = 0; i < COUNT_OF(ours); i++)
            if (str_starts(*words, ours[i]) &&
                (ours[i][1] != '-' || strchr("=", (*words)[strlen(ours[i])]))) {
                err_set(err, ERR_BAD, "%s is not for sbatch here", *words);
                return err_hint(err, "--name names the jobs, --workers says how many");
            }
    return 0;
}

static int check_options(const struct opt_slurm *opt, struct err *err)
{
    if (opt->workers < 1 || opt->workers > 10000)
        return err_set(err, ERR_BAD, "--workers: from 1 to 10000 (got %lld)", (long long)opt->workers);
    if (opt->backlog < 1 || opt->backlog > 1000)
        return err_set(err, ERR_BAD, "--backlog: from 1 to 1000 (got %lld)", (long long)opt->backlog);
    if (opt->every < 100 || opt->every > 3600000)
        return err_set(err, ERR_BAD, "--every: from 100ms to 1h");
    return check_sbatch_options(opt->args.items, err);
}

static int slurm_open(struct slurmer *s, struct err *err)
{
    const struct opt_slurm *opt = s->opt;
    int rc = check_options(opt, err);
    if (!rc)
        rc = own_address(opt, &s->address, err);
    if (rc)
        return rc;
    s->script = job_script(opt, s->address);
    s->limits = (struct slurm_limits){.most = (int)opt->workers,
                                      .backlog = (int)opt->backlog,
                                      .slots = opt->slots > 0 ? (int)opt->slots : 1,
                                      .stay = opt->stay};
    rc = own_name(s, err);
    s->queue.name = s->name;
    return rc;
}

int cmd_slurm(const struct opt_slurm *opt)
{
    struct err err = ERR_NONE;
    struct slurmer s = {.opt = opt};
    log_init(LOG_INFO);
    int status = slurm_open(&s, &err) ? command_fail("slurm", &err) : 0;
    if (!status && opt->dry_run)
        printf("sbatch --job-name=%s … --wrap \"%s\"\n", s.name, s.script);
    else if (!status)
        status = loop(&s);
    slurm_queue_fini(&s.queue);
    free(s.address);
    free(s.script);
    free(s.name);
    return status;
}
