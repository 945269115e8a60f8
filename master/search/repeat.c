#include "master/search/repeat.h"

#include <math.h>
#include <stdlib.h>

#include "common/mem.h"

/* ---- settings ---- */

static int parse_repeat(const struct jcur *root, struct repeat_def *out, struct err *err)
{
    static const char *const keys[] = {"seeds", "folds", NULL};
    static const char repeat_hint[] = "\"repeat\": {\"seeds\": 3}";
    struct jcur cur = jcur_get(root, "repeat"), seeds = jcur_get(&cur, "seeds"),
                folds = jcur_get(&cur, "folds");
    int64_t count;
    if (!jcur_has(&cur))
        return 0;
    if (jcur_object(&cur, 4, err))
        return err_hint(err, repeat_hint);
    if (jcur_known(&cur, keys, err))
        return ERR_BAD;
    if (jcur_has(&seeds) == jcur_has(&folds)) {
        jcur_fail(&cur, err, "must have \"seeds\" or \"folds\", and not both");
        return err_hint(err, repeat_hint);
    }
    if (jcur_int(jcur_has(&seeds) ? &seeds : &folds, 2, 1000, &count, err))
        return ERR_BAD;
    out->repeats = (int)count;
    out->folds = jcur_has(&folds);
    return 0;
}

static int parse_confirm(const struct jcur *root, int64_t trials, struct repeat_def *out, struct err *err)
{
    static const char *const keys[] = {"top", "seeds", NULL};
    struct jcur cur = jcur_get(root, "confirm"), top_at = jcur_get(&cur, "top"),
                seeds_at = jcur_get(&cur, "seeds");
    int64_t top, seeds;
    if (!jcur_has(&cur))
        return 0;
    if (jcur_object(&cur, 4, err) || jcur_known(&cur, keys, err) ||
        jcur_int(&top_at, 1, CONFIRM_MOST, &top, err) || jcur_int(&seeds_at, 1, 1000, &seeds, err))
        return ERR_BAD;
    if (out->folds)
        return jcur_fail(&cur, err, "has no place beside \"folds\": a fold more does not exist");
    if (!trials || top * seeds >= trials) {
        jcur_fail(&cur, err, "wants %lld trials at the end, and search.trials does not leave them",
                  (long long)(top * seeds));
        return err_hint(err, "\"search\": {\"trials\": %lld, ...}", (long long)(top * seeds * 5));
    }
    out->confirm_top = (int)top;
    out->confirm_seeds = (int)seeds;
    return 0;
}

int repeat_parse(const struct jcur *root, int64_t trials, struct repeat_def *out, struct err *err)
{
    *out = (struct repeat_def){.repeats = 1};
    return parse_repeat(root, out, err) || parse_confirm(root, trials, out, err) ? ERR_BAD : 0;
}

/* ---- groups ---- */

struct group {
    uint32_t number;
    int trials, complete;
    bool closed; /* some repeat is no evidence for a mean */
    double sum, mean, sd;
};

struct groups {
    struct group *list; /* by rising number */
    size_t count;
};

static struct group *group_of(struct groups *g, uint32_t number)
{
    size_t low = 0, high = g->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (g->list[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < g->count && g->list[low].number == number ? &g->list[low] : NULL;
}

static bool is_complete(const struct entry *e)
{
    return e->state == HISTORY_SCORED && !e->pruned && e->score > -INFINITY;
}

/* First trials come before their repeats, so groups are found in rising order. */
static void groups_init(struct groups *g, const struct history *history)
{
    *g = (struct groups){.list = xcalloc(history->count + 1, sizeof *g->list)};
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        if (entry_is_warm(e))
            continue;
        if (e->group == e->trial)
            g->list[g->count++] = (struct group){.number = e->trial};
        struct group *group = group_of(g, e->group);
        if (!group)
            continue;
        group->trials++;
        group->closed = group->closed || (e->state != HISTORY_PENDING && !is_complete(e));
        if (is_complete(e)) {
            group->complete++;
            group->sum += e->score;
        }
    }
    for (size_t i = 0; i < g->count; i++)
        g->list[i].mean = g->list[i].complete ? g->list[i].sum / g->list[i].complete : -INFINITY;
    for (size_t i = 0; i < history->count; i++) {
        const struct entry *e = &history->entries[i];
        struct group *group = entry_is_warm(e) || !is_complete(e) ? NULL : group_of(g, e->group);
        if (group)
            group->sd += (e->score - group->mean) * (e->score - group->mean);
    }
    for (size_t i = 0; i < g->count; i++)
        g->list[i].sd = g->list[i].complete > 1 ? sqrt(g->list[i].sd / (g->list[i].complete - 1)) : 0;
}

/* ---- the next repeat ---- */

/* The best group by mean that has all its repeats; NULL: none has. */
static const struct group *best_whole(const struct repeat_def *def, const struct groups *g)
{
    const struct group *best = NULL;
    for (size_t i = 0; i < g->count; i++) {
        const struct group *group = &g->list[i];
        if (group->complete >= def->repeats && (!best || group->mean > best->mean))
            best = group;
    }
    return best;
}

/* What a group's mean has to reach. */
static double bar_of(const struct repeat_def *def, const struct groups *g)
{
    const struct group *best = best_whole(def, g);
    return best ? best->mean - best->sd : -INFINITY;
}

double repeat_best_mean(const struct repeat_def *def, const struct history *history)
{
    struct groups g;
    groups_init(&g, history);
    const struct group *best = best_whole(def, &g);
    double mean = best ? best->mean : -INFINITY;
    free(g.list);
    return mean;
}

bool repeat_next(const struct repeat_def *def, const struct history *history, struct repeat_job *out)
{
    struct groups g;
    bool found = false;
    if (def->repeats < 2)
        return false;
    groups_init(&g, history);
    double bar = bar_of(def, &g);
    for (size_t i = 0; i < g.count && !found; i++) {
        const struct group *group = &g.list[i];
        found = !group->closed && group->complete == group->trials && group->trials < def->repeats &&
                group->mean >= bar;
        if (found)
            *out = (struct repeat_job){group->number, group->trials, group->mean, bar};
    }
    free(g.list);
    return found;
}

/* ---- confirmation ---- */

int confirm_groups(const struct repeat_def *def, const struct history *history, struct confirm_job *out)
{
    struct groups g;
    int count = 0;
    if (!def->confirm_top)
        return 0;
    groups_init(&g, history);
    while (count < def->confirm_top) {
        struct group *best = NULL; /* a group that was taken has a mean of -INFINITY */
        for (size_t i = 0; i < g.count; i++)
            if (!g.list[i].closed && g.list[i].mean > (best ? best->mean : -INFINITY))
                best = &g.list[i];
        if (!best)
            break;
        out[count] = (struct confirm_job){best->number, best->trials, count + 1, best->mean};
        best->mean = -INFINITY;
        count++;
    }
    free(g.list);
    return count;
}
