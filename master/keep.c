#include "master/keep.h"

#include <math.h>

#include "common/units.h"

/* ---- the study file ---- */

static int parse_bytes(const struct jcur *max, struct keep *out, struct err *err)
{
    struct err why = ERR_NONE;
    const char *text;
    if (!jcur_has(max))
        return 0;
    if (jcur_text(max, 64, &text, err))
        return ERR_BAD;
    if (!size_parse(text, &out->max_bytes, &why) && out->max_bytes > 0)
        return 0;
    jcur_fail(max, err, "%s", why.code ? why.text : "must be more than nothing");
    return err_hint(err, "write a size: \"500M\", \"50G\"; leave it out for no bound");
}

static int parse_count(const struct jcur *keep, const char *key, int64_t most, int *out, struct err *err)
{
    struct jcur count = jcur_get(keep, key);
    int64_t value = *out;
    if (jcur_has(&count) && jcur_int(&count, 0, most, &value, err))
        return ERR_BAD;
    *out = (int)value;
    return 0;
}

int keep_parse(const struct jcur *root, struct keep *out, struct err *err)
{
    static const char *const keys[] = {"latest", "best", "top_trials", "max_bytes", NULL};
    static const char *const places[] = {"master", "worker", NULL};
    enum { COUNT_MAX = 1000, TRIALS_MAX = 1000000 };
    struct jcur keep = jcur_get(root, "keep"), place = jcur_get(root, "checkpoints");
    struct jcur bytes = jcur_get(&keep, "max_bytes");
    int choice = 0;
    *out = (struct keep){.latest = 1, .best = 1, .top_trials = 10};
    if (jcur_has(&place) && jcur_choice(&place, places, &choice, err))
        return ERR_BAD;
    out->at_worker = choice == 1;
    if (!jcur_has(&keep))
        return 0;
    if (jcur_object(&keep, 8, err) || jcur_known(&keep, keys, err) || parse_bytes(&bytes, out, err) ||
        parse_count(&keep, "latest", COUNT_MAX, &out->latest, err) ||
        parse_count(&keep, "best", COUNT_MAX, &out->best, err) ||
        parse_count(&keep, "top_trials", TRIALS_MAX, &out->top_trials, err))
        return ERR_BAD;
    return 0;
}

/* ---- the choice ---- */

static bool newer(const struct keep_row *a, const struct keep_row *b)
{
    return a->attempt != b->attempt ? a->attempt > b->attempt : a->epoch > b->epoch;
}

/* Ties go to the earlier epoch, as with scores; the same epoch counts in its newest attempt. */
static bool better(bool maximize, const struct keep_row *a, const struct keep_row *b)
{
    if (isnan(a->value) != isnan(b->value))
        return isnan(b->value);
    if (!isnan(a->value) && a->value != b->value)
        return maximize ? a->value > b->value : a->value < b->value;
    return a->epoch != b->epoch ? a->epoch < b->epoch : a->attempt > b->attempt;
}

static int latest_of(const struct keep *keep, enum trial_status status)
{
    if (status == TRIAL_complete || status == TRIAL_pruned)
        return 0;
    bool goes_on = !trial_status_is_final(status);
    return goes_on && keep->latest < 1 ? 1 : keep->latest;
}

void keep_choose(const struct keep *keep, bool maximize, enum trial_status status, struct keep_row *rows,
                 size_t count)
{
    int latest = latest_of(keep, status);
    for (size_t i = 0; i < count; i++) {
        int before = 0, above = 0;
        for (size_t k = 0; k < count; k++) {
            if (k == i || !rows[k].here)
                continue;
            before += newer(&rows[k], &rows[i]);
            above += better(maximize, &rows[k], &rows[i]);
        }
        rows[i].stays = before < latest || above < keep->best;
    }
}
