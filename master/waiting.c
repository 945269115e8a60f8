#include "master/waiting.h"

#include "master/roster.h"

static int64_t before_it(const struct trial *t)
{
    int64_t count = 0;
    for (const struct trial *q = t->queue_prev; q; q = q->queue_prev)
        count++;
    return count;
}

static bool some_study_goes_first(const struct reactor *r, const struct study *s)
{
    for (size_t i = 0; i < r->studies.count; i++)
        if (r->studies.all[i]->def.priority > s->def.priority && !study_has_ended(r->studies.all[i]) &&
            r->studies.all[i]->wish == WISH_RUN)
            return true;
    return false;
}

static void slots_reason(const struct reactor *r, const struct trial *t, struct str *out)
{
    int connected = 0, wanting = 0;
    for (size_t i = 0; i < r->roster.count; i++) {
        connected += r->roster.workers[i]->peer != 0;
        wanting += worker_wants_job(r->roster.workers[i], INT64_MAX); /* after its rest, if it rests */
    }
    long long before = before_it(t);
    if (!connected)
        str_add(out, "no worker is connected");
    else if (study_awaits_checks(t->study) && !t->is_extra)
        str_add(out, "no trial starts before the trainer is checked");
    else if (!wanting && some_study_goes_first(r, t->study))
        str_add(out, "no slot is free, and a study of a higher priority is served first");
    else if (!wanting)
        str_addf(out, "no slot is free; %lld trial%s of this study before it", before,
                 before == 1 ? "" : "s");
    else
        str_add(out, "it starts next");
}

void waiting_reason(const struct reactor *r, const struct trial *t, int64_t now_mono_ms, struct str *out)
{
    const struct study *s = t->study;
    if (t->status != TRIAL_waiting)
        return;
    if (r->interrupted)
        str_add(out, "the master is about to end");
    else if (study_has_ended(s) && !t->is_extra)
        str_addf(out, "the study has ended (%s)", s->end_reason);
    else if (s->wish == WISH_PAUSE)
        str_add(out, "the study is paused; `hone resume` lets it go on");
    else if (t->holder)
        str_add(out, "the worker of its older attempt is still winding it up");
    else if (study_awaits_file(t, now_mono_ms))
        str_add(out, "the checkpoint it goes on from is on the way here, from the worker that saved it");
    else if (s->def.search.parallel && s->open_count >= s->def.search.parallel)
        str_addf(out, "%lld attempts run, and the study allows %d at once (search.parallel)",
                 (long long)s->open_count, s->def.search.parallel);
    else
        slots_reason(r, t, out);
}
