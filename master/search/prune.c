#include "master/search/prune.h"

#include <math.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"

enum { ETA = 3, ETA_MAX = 100, CURVE_LEAST = 4 };
static const double CHANCE = 0.05;

/* ---- "prune": {...} ---- */

struct setting {
    const char *key;
    int low, high, absent;
};

static int small_int(const struct jcur *cur, struct setting setting, int *out, struct err *err)
{
    struct jcur at = jcur_get(cur, setting.key);
    int64_t value = setting.absent;
    if (jcur_has(&at) && jcur_int(&at, setting.low, setting.high, &value, err))
        return ERR_BAD;
    *out = (int)value;
    return 0;
}

static int parse_threshold(const struct jcur *cur, struct prune_def *def, struct err *err)
{
    struct jcur below = jcur_get(cur, "below"), after = jcur_get(cur, "after");
    def->has_threshold = jcur_has(&below);
    if (jcur_has(&after) && !def->has_threshold) {
        jcur_fail(&after, err, "says when, but \"below\" is missing");
        return err_hint(err,
                        "{\"below\": 0.15, \"after\": 3} stops what has not reached 0.15 after 3 epochs");
    }
    if (!def->has_threshold)
        return 0;
    if (jcur_num(&below, -1e300, 1e300, &def->below, err))
        return ERR_BAD;
    return small_int(cur, (struct setting){"after", 1, 1000000, 1}, &def->after, err);
}

static int parse_rungs(const struct jcur *cur, int epochs, int *eta, int *least, struct err *err)
{
    struct jcur least_at = jcur_get(cur, "min_epochs");
    if (small_int(cur, (struct setting){"eta", 2, ETA_MAX, ETA}, eta, err) ||
        small_int(cur, (struct setting){"min_epochs", 1, 1000000, 1}, least, err))
        return ERR_BAD;
    if (*least <= epochs)
        return 0;
    jcur_fail(&least_at, err, "is more than a full training has (%d)", epochs);
    return err_hint(err, "the first rung lies at min_epochs, the last at \"search.epochs\"");
}

static int parse_asha(const struct jcur *cur, int epochs, struct prune_def *def, struct err *err)
{
    static const char *const keys[] = {"method", "eta", "min_epochs", "variant", "below", "after", NULL};
    static const char *const variants[] = {"promotion", "stopping", NULL};
    struct jcur variant = jcur_get(cur, "variant");
    int eta, least, which = 0;
    if (jcur_known(cur, keys, err) || parse_rungs(cur, epochs, &eta, &least, err))
        return ERR_BAD;
    if (jcur_has(&variant) && jcur_choice(&variant, variants, &which, err))
        return ERR_BAD;
    asha_init(&def->asha, eta, least, epochs);
    def->promotes = which == 0;
    return 0;
}

static int parse_hyperband(const struct jcur *cur, int epochs, struct prune_def *def, struct err *err)
{
    static const char *const keys[] = {"method", "eta", "min_epochs", "below", "after", NULL};
    int eta, least;
    if (jcur_known(cur, keys, err) || parse_rungs(cur, epochs, &eta, &least, err))
        return ERR_BAD;
    hyperband_init(&def->hyperband, eta, least, epochs);
    def->promotes = true;
    return 0;
}

static int parse_curve(const struct jcur *cur, struct prune_def *def, struct err *err)
{
    static const char *const keys[] = {"method", "chance", "grace_epochs", "grace_trials", "below",
                                       "after",  NULL};
    struct jcur chance = jcur_get(cur, "chance");
    def->chance = CHANCE;
    if (jcur_known(cur, keys, err) || (jcur_has(&chance) && jcur_num(&chance, 0, 1, &def->chance, err)))
        return ERR_BAD;
    if (small_int(cur, (struct setting){"grace_epochs", CURVE_LEAST, 1000000, CURVE_LEAST},
                  &def->grace_epochs, err))
        return err_hint(err, "fewer than %d epochs are no curve", CURVE_LEAST);
    return small_int(cur, (struct setting){"grace_trials", 1, 1000000, 1}, &def->grace_trials, err);
}

static int parse_median(const struct jcur *cur, struct prune_def *def, struct err *err)
{
    static const char *const keys[] = {"method", "grace_epochs", "grace_trials", "below", "after", NULL};
    if (jcur_known(cur, keys, err) ||
        small_int(cur, (struct setting){"grace_epochs", 0, 1000000, 1}, &def->grace_epochs, err))
        return ERR_BAD;
    return small_int(cur, (struct setting){"grace_trials", 1, 1000000, 5}, &def->grace_trials, err);
}

/* {"eta": 3} alone would prune nothing. */
static int refuse_settings_of_none(const struct jcur *cur, struct err *err)
{
    static const char *const keys[] = {"eta",          "min_epochs",   "variant",
                                       "grace_epochs", "grace_trials", "chance"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        struct jcur at = jcur_get(cur, keys[i]);
        if (!jcur_has(&at))
            continue;
        jcur_fail(&at, err, "belongs to a method, and none is named");
        return err_hint(err, "\"method\": \"asha\", \"hyperband\", \"median\" or \"curve\"");
    }
    return 0;
}

int prune_parse(const struct jcur *cur, int epochs, struct prune_def *out, struct err *err)
{
    static const char *const methods[] = {"none", "median", "asha", "hyperband", "curve", NULL};
    static const char *const keys[] = {"method", "below", "after", NULL};
    struct jcur method = jcur_get(cur, "method");
    int which = 0;
    *out = (struct prune_def){0};
    if (!jcur_has(cur))
        return 0;
    if (jcur_object(cur, 16, err))
        return err_hint(err, "for example \"prune\": {\"method\": \"asha\", \"eta\": 3, \"min_epochs\": 1}");
    if (jcur_has(&method) && jcur_choice(&method, methods, &which, err))
        return ERR_BAD;
    if (!jcur_has(&method) && refuse_settings_of_none(cur, err))
        return ERR_BAD;
    out->method = (enum prune_method)which;
    int rc = which == PRUNE_ASHA        ? parse_asha(cur, epochs, out, err)
             : which == PRUNE_HYPERBAND ? parse_hyperband(cur, epochs, out, err)
             : which == PRUNE_MEDIAN    ? parse_median(cur, out, err)
             : which == PRUNE_CURVE     ? parse_curve(cur, out, err)
                                        : jcur_known(cur, keys, err);
    return rc ? rc : parse_threshold(cur, out, err);
}

/* ---- rungs ---- */

int64_t prune_one_in(const struct prune_def *def)
{
    int64_t trials = 1;
    for (int rung = 1; def->method == PRUNE_ASHA && def->promotes && rung < def->asha.count; rung++)
        trials = trials > INT64_MAX / def->asha.eta ? INT64_MAX : trials * def->asha.eta;
    return trials;
}

int prune_first_until(const struct prune_def *def, uint32_t trial, int epochs)
{
    if (!def->promotes)
        return epochs;
    if (def->method == PRUNE_ASHA)
        return def->asha.epochs[0];
    return def->hyperband.rungs.epochs[hyperband_bracket(&def->hyperband, trial).begins];
}

struct asha_job prune_next(const struct prune_def *def, const struct history *history, struct ladder *kept,
                           bool more)
{
    if (def->method == PRUNE_HYPERBAND)
        return hyperband_next(&def->hyperband, history, more);
    return asha_next(&def->asha, history, kept, more);
}

/* ---- curves ---- */

bool median_stops(const struct prune_def *def, const struct finished *finished, struct curve mine)
{
    int of;
    if (mine.count <= def->grace_epochs)
        return false;
    double median = finished_median(finished, mine.count, &of);
    return of >= def->grace_trials && curve_best(mine, mine.count) < median;
}

bool threshold_stops(const struct prune_def *def, double below, struct curve mine)
{
    return def->has_threshold && mine.count >= def->after && curve_best(mine, mine.count) < below;
}
