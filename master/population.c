#include "master/population.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "master/search/pbt.h"
#include "sql/store_load.h"

/* ---- a generation's end ---- */

struct generation {
    struct study *study;
    const struct pbt *pbt;
    uint64_t cut;
    int at, until, count;
};

static void give_up(struct turn *turn, const struct generation *g, struct trial *t,
                    const struct pbt_fate *fate)
{
    char detail[200], value[32];
    if (trial_status_is_final(t->status))
        return; /* it failed, or diverged */
    num_text(t->score, value);
    snprintf(detail, sizeof detail, "{\"epoch\":%d,\"score\":%s,\"rank\":%d,\"of\":%d,\"seen\":%llu}", g->at,
             value, fate->rank, g->count, (unsigned long long)g->cut);
    trial_move(turn, t, TRIAL_pruned, "pbt", detail);
}

static void go_on(struct turn *turn, const struct generation *g, struct trial *t, const struct pbt_fate *fate)
{
    char why[160];
    snprintf(why, sizeof why, ",\"rank\":%d,\"of\":%d,\"seen\":%llu", fate->rank, g->count,
             (unsigned long long)g->cut);
    trial_let_run(turn, t, g->until, why);
}

static void add_child(struct turn *turn, const struct generation *g, const struct pbt_fate *fate)
{
    struct study *s = g->study;
    struct trial *parent = study_trial(s, fate->parent), *replaced = study_trial(s, fate->trial);
    struct proposal note = {.sampler = "pbt", .version = PBT_VERSION, .seq_cut = g->cut};
    struct point point;
    snprintf(note.why, sizeof note.why,
             "trial %u from epoch %d, explored; it takes the place of trial %u (rank %d of %d)", fate->parent,
             g->at, fate->trial, fate->rank, g->count);
    point_init(&point, &s->def.space);
    pbt_explore(g->pbt, &s->def.space, &s->history, s->def.search.seed, (uint32_t)s->count + 1,
                &parent->point, &point);
    struct newcomer newcomer = {.point = &point, .note = &note, .until = g->until};
    struct trial *child = study_add(turn, s, &newcomer);
    point_fini(&point);
    child->parent = fate->parent;
    child->parent_epoch = g->at;
    child->replaced = fate->trial;
    struct row_checkpoint checkpoint;
    struct row_lineage row = {
        .trial = child->id, .parent = parent->id, .replaced = replaced->id, .parent_epoch = g->at};
    if (!store_last_checkpoint(turn->store, parent->id, g->at, &checkpoint, NULL) &&
        checkpoint.epoch == g->at)
        row.parent_attempt = checkpoint.attempt;
    store_add_lineage(turn->store, &row);
}

/* A trial's last epoch is told before its end is. */
static bool all_are_quiet(const struct study *s, const struct pbt_fate *fates, int count)
{
    bool quiet = true;
    for (int i = 0; i < count; i++) {
        enum trial_status status = study_trial(s, fates[i].trial)->status;
        quiet = quiet && (status == TRIAL_paused || trial_status_is_final(status));
    }
    return quiet;
}

bool population_step(struct turn *turn, struct study *s)
{
    struct generation g = {.study = s, .pbt = pbt_of(&s->def.search), .cut = s->history.seq};
    if (!g.pbt)
        return false;
    struct pbt_fate *fates = xcalloc(s->history.count + 1, sizeof *fates);
    g.count = pbt_fates(g.pbt, &s->history, s->def.search.seed, s->def.epochs, study_may_sample(s), fates,
                        &g.at, &g.until);
    if (!all_are_quiet(s, fates, g.count))
        g.count = 0;
    int children = 0;
    for (int i = 0; i < g.count; i++) {
        struct trial *t = study_trial(s, fates[i].trial);
        fates[i].parent ? give_up(turn, &g, t, &fates[i]) : go_on(turn, &g, t, &fates[i]);
    }
    for (int i = 0; i < g.count; i++)
        if (fates[i].parent) {
            add_child(turn, &g, &fates[i]);
            children++;
        }
    if (g.count)
        log_note("%s: epoch %d of %d: %d of %d members give up and copy one of the best", s->def.name, g.at,
                 s->def.epochs, children, g.count);
    s->exhausted = s->exhausted || pbt_is_through(g.pbt, &s->history, s->def.epochs);
    free(fates);
    return g.count > 0;
}

/* ---- lineage ---- */

int population_checkpoint(struct store *store, const struct trial *t, struct row_checkpoint *out)
{
    const struct trial *parent = t->parent ? study_trial(t->study, t->parent) : NULL;
    return parent ? store_last_checkpoint(store, parent->id, t->parent_epoch, out, NULL) : ERR_GONE;
}

static int load_one(void *arg, const struct row_lineage *row)
{
    struct study *s = arg;
    struct trial *child = study_trial_of_id(s, row->trial), *parent = study_trial_of_id(s, row->parent);
    struct trial *replaced = study_trial_of_id(s, row->replaced);
    if (!child || !parent || !replaced)
        return ERR_BAD;
    child->parent = parent->number;
    child->parent_epoch = row->parent_epoch;
    child->replaced = replaced->number;
    return 0;
}

int population_load(struct store *store, struct study *s, struct err *err)
{
    return store_load_lineage(store, s->id, load_one, s, err);
}
