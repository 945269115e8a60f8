#include "master/retention.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/units.h"
#include "master/search/pbt.h"
#include "master/study.h"
#include "sql/store_load.h"

struct choosing {
    struct keep_row *rows;
    int64_t *bytes;
    size_t count, room, bytes_room;
};

static int take_row(void *arg, const struct row_checkpoint *row, double value)
{
    struct choosing *c = arg;
    GROW(c->rows, c->room, c->count + 1);
    GROW(c->bytes, c->bytes_room, c->count + 1);
    c->bytes[c->count] = row->bytes;
    c->rows[c->count++] = (struct keep_row){
        .attempt = row->attempt, .epoch = row->epoch, .value = value, .here = row->state == CHECKPOINT_KEPT};
    return 0;
}

static void doom(struct turn *turn, struct study *s, int64_t trial, int attempt, int epoch,
                 int64_t kept_bytes)
{
    store_checkpoint_state(turn->store, trial, attempt, epoch, CHECKPOINT_DOOMED, NULL);
    s->kept_bytes -= kept_bytes;
}

/* ---- max_bytes ---- */

struct pressing {
    struct turn *turn;
    struct study *study;
    int64_t aim;
    int found;
};

static int take_spare(void *arg, const struct row_checkpoint *row, double value)
{
    struct pressing *p = arg;
    (void)value;
    p->found++;
    doom(p->turn, p->study, row->trial, row->attempt, row->epoch, row->bytes);
    return p->study->kept_bytes <= p->aim;
}

/* The worst of the trials that have ended go first, and a little more than needed at a time: ranking all trials has
 * its price. What trials that go on need is not taken, nor the top trials' own: then the bound gives way. */
static void press(struct turn *turn, struct study *s)
{
    const struct keep *keep = &s->def.keep;
    if (!keep->max_bytes || s->kept_bytes <= keep->max_bytes || s->none_spare)
        return;
    struct pressing p = {turn, s, keep->max_bytes - keep->max_bytes / 20, 0};
    store_load_spare_checkpoints(turn->store, s->id, keep->top_trials, take_spare, &p, NULL);
    if (s->kept_bytes <= keep->max_bytes)
        return;
    char size[32], bound[32];
    s->none_spare = true; /* until another trial ends */
    size_text(s->kept_bytes, size);
    size_text(keep->max_bytes, bound);
    log_warn("study \"%s\": its checkpoints take %s, more than keep.max_bytes (%s); all are of running or "
             "top trials",
             s->def.name, size, bound);
}

/* ---- one trial ---- */

/* Does a child that has not ended begin at this epoch of the trial? */
static bool a_child_needs(const struct trial *t, int epoch)
{
    const struct study *s = t->study;
    for (size_t i = t->number; pbt_of(&s->def.search) && i < s->count; i++) { /* children are younger */
        const struct trial *child = s->trials[i];
        if (child->parent == t->number && child->parent_epoch == epoch &&
            !trial_status_is_final(child->status))
            return true;
    }
    return false;
}

void retention_added(struct study *s, int64_t bytes)
{
    s->kept_bytes += bytes;
}

void retention_trial(struct turn *turn, struct trial *t)
{
    struct study *s = t->study;
    struct choosing c = {0};
    store_load_checkpoints(turn->store, t->id, take_row, &c, NULL);
    keep_choose(&s->def.keep, s->def.maximize, t->status, c.rows, c.count);
    for (size_t i = 0; i < c.count; i++)
        if (!c.rows[i].stays && !a_child_needs(t, c.rows[i].epoch))
            doom(turn, s, t->id, c.rows[i].attempt, c.rows[i].epoch, c.rows[i].here ? c.bytes[i] : 0);
    free(c.rows);
    free(c.bytes);
    if (trial_status_is_final(t->status))
        s->none_spare = false;
    press(turn, s);
    if (t->parent && trial_status_is_final(t->status))
        retention_trial(turn, study_trial(s, t->parent)); /* it needs its parent's no more */
}
