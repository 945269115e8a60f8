/* ensemble: several checkpoints of a study made into one model, chosen on validation data, told once on test data. */
#include <math.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/party.h"
#include "cli/rows.h"
#include "cli/seeds.h"
#include "cli/select.h"
#include "cli/signals.h"
#include "common/mem.h"

enum { TOP_MAX = 200, SEEDS_MAX = 200, START = 5, ROUNDS = 50, BAGS = 20 };

static void part_fini(struct party_part *part, int count)
{
    for (int i = 0; part->each && i < count; i++)
        free(part->each[i]);
    free(part->each);
}

static void party_fini(struct party *party)
{
    part_fini(&party->val, party->models.count);
    part_fini(&party->test, party->models.count);
    free(party->counts);
    data_split_fini(&party->split);
    models_fini(&party->models);
}

/* ---- candidates ---- */

/* The checkpoints of a list of trials. One without (of a command, say) is passed over, unless all are. */
static int add_trials(struct party *party, const char *study, const struct rows *rows, struct err *err)
{
    int rc = 0;
    for (size_t row = 0; row < rows->count; row++) {
        if (rows_named(rows, row, "score")->kind == CELL_NULL)
            break;
        struct models_trial of = {study, (uint32_t)cell_int(rows_named(rows, row, "trial")), false};
        rc = models_add_trial(&party->models, party->source, &party->place, &of, err);
        if (rc && rc != ERR_GONE)
            return rc;
    }
    if (party->models.count)
        return 0;
    return rc ? rc : err_set(err, ERR_NO, "no trial of study \"%s\" has a score yet", study);
}

static int add_rows(struct party *party, const char *study, const char *query, struct bind bind,
                    struct err *err)
{
    struct rows rows;
    struct bind binds[] = {BIND_TEXT(":study", study), bind};
    int rc = source_run(party->source, query, binds, 2, &rows, err);
    if (rc)
        return rc;
    rc = add_trials(party, study, &rows, err);
    rows_fini(&rows);
    return rc;
}

static int add_top(struct party *party, const char *study, struct err *err)
{
    return add_rows(party, study, "best", BIND_INT(":limit", party->opt->top), err);
}

/* Same configuration, other first weights. */
static int add_group(struct party *party, const char *study, uint32_t trial, struct err *err)
{
    return add_rows(party, study, "group_trials", BIND_INT(":trial", trial), err);
}

/* The same, trained first. */
static int add_seeds(struct party *party, const char *study, uint32_t trial, struct err *err)
{
    const struct opt_ensemble *opt = party->opt;
    struct seeds seeds = {.db = opt->db,
                          .master = opt->master,
                          .dir = opt->dir,
                          .count = (int)opt->seeds,
                          .workers = (int)opt->workers,
                          .quiet = opt->json};
    int rc = seeds_train(&seeds, party->source, study, trial, err);
    return rc ? rc : add_group(party, study, trial, err);
}

static int add_study(struct party *party, struct err *err)
{
    const struct opt_ensemble *opt = party->opt;
    struct rows head;
    uint32_t trial;
    const char *name;
    int rc = select_study(opt->args.count ? opt->args.items[0] : NULL, opt->study, &name, err);
    if (!rc)
        rc = source_study(party->source, name, &head, err);
    if (rc)
        return rc;
    const char *study = first_text(&head, "study");
    if (opt->seeds < 0)
        rc = add_top(party, study, err);
    else if (!(rc = select_best(party->source, study, &trial, err)))
        rc = add_seeds(party, study, trial, err);
    rows_fini(&head);
    return rc;
}

static int add_named(struct party *party, struct err *err)
{
    const struct opt_ensemble *opt = party->opt;
    const char *name = opt->group ? opt->group : opt->checkpoints ? opt->checkpoints : opt->average;
    char *study;
    uint32_t trial;
    int rc = select_trial(party->source, name, opt->study, &study, &trial, err);
    if (rc)
        return rc;
    struct models_trial all_of = {study, trial, true};
    if (opt->group && opt->seeds > 0)
        rc = add_seeds(party, study, trial, err);
    else
        rc = opt->group ? add_group(party, study, trial, err)
                        : models_add_trial(&party->models, party->source, &party->place, &all_of, err);
    free(study);
    return rc;
}

static int collect(struct party *party, struct err *err)
{
    const struct opt_ensemble *opt = party->opt;
    bool named = opt->group || opt->checkpoints || opt->average;
    int rc = source_open(opt->db, opt->master, &party->source, err);
    if (rc)
        return rc;
    if (opt->dir)
        party->models.base = xstrdup(opt->dir);
    rc = (named ? add_named : add_study)(party, err);
    source_free(party->source);
    return rc ? rc : models_settle(&party->models, err);
}

/* ---- what each says ---- */

static int ask_each(const struct models *models, struct party_part *part, struct err *err)
{
    int rc = 0;
    part->each = xcalloc((size_t)models->count, sizeof *part->each);
    for (int i = 0; !rc && i < models->count; i++)
        rc = models_predict_one(models, i, part->set, json_text(json_get(models->options, "data")),
                                &part->each[i], err);
    return rc;
}

static struct library library_of(const struct party *party, const struct party_part *part,
                                 const float **views)
{
    for (int i = 0; i < party->models.count; i++)
        views[i] = part->each[i];
    return (struct library){views, part->set->y, party->models.count, part->set->n, party->models.classes};
}

static struct ensemble_score score_of(const struct party *party, const struct party_part *part,
                                      const float *probabilities)
{
    if (!part->set->n)
        return (struct ensemble_score){NAN, NAN};
    struct library library = {NULL, part->set->y, 0, part->set->n, party->models.classes};
    return ensemble_score(&library, probabilities);
}

static bool is_better(struct ensemble_score a, struct ensemble_score b)
{
    return a.acc > b.acc || (a.acc == b.acc && a.loss < b.loss);
}

static void find_single(struct party *party)
{
    struct ensemble_score best = {0};
    for (int i = 0; i < party->models.count; i++) {
        struct ensemble_score score = score_of(party, &party->val, party->val.each[i]);
        if (i && !is_better(score, best))
            continue;
        best = score;
        party->single = i;
    }
}

/* ---- choosing, on validation data alone ---- */

static void choose(struct party *party, uint64_t seed)
{
    const float **views = xcalloc((size_t)party->models.count, sizeof *views);
    struct library library = library_of(party, &party->val, views);
    struct greedy_options greedy = {START, ROUNDS, party->models.count > 2 ? BAGS : 0, seed};
    party->counts = xcalloc((size_t)party->models.count, sizeof *party->counts);
    ensemble_greedy(&library, &greedy, party->counts);
    free(views);
}

static struct ensemble_score combined(const struct party *party, const struct party_part *part,
                                      enum combine how)
{
    if (!part->set->n)
        return (struct ensemble_score){NAN, NAN};
    const float **views = xcalloc((size_t)party->models.count, sizeof *views);
    struct library library = library_of(party, part, views);
    float *out = xcalloc((size_t)library.n * (size_t)library.classes, sizeof *out);
    if (how == COMBINE_VOTE)
        ensemble_vote(&library, party->counts, out);
    else
        ensemble_mean(&library, party->counts, out);
    struct ensemble_score score = ensemble_score(&library, out);
    free(out);
    free(views);
    return score;
}

static int averaged(const struct party *party, const struct party_part *part, struct ensemble_score *out,
                    struct err *err)
{
    float *probabilities = NULL;
    *out = (struct ensemble_score){NAN, NAN};
    if (!part->set->n)
        return 0;
    int rc = models_predict(&party->models, part->set, "data", &probabilities, err);
    if (!rc)
        *out = score_of(party, part, probabilities);
    free(probabilities);
    return rc;
}

static void add_row(struct party *party, const char *name, struct ensemble_score val,
                    struct ensemble_score test)
{
    party->rows[party->row_count++] = (struct party_row){name, val, test};
}

static void tell_single(struct party *party)
{
    int i = party->single;
    add_row(party, "best single", score_of(party, &party->val, party->val.each[i]),
            score_of(party, &party->test, party->test.each ? party->test.each[i] : NULL));
}

static void put_predictions(struct party *party)
{
    choose(party, (uint64_t)party->opt->seed);
    add_row(party, "average", combined(party, &party->val, COMBINE_AVERAGE),
            combined(party, &party->test, COMBINE_AVERAGE));
    add_row(party, "vote", combined(party, &party->val, COMBINE_VOTE),
            combined(party, &party->test, COMBINE_VOTE));
    party->models.combine = party->opt->vote ? COMBINE_VOTE : COMBINE_AVERAGE;
    for (int i = 0; i < party->models.count; i++)
        party->models.list[i].weight = party->counts[i];
}

static int put_weights(struct party *party, struct err *err)
{
    struct ensemble_score val, test = {NAN, NAN};
    party->models.combine = COMBINE_WEIGHTS;
    int rc = averaged(party, &party->val, &val, err);
    if (!rc)
        rc = averaged(party, &party->test, &test, err);
    if (!rc)
        add_row(party, "weights", val, test);
    return rc;
}

static int make(struct party *party, struct err *err)
{
    int rc = models_data(&party->models, &party->split, err);
    if (rc)
        return rc;
    party->val.set = &party->split.val;
    party->test.set = &party->split.test;
    rc = ask_each(&party->models, &party->val, err);
    if (!rc && party->test.set->n)
        rc = ask_each(&party->models, &party->test, err);
    if (rc)
        return rc;
    find_single(party);
    tell_single(party);
    if (party->opt->average)
        return put_weights(party, err);
    put_predictions(party);
    return 0;
}

/* ---- the command ---- */

static int check_options(const struct opt_ensemble *opt, struct err *err)
{
    int named = (opt->checkpoints != NULL) + (opt->average != NULL) + (opt->group != NULL);
    if (named > 1)
        return err_set(err, ERR_BAD, "one of --group, --checkpoints and --average");
    if (named && opt->args.count)
        return err_set(err, ERR_BAD,
                       "a study is for --top; --group, --checkpoints and --average name a trial: STUDY/17");
    if (opt->seeds >= 0 && (opt->checkpoints || opt->average))
        return err_set(err, ERR_BAD, "--seeds goes with a study or --group");
    if (opt->seeds != -1 && (opt->seeds < 1 || opt->seeds > SEEDS_MAX))
        return err_set(err, ERR_BAD, "--seeds: must be from 1 to %d (got %lld)", SEEDS_MAX,
                       (long long)opt->seeds);
    if (opt->workers > 1000)
        return err_set(err, ERR_BAD, "--workers: at most 1000 (got %lld)", (long long)opt->workers);
    if (opt->top < 1 || opt->top > TOP_MAX)
        return err_set(err, ERR_BAD, "--top: must be from 1 to %d (got %lld)", TOP_MAX, (long long)opt->top);
    return 0;
}

int cmd_ensemble(const struct opt_ensemble *opt)
{
    struct err err = ERR_NONE;
    struct party party = {.opt = opt, .place = {opt->db, opt->master, opt->study, opt->dir}};
    int rc = check_options(opt, &err);
    if (rc)
        err_hint(&err, "hone ensemble --help has examples");
    if (!rc)
        rc = collect(&party, &err);
    if (!rc)
        rc = make(&party, &err);
    if (!rc)
        rc = models_write(&party.models, opt->out, &err);
    if (!rc)
        (opt->json ? party_tell_json : party_tell)(&party, opt->out);
    party_fini(&party);
    int status = rc ? command_fail("ensemble", &err) : 0;
    return rc && signals_status() ? signals_status() : status;
}
