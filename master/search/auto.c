/* auto: the default. Which sampler proposes this trial, by rules that measurements favour:
 *
 *   several metrics                                tpe and children of its better group by turns (relay.c)
 *   more than a third of the trials run at once    halton: there is no time to learn from results
 *   conditions, or more than 20 parameters         tpe
 *   up to 250 results                              gp
 *   more                                           tpe
 *
 * Each of them begins with the scrambled Halton sequence. The note names the one that proposed, and its
 * version; its `why` ends with the rule.
 */
#include <stdio.h>
#include <string.h>

#include "common/str.h"
#include "master/search/bayes.h"
#include "master/search/sampler_row.h"

enum { GP_PARAMS = 20 };

struct rule {
    const struct sampler_row *row;
    const char *reason; /* for people; NULL: the row says it itself */
};

static struct rule chosen(const struct sampler *s, const struct history *history)
{
    const struct search_def *def = s->def;
    if (search_metrics(def) > 1)
        return (struct rule){&sampler_relay, NULL};
    if (def->trials && def->parallel * 3LL > def->trials)
        return (struct rule){&sampler_halton, "over a third of all trials run at once"};
    if (space_has_conditions(s->space))
        return (struct rule){&sampler_tpe, "parameters have conditions"};
    if (s->space->count > GP_PARAMS)
        return (struct rule){&sampler_tpe, "more than 20 parameters"};
    return history_results(history) <= BAYES_TRIALS ? (struct rule){&sampler_gp, "at most 250 results"}
                                                    : (struct rule){&sampler_tpe, "more than 250 results"};
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    struct rule rule = chosen(s, history);
    str_copy(note->sampler, sizeof note->sampler, rule.row->name);
    note->version = rule.row->version;
    int rc = rule.row->propose(s, history, trial, out, note, err);
    size_t length = strlen(note->why);
    if (!rc && rule.reason)
        snprintf(note->why + length, sizeof note->why - length, "%sauto takes %s: %s", length ? "; " : "",
                 rule.row->name, rule.reason);
    return rc;
}

const struct sampler_row sampler_auto = {.name = "auto", .version = 1, .slow = true, .propose = propose};
