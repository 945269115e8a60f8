/* auto: the default. Which sampler proposes this trial, by rules that measurements favour:
 *
 *   more than a third of the trials run at once    halton: there is no time to learn from results
 *   conditions, or more than 20 parameters         tpe
 *   up to 250 results                              gp
 *   more                                           tpe
 *
 * Each of them begins with the scrambled Halton sequence. The note names the one that proposed, and its
 * version.
 */
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "master/search/bayes.h"
#include "master/search/sampler_row.h"

enum { GP_PARAMS = 20 };

static const struct sampler_row *chosen(const struct sampler *s, const struct history *history)
{
    const struct search_def *def = s->def;
    if (search_metrics(def) > 1)
        return &sampler_relay;
    if (def->trials && def->parallel * 3LL > def->trials)
        return &sampler_halton;
    if (space_has_conditions(s->space) || s->space->count > GP_PARAMS)
        return &sampler_tpe;
    return history_results(history) <= BAYES_TRIALS ? &sampler_gp : &sampler_tpe;
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    const struct sampler_row *row = chosen(s, history);
    str_copy(note->sampler, sizeof note->sampler, row->name);
    note->version = row->version;
    return row->propose(s, history, trial, out, note, err);
}

const struct sampler_row sampler_auto = {.name = "auto", .version = 1, .slow = true, .propose = propose};
