#include "master/demand.h"

/* The checks before the first trial want one worker; trials at a rung want one if nobody is there to move them on. */
static int64_t of_study(const struct study *s)
{
    bool searches = !study_has_ended(s) && !s->ending[0] && s->wish == WISH_RUN;
    int64_t planned = study_planned(s), wanted = s->counts[TRIAL_waiting];
    if (s->extra_open && s->wish != WISH_PAUSE && !searches)
        return s->extra_open > s->open_count ? s->extra_open - s->open_count : 0;
    if (!searches)
        return 0;
    if (study_awaits_checks(s))
        return s->open_count ? 0 : 1;
    if (study_may_sample(s))
        wanted += planned < 0 ? DEMAND_MOST : planned - study_sampled(s) + s->counts[TRIAL_cancelled];
    if (wanted <= 0 && !s->open_count)
        wanted = 1;
    int64_t room = s->def.search.parallel ? (int64_t)s->def.search.parallel - s->open_count : wanted;
    return wanted < room ? wanted : room > 0 ? room : 0;
}

void demand_of(const struct studies *studies, struct demand *out)
{
    *out = (struct demand){0};
    for (size_t i = 0; i < studies->count; i++) {
        const struct study *s = studies->all[i];
        int64_t wanted = study_has_work(s) ? of_study(s) : 0;
        out->open += study_has_work(s);
        out->wanted = wanted < DEMAND_MOST - out->wanted ? out->wanted + wanted : DEMAND_MOST;
    }
}
