#include "sql/name.h"

#include <stddef.h>
#include <strings.h>

#include "common/check.h"
#include "sql/store.h"

static void enclose(const char *text, char quote, struct str *out)
{
    str_addc(out, quote);
    for (const char *c = text; *c; c++) {
        if (*c == quote)
            str_addc(out, quote);
        str_addc(out, *c);
    }
    str_addc(out, quote);
}

void name_quote(const char *name, struct str *out)
{
    enclose(name, '"', out);
}

void name_literal(const char *text, struct str *out)
{
    enclose(text, '\'', out);
}

static const char *const fixed_columns[] = {"trial",  "status",     "best_epoch", "epochs",
                                            "worker", "started_at", "ended_at"};

/* Tables, views and indices of schema.sql and views.sql; a test compares. */
static const char *const ours[] = {"meta",
                                   "study",
                                   "study_param",
                                   "metric",
                                   "worker",
                                   "trial",
                                   "param",
                                   "attempt",
                                   "attempt_by_worker",
                                   "attempt_open",
                                   "epoch",
                                   "epoch_metric",
                                   "box",
                                   "box_by_study",
                                   "box_event",
                                   "box_event_by_study",
                                   "check_result",
                                   "check_result_by_study",
                                   "study_checks",
                                   "trial_finding",
                                   "trial_finding_by_trial",
                                   "findings",
                                   "study_bracket",
                                   "study_unreadable",
                                   "study_event",
                                   "trial_lineage",
                                   "trial_lineage_by_parent",
                                   "warm",
                                   "study_event_by_study",
                                   "checkpoint",
                                   "checkpoint_doomed",
                                   "checkpoint_live",
                                   "checkpoint_offered",
                                   "trial_event",
                                   "trial_event_by_trial",
                                   "epoch_counted",
                                   "best_trials",
                                   "leaderboard",
                                   "learning_curves",
                                   "study_progress",
                                   "worker_timeline",
                                   "groups",
                                   "trial_scores",
                                   "pareto"};

/* What migrations may want: a study of that name would keep a later version from opening the file. */
static const char *const wanted[] = {"finding",   "group",    "group_score", "stage",        "rung",
                                     "promotion", "proposal", "study_event", "worker_event", "importance"};

static bool among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_same_nocase(name, list[i]))
            return true;
    return false;
}

bool name_is_fixed_column(const char *name)
{
    return among(name, fixed_columns, COUNT_OF(fixed_columns));
}

bool store_name_reserved(const char *name)
{
    return strncasecmp(name, "sqlite_", 7) == 0 || strncasecmp(name, "hone_", 5) == 0 ||
           name_is_fixed_column(name) || among(name, ours, COUNT_OF(ours)) ||
           among(name, wanted, COUNT_OF(wanted));
}

bool store_column_reserved(const char *name)
{
    return name_is_fixed_column(name);
}
