#include "cli/explanation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/trial_status.h"

static bool is_null(const struct rows *rows, const char *column)
{
    return rows_named(rows, 0, column)->kind == CELL_NULL;
}

static void add_line(struct text_list *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add_line(struct text_list *list, const char *fmt, ...)
{
    char *line = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&line, fmt, args);
    va_end(args);
    PRE(len >= 0);
    text_list_add(list, line);
}

/* ---- where it comes from ---- */

static void say_box(struct explanation *e)
{
    if (is_null(&e->origin, "box"))
        return;
    const char *text = first_text(&e->origin, "box");
    struct json *box = json_parse(text, strlen(text), "box", NULL);
    struct str line = {0};
    for (const struct json *p = box ? json_first(box) : NULL; p; p = json_next(p)) {
        char low[32], high[32];
        if (!json_get(p, "t"))
            continue;
        table_number(json_num(json_get(p, "low")), low);
        table_number(json_num(json_get(p, "high")), high);
        str_addf(&line, "%s%s %s .. %s", line.len ? ", " : "", json_key(p), low, high);
    }
    if (line.len)
        add_line(&e->origin_lines, "the box was %s", str_text(&line));
    str_fini(&line);
    json_free(box);
}

/* Whose checkpoint it began with. */
static void say_parent(struct explanation *e)
{
    for (size_t row = 0; row < e->lineage.count; row++) {
        if (strcmp(cell_text(rows_named(&e->lineage, row, "kin")), "parent") != 0)
            continue;
        long long attempt = (long long)cell_int(rows_named(&e->lineage, row, "attempt"));
        long long parent = (long long)cell_int(rows_named(&e->lineage, row, "trial"));
        if (attempt)
            add_line(&e->origin_lines,
                     "begins with the checkpoint of trial %lld, attempt %lld, after epoch %lld: %s", parent,
                     attempt, (long long)cell_int(rows_named(&e->lineage, row, "epoch")),
                     cell_text(rows_named(&e->lineage, row, "path")));
        else
            add_line(&e->origin_lines, "trial %lld, its parent, had no checkpoint: it trains from the start",
                     parent);
    }
}

static void say_bracket(struct explanation *e)
{
    const struct rows *b = &e->bracket;
    if (b->count)
        add_line(&e->origin_lines,
                 "bracket %lld of round %lld, trials %lld to %lld: from epoch %lld, the best 1/%lld of "
                 "them up to the next rung, at last to epoch %lld",
                 (long long)first_int(b, "bracket") + 1, (long long)first_int(b, "round") + 1,
                 (long long)first_int(b, "first_trial"),
                 (long long)(first_int(b, "first_trial") + first_int(b, "trials") - 1),
                 (long long)first_int(b, "min_epochs"), (long long)first_int(b, "eta"),
                 (long long)first_int(b, "epochs"));
}

/* "2 of 2 parameters named by …" */
static bool names_all(const char *why)
{
    int named, all;
    return sscanf(why, "%d of %d", &named, &all) == 2 && named == all;
}

/* A trial that waits at its rung has told how good it is there. */
static void say_known(struct explanation *e)
{
    const struct rows *origin = &e->origin;
    long long finished = first_int(origin, "finished"), paused = first_int(origin, "paused");
    char at_rungs[60] = "";
    if (paused)
        snprintf(at_rungs, sizeof at_rungs, ", %lld paused", paused);
    add_line(&e->origin_lines, "from what was known at seq %lld: %lld finished trial%s%s, %lld under way",
             (long long)first_int(&e->head, "seq_cut"), finished, finished == 1 ? "" : "s", at_rungs,
             (long long)first_int(origin, "under_way"));
}

static void say_origin(struct explanation *e)
{
    const struct rows *head = &e->head, *origin = &e->origin;
    struct text_list *out = &e->origin_lines;
    if (strcmp(first_text(head, "sampler"), "enqueued") == 0)
        add_line(out, "enqueued: %s%s", first_text(head, "why"),
                 names_all(first_text(head, "why")) ? "" : "; the others are the trial's own random point");
    else
        add_line(out, "proposed by %s, version %lld%s%s", first_text(head, "sampler"),
                 (long long)first_int(head, "sampler_version"), *first_text(head, "why") ? ": " : "",
                 first_text(head, "why"));
    say_known(e);
    if (first_int(origin, "warm"))
        add_line(out, "and %lld results of study %s, which it began with",
                 (long long)first_int(origin, "warm"), first_text(origin, "source"));
    if (!is_null(origin, "best_trial")) {
        char best[32];
        table_number(cell_num(rows_named(origin, 0, "best")), best);
        add_line(out, "the best %s then was %s, by trial %lld", first_text(head, "metric"), best,
                 (long long)first_int(origin, "best_trial"));
    }
    say_parent(e);
    say_bracket(e);
    say_box(e);
    if (*first_text(head, "platform"))
        add_line(out, "computed on %s", first_text(head, "platform"));
}

/* ---- what happened to it ---- */

static void say_attempt(struct explanation *e, size_t row)
{
    const struct rows *a = &e->attempts;
    struct str line = {0};
    str_addf(&line, "attempt %lld on %s", (long long)cell_int(rows_named(a, row, "attempt")),
             cell_text(rows_named(a, row, "worker")));
    if (cell_int(rows_named(a, row, "from_epoch")))
        str_addf(&line, ", from the checkpoint of epoch %lld",
                 (long long)cell_int(rows_named(a, row, "from_epoch")));
    long long epochs = (long long)cell_int(rows_named(a, row, "epochs"));
    str_addf(&line, ": %lld epoch%s", epochs, epochs == 1 ? "" : "s");
    const char *outcome = cell_text(rows_named(a, row, "outcome")),
               *cause = cell_text(rows_named(a, row, "cause"));
    str_addf(&line, ", %s%s%s%s", *outcome ? outcome : "running", *cause ? " (" : "", cause,
             *cause ? ")" : "");
    add_line(&e->life_lines, "%s", str_text(&line));
    str_fini(&line);
}

static void say_promotion(struct explanation *e, size_t row)
{
    const char *detail = cell_text(rows_named(&e->events, row, "detail"));
    struct json *json = *detail ? json_parse(detail, strlen(detail), "detail", NULL) : NULL;
    int until = json ? (int)json_num(json_get(json, "until")) : 0;
    if (json && json_get(json, "rank") && !json_get(json, "rung"))
        add_line(&e->life_lines, "goes on to epoch %d: rank %.0f of %.0f of its generation", until,
                 json_num(json_get(json, "rank")), json_num(json_get(json, "of")));
    else if (json && json_get(json, "rank"))
        add_line(&e->life_lines, "promoted to epoch %d: rank %.0f of %.0f at its rung", until,
                 json_num(json_get(json, "rank")), json_num(json_get(json, "of")));
    else if (until)
        add_line(&e->life_lines, "carried on to epoch %d: among the best of its stage", until);
    json_free(json);
}

/* Who begins where it was, and who has its place now. */
static void say_children(struct explanation *e)
{
    for (size_t row = 0; row < e->lineage.count; row++) {
        const char *kin = cell_text(rows_named(&e->lineage, row, "kin"));
        long long trial = (long long)cell_int(rows_named(&e->lineage, row, "trial"));
        long long epoch = (long long)cell_int(rows_named(&e->lineage, row, "epoch"));
        long long other = (long long)cell_int(rows_named(&e->lineage, row, "other"));
        if (strcmp(kin, "child") == 0)
            add_line(&e->life_lines,
                     "trial %lld begins with its checkpoint of epoch %lld, in place of trial %lld", trial,
                     epoch, other);
        else if (strcmp(kin, "heir") == 0)
            add_line(&e->life_lines, "trial %lld, a child of trial %lld at epoch %lld, takes its place",
                     trial, other, epoch);
    }
}

static void say_life(struct explanation *e)
{
    for (size_t row = 0; row < e->attempts.count; row++)
        say_attempt(e, row);
    for (size_t row = 0; row < e->events.count; row++)
        if (strcmp(cell_text(rows_named(&e->events, row, "cause")), "promoted") == 0)
            say_promotion(e, row);
    say_children(e);
    if (first_int(&e->head, "lost_on"))
        add_line(&e->life_lines, "%lld workers were lost with it", (long long)first_int(&e->head, "lost_on"));
    if (first_int(&e->head, "own_failures"))
        add_line(&e->life_lines, "%lld failures of its own making",
                 (long long)first_int(&e->head, "own_failures"));
}

/* ---- why it is where it is ---- */

/* What a cause means, whatever the status it led to. */
static const struct {
    const char *cause, *meaning;
} causes[] = {
    {"diverged", "its metric became NaN or infinite: the worst result there is, and not a failure"},
    {"budget", "a budget of the study was used up"},
    {"stopped", "the study was stopped"},
    {"stage", "its stage ended, and it was not among the best that were carried on"},
    {"rung", "at its rung it was not among the best, or the study ended before it was promoted"},
    {"median", "its best so far was worse than the median of the finished trials' running averages"},
    {"asha", "at its rung it was not among the best"},
    {"curve", "its curve leaves it too little chance to end above the best"},
    {"pbt",
     "it was among the worst of its generation and a child of a better one took its place, or the population "
     "ended"},
    {"threshold", "it did not reach what \"prune\" asks for (below, after)"},
    {"repeat", "the first repeats of its point were worse than the best group"},
    {"poison", "three workers were lost while they ran it"},
    {"no_metric", "its trainer ended well and never reported the metric"},
    {"protocol", "its trainer did not keep to the protocol"},
    {"exit", "its trainer ended with an error"},
    {"signal", "its trainer was killed by a signal"},
    {"timeout", "its trainer took longer than the trainer's timeout"},
    {"user", "somebody cancelled it"},
    {"deleted", "somebody deleted it"},
    {"lost", "its worker was lost"},
    {"preempted", "its worker gave it back"},
    {"shutdown", "its master or worker was shut down"},
    {"paused", "the study was paused"},
    {"retry", "somebody asked for another go"},
    {"promoted", "it may run on"},
    {"edit", "the study's epochs were raised"},
};

static const char *meaning_of(const char *cause)
{
    for (size_t i = 0; i < COUNT_OF(causes); i++)
        if (strcmp(causes[i].cause, cause) == 0)
            return causes[i].meaning;
    return "";
}

/* The numbers that a pruning decision saw. */
static void say_evidence(struct explanation *e)
{
    const char *detail =
        e->events.count ? cell_text(rows_named(&e->events, e->events.count - 1, "detail")) : "";
    struct json *json = *detail ? json_parse(detail, strlen(detail), "detail", NULL) : NULL;
    if (json && json_get(json, "score")) {
        char score[32];
        table_number(json_num(json_get(json, "score")), score);
        add_line(&e->now_lines, "decided after epoch %.0f, at %s %s, from the history to seq %.0f",
                 json_num(json_get(json, "epoch")), first_text(&e->head, "metric"), score,
                 json_num(json_get(json, "seen")));
    }
    json_free(json);
}

/* What the rows say a waiting trial waits for; the master knows better. */
static void say_queue(struct explanation *e)
{
    const struct rows *q = &e->queue, *about = &e->about;
    const char *wish = first_text(about, "wish"), *definition = first_text(about, "definition");
    struct json *json = json_parse(definition, strlen(definition), "definition", NULL);
    const struct json *search = json ? json_get(json, "search") : NULL;
    const struct json *limit = search ? json_get(search, "parallel") : NULL;
    long long open = first_int(q, "open"), before = first_int(q, "before");
    if (e->master_says)
        add_line(&e->now_lines, "the master: %s", e->master_says);
    else if (*first_text(about, "end_reason"))
        add_line(&e->now_lines, "the study has ended (%s)", first_text(about, "end_reason"));
    else if (strcmp(wish, "run") != 0)
        add_line(&e->now_lines, "the study's wish is %s; `hone resume` lets it go on", wish);
    else if (limit && open >= json_num(limit))
        add_line(&e->now_lines, "%lld attempts run, and the study allows %.0f at once (search.parallel)",
                 open, json_num(limit));
    else if (!first_int(q, "workers"))
        add_line(&e->now_lines, "no worker is there");
    else
        add_line(&e->now_lines, "%lld of %lld slots are busy, %lld trial%s of this study before it",
                 (long long)first_int(q, "busy"), (long long)first_int(q, "slots"), before,
                 before == 1 ? "" : "s");
    json_free(json);
}

static void say_now(struct explanation *e)
{
    const struct rows *head = &e->head;
    const char *status = first_text(head, "status"), *cause = first_text(head, "cause"),
               *meaning = meaning_of(cause);
    struct str line = {0};
    str_addf(&line, "%s%s%s%s", status, *cause ? " (" : "", cause, *cause ? ")" : "");
    if (*meaning)
        str_addf(&line, ": %s", meaning);
    else if (strcmp(status, "paused") == 0)
        str_addf(&line, ": at epoch %lld, until it is promoted or given up",
                 (long long)first_int(head, "epochs"));
    else if (strcmp(status, "running") == 0)
        str_addf(&line, ": epoch %lld of %lld", (long long)first_int(head, "epochs"),
                 (long long)first_int(head, "until"));
    else if (strcmp(status, "complete") == 0)
        str_addf(&line, ": it reached epoch %lld of %lld", (long long)first_int(head, "epochs"),
                 (long long)first_int(head, "length"));
    add_line(&e->now_lines, "%s", str_text(&line));
    str_fini(&line);
    if (e->rung.count)
        add_line(&e->now_lines, "rank %lld of %lld at epoch %lld; the best %lld go on",
                 (long long)first_int(&e->rung, "rank"), (long long)first_int(&e->rung, "of"),
                 (long long)first_int(&e->rung, "epoch"), (long long)first_int(&e->rung, "promoted"));
    say_evidence(e);
    bool goes_on = !*first_text(&e->about, "end_reason") && strcmp(first_text(&e->about, "wish"), "run") == 0;
    if (strcmp(status, "waiting") == 0 && (!e->is_alone || !goes_on))
        say_queue(e);
    enum trial_status is = TRIAL_complete;
    trial_status_parse(status, &is);
    if (e->is_alone && goes_on && !trial_status_is_final(is))
        add_line(&e->now_lines, "no master is running: hone run or hone master goes on with it");
    if (is_null(head, "score"))
        return;
    char score[32];
    table_number(cell_num(rows_named(head, 0, "score")), score);
    add_line(&e->now_lines, "%s %s at epoch %lld: rank %lld of %lld", first_text(head, "metric"), score,
             (long long)first_int(head, "best_epoch"), (long long)first_int(head, "rank"),
             (long long)first_int(head, "trials"));
}

/* ---- all of it ---- */

void explanation_tell(struct explanation *e)
{
    say_origin(e);
    say_life(e);
    say_now(e);
}

void explanation_fini(struct explanation *e)
{
    struct rows *rows[] = {&e->head,    &e->origin,  &e->events, &e->attempts, &e->queue,
                           &e->lineage, &e->bracket, &e->rung,   &e->about};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        rows_fini(rows[i]);
    text_list_free(&e->origin_lines);
    text_list_free(&e->life_lines);
    text_list_free(&e->now_lines);
    free(e->master_says);
}
