/* Proposals: is each point still what its sampler makes of what was known when it was proposed? */
#include <math.h>
#include <string.h>

#include "master/extra.h"
#include "master/platform.h"
#include "master/replay_parts.h"
#include "master/search/given.h"

static const double elsewhere_eps = 1e-9;

bool made_is_here(const struct made *m)
{
    return strcmp(m->platform, platform_here()) == 0;
}

bool replay_near(double a, double b, bool exact)
{
    if (exact || isnan(a) || isnan(b))
        return a == b || (isnan(a) && isnan(b));
    return fabs(a - b) <= elsewhere_eps * (1 + fabs(a));
}

static bool same_value(const struct param *p, struct value a, struct value b, bool exact)
{
    if (exact || a.kind != VALUE_NUM || b.kind != VALUE_NUM || a.num == b.num)
        return value_same(a, b);
    return replay_near(param_scale(p, a.num), param_scale(p, b.num), false);
}

static void say_value(const struct param *p, struct value v, char out[80])
{
    double number;
    if (v.kind == VALUE_OFF)
        str_copy(out, 80, "off");
    else if (v.kind == VALUE_CHOICE)
        str_copy(out, 80, p->choices[v.choice].text);
    else if (value_as_num(p, v, &number))
        num_text(number, out);
}

static int say_difference(struct replay *r, const struct made *m, const struct param *p, struct value stored,
                          struct value again)
{
    char before[80] = "", after[80] = "";
    say_value(p, stored, before);
    say_value(p, again, after);
    err_set(r->err, ERR_NO, "%s/%u: %s: stored %s, recomputed %s (%s version %d, history to seq %llu, %s)",
            r->report->study, m->trial, p->name, before, after, m->sampler, m->version,
            (unsigned long long)m->cut, m->platform);
    if (made_is_here(m))
        return ERR_NO;
    return err_hint(r->err, "it was made on another platform; this one is %s", platform_here());
}

static int compare_proposal(struct replay *r, const struct made *m, const struct trial *t,
                            const struct point *again, const struct proposal *note)
{
    const struct space *space = &r->study->def.space;
    if (strcmp(note->sampler, m->sampler) != 0 || note->version != m->version)
        return err_set(r->err, ERR_NO,
                       "%s/%u: stored as of %s version %d, recomputed by %s version %d (history to seq %llu)",
                       r->report->study, m->trial, m->sampler, m->version, note->sampler, note->version,
                       (unsigned long long)m->cut);
    for (int i = 0; i < space->count; i++)
        if (!same_value(&space->params[i], t->point.v[i], again->v[i], made_is_here(m)))
            return say_difference(r, m, &space->params[i], t->point.v[i], again->v[i]);
    const struct entry *entry = history_find(&r->study->history, m->trial);
    bool same = entry->fit_count == note->fit_count;
    for (int i = 0; same && i < entry->fit_count; i++)
        same = replay_near(entry->fit[i], note->fit[i], made_is_here(m)) || !made_is_here(m);
    return same ? 0
                : err_set(r->err, ERR_NO, "%s/%u: the model's fit is another one (%s version %d, %s)",
                          r->report->study, m->trial, m->sampler, m->version, m->platform);
}

/* What somebody named is an input; what he left out is computed. */
static int name_again(const struct study_def *def, const struct history *view, const struct made *m,
                      struct point *out, struct proposal *note, struct err *err)
{
    *note = (struct proposal){.sampler = "enqueued", .version = 1, .seq_cut = m->cut};
    struct json *json = json_parse(m->given, strlen(m->given), "given", err);
    struct jcur given = jcur_root(json, "given");
    int rc = json ? given_point(&def->space, view, def->search.seed, m->trial, &given, out, err) : ERR_BAD;
    json_free(json);
    return rc;
}

/* A repeat's point is its group's; that it was made is the decision. */
static int check_repeat(struct replay *r, const struct made *m)
{
    const struct trial *t = study_trial(r->study, m->trial);
    const struct repeat_def *def =
        &eras_at(&r->eras, history_find(&r->study->history, m->trial)->added)->def.repeat;
    const struct history *view = retrace_to(&r->past, m->cut);
    struct repeat_job job = {0};
    struct confirm_job jobs[CONFIRM_MOST];
    bool same = false;
    if (strcmp(m->sampler, "repeat") == 0)
        same = repeat_next(def, view, &job) && job.group == t->group && job.repeat == t->repeat;
    else
        for (int i = confirm_groups(def, view, jobs); i-- > 0;)
            same = same || (jobs[i].group == t->group && t->repeat >= jobs[i].repeat &&
                            t->repeat < jobs[i].repeat + def->confirm_seeds);
    const struct trial *first = study_trial(r->study, t->group);
    same = same && first && point_equal(&first->point, &t->point);
    r->report->proposals++;
    return same ? 0
                : err_set(r->err, ERR_NO,
                          "%s/%u: repeat %d of trial %u (%s) is not what its history gives (seq %llu)",
                          r->report->study, m->trial, t->repeat, t->group, m->sampler,
                          (unsigned long long)m->cut);
}

/* A child's parent is a decision, and its point follows from the parent's. */
static int check_child(struct replay *r, const struct made *m, const struct trial *t)
{
    const struct study_def *def = &eras_at(&r->eras, m->cut)->def;
    struct proposal note = {.sampler = "pbt", .version = PBT_VERSION};
    struct pbt_fate fate;
    struct point again;
    int at = 0, until = 0, rc;
    if (!replay_fate(r, m->cut, t->replaced, &fate, &at, &until) || fate.parent != t->parent ||
        at != t->parent_epoch)
        return err_set(r->err, ERR_NO,
                       "%s/%u: stored as a child of trial %u at epoch %d, recomputed otherwise (seq %llu)",
                       r->report->study, m->trial, t->parent, t->parent_epoch, (unsigned long long)m->cut);
    point_init(&again, &def->space);
    pbt_explore(pbt_of(&def->search), &def->space, retrace_to(&r->past, m->cut), def->search.seed, m->trial,
                &study_trial(r->study, t->parent)->point, &again);
    rc = compare_proposal(r, m, t, &again, &note);
    point_fini(&again);
    r->report->proposals++;
    return rc;
}

/* Somebody's wish, and no decision: all it has to be is the same point. */
static int check_extra(struct replay *r, const struct made *m)
{
    const struct trial *t = study_trial(r->study, m->trial), *first = study_trial(r->study, t->group);
    r->report->proposals++;
    if (first && point_equal(&first->point, &t->point))
        return 0;
    return err_set(r->err, ERR_NO, "%s/%u: it is trial %u with another seed, and its point is another one",
                   r->report->study, m->trial, t->group);
}

int replay_proposal(struct replay *r, const struct made *m)
{
    if (strcmp(m->sampler, EXTRA_SAMPLER) == 0)
        return check_extra(r, m);
    if (study_trial(r->study, m->trial)->parent)
        return check_child(r, m, study_trial(r->study, m->trial));
    if (strcmp(m->sampler, "repeat") == 0 || strcmp(m->sampler, "confirm") == 0)
        return check_repeat(r, m);
    const struct history *view = retrace_to(&r->past, m->cut);
    struct point again;
    struct proposal note;
    struct err why = ERR_NONE;
    const struct trial *t = study_trial(r->study, m->trial);
    const struct era *era = eras_at(&r->eras, history_find(&r->study->history, m->trial)->added);
    point_init(&again, &era->def.space);
    int rc = m->given ? name_again(&era->def, view, m, &again, &note, &why)
                      : (sampler_forget(era->sampler),
                         sampler_propose(era->sampler, view, m->trial, &again, &note, &why));
    if (rc)
        rc =
            err_set(r->err, ERR_NO, "%s/%u: %s version %d proposes nothing from the history to seq %llu: %s",
                    r->report->study, m->trial, m->sampler, m->version, (unsigned long long)m->cut, why.text);
    else
        rc = compare_proposal(r, m, t, &again, &note);
    point_fini(&again);
    r->report->proposals++;
    if (made_is_here(m))
        return rc;
    if (!r->report->elsewhere++)
        str_copy(r->report->platform, sizeof r->report->platform, m->platform);
    return rc;
}
