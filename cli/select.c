#include "cli/select.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"
#include "cli/source.h"
#include "common/mem.h"

static int bad(const char *text, struct err *err)
{
    err_set(err, ERR_BAD, "\"%.60s\" does not name trials", text);
    if (name_ok(text))
        return err_hint(err, "if that is a study: %.60s/all, %.60s/best, %.60s/17", text, text, text);
    return err_hint(err, "best, last, 17, 1-10, 1-100:10, 1,3,5-8, all, or any of these after STUDY/");
}

static bool read_number(const char **at, uint32_t *out)
{
    uint64_t value = 0;
    const char *start = *at;
    while (isdigit((unsigned char)**at) && value <= UINT32_MAX)
        value = value * 10 + (uint64_t)(*(*at)++ - '0');
    *out = (uint32_t)value;
    return *at > start && value >= 1 && value <= UINT32_MAX;
}

/* 17, 1-10 or 1-100:10 */
static bool read_range(const char **at, struct select_range *range)
{
    if (!read_number(at, &range->low))
        return false;
    range->high = range->low;
    range->step = 1;
    if (**at != '-')
        return true;
    (*at)++;
    if (!read_number(at, &range->high) || range->high < range->low)
        return false;
    if (**at != ':')
        return true;
    (*at)++;
    return read_number(at, &range->step);
}

static bool read_ranges(const char *at, struct selector *out)
{
    for (;;) {
        if (out->count == SELECT_MAX || !read_range(&at, &out->ranges[out->count]))
            return false;
        out->count++;
        if (!*at)
            return true;
        if (*at++ != ',')
            return false;
    }
}

int select_study(const char *named, const char *option, const char **out, struct err *err)
{
    *out = named && *named ? named : option;
    if (!named || !*named || !option || !*option || strcmp(named, option) == 0)
        return 0;
    return err_set(err, ERR_BAD, "\"%.64s\" and --study %.64s are two studies: which one?", named, option);
}

int select_parse(const char *text, struct selector *out, struct err *err)
{
    *out = (struct selector){0};
    const char *slash = strchr(text, '/'), *trials = slash ? slash + 1 : text;
    if (slash) {
        size_t len = (size_t)(slash - text);
        if (len >= sizeof out->study)
            return bad(text, err);
        memcpy(out->study, text, len);
        if (!name_ok(out->study))
            return bad(text, err);
    }
    out->word = strcmp(trials, "last") == 0   ? SELECT_LAST
                : strcmp(trials, "best") == 0 ? SELECT_BEST
                                              : SELECT_NUMBERS;
    if (out->word != SELECT_NUMBERS)
        return 0;
    if (strcmp(trials, "all") == 0) {
        out->ranges[out->count++] = (struct select_range){1, UINT32_MAX, 1};
        return 0;
    }
    return read_ranges(trials, out) ? 0 : bad(text, err);
}

bool select_has(const struct selector *selector, uint32_t number)
{
    for (int i = 0; i < selector->count; i++) {
        const struct select_range *r = &selector->ranges[i];
        if (number >= r->low && number <= r->high && (number - r->low) % r->step == 0)
            return true;
    }
    return false;
}

uint32_t select_one(const struct selector *selector)
{
    if (selector->count == 1 && selector->ranges[0].low == selector->ranges[0].high)
        return selector->ranges[0].low;
    return 0;
}

static int find_newest(struct source *source, const char *study, uint32_t *newest, struct err *err)
{
    struct rows rows;
    int rc = source_run(source, "newest_trial", (struct bind[]){BIND_TEXT(":study", study)}, 1, &rows, err);
    if (rc)
        return rc;
    *newest = (uint32_t)first_int(&rows, "trial");
    rows_fini(&rows);
    return 0;
}

static int first_of(struct source *source, const char *name, const struct bind *binds, int count,
                    uint32_t *trial, struct err *err)
{
    struct rows rows;
    int rc = source_run(source, name, binds, count, &rows, err);
    if (rc)
        return rc;
    bool has = rows.count && rows_named(&rows, 0, "score")->kind != CELL_NULL;
    *trial = has ? (uint32_t)first_int(&rows, "trial") : 0;
    rows_fini(&rows);
    return 0;
}

/* Where points were repeated, their means rank them. */
int select_best(struct source *source, const char *study, uint32_t *trial, struct err *err)
{
    struct bind binds[] = {BIND_TEXT(":study", study), BIND_INT(":limit", 1)};
    int rc = first_of(source, "best_groups", binds, 1, trial, err);
    if (!rc && !*trial)
        rc = first_of(source, "best", binds, 2, trial, err);
    if (!rc && !*trial)
        rc = err_set(err, ERR_NO, "no trial of study \"%s\" has a score yet", study);
    return rc;
}

void select_number(struct selector *selector, uint32_t number)
{
    selector->word = SELECT_NUMBERS;
    selector->count = number != 0;
    selector->ranges[0] = (struct select_range){number, number, 1};
}

int select_settle(struct source *source, const char *study, struct selector *selector, struct err *err)
{
    uint32_t number = 0;
    if (selector->word == SELECT_NUMBERS)
        return 0;
    int rc = selector->word == SELECT_BEST ? select_best(source, study, &number, err)
                                           : find_newest(source, study, &number, err);
    if (!rc)
        select_number(selector, number);
    return rc;
}

int select_none(const char *study, uint32_t trial, uint32_t newest, struct err *err)
{
    if (!newest) {
        err_set(err, ERR_GONE, "study \"%s\" has no trial yet", study);
        return err_hint(err, "`hone studies` says how far each is; a trial of another is OTHER/best");
    }
    err_set(err, ERR_GONE, "study \"%s\" has no trial %u", study, trial);
    return err_hint(err, "it has 1 to %u", newest);
}

static int pick_trial(struct source *source, struct selector *selector, const char *study, uint32_t *trial,
                      struct err *err)
{
    uint32_t newest;
    int rc = find_newest(source, study, &newest, err);
    if (!rc && !newest)
        return select_none(study, 0, 0, err);
    if (!rc)
        rc = select_settle(source, study, selector, err);
    if (rc)
        return rc;
    *trial = select_one(selector);
    if (!*trial)
        return err_set(err, ERR_BAD, "one trial at a time; `hone trials` lists several");
    return *trial <= newest ? 0 : select_none(study, *trial, newest, err);
}

int select_trial(struct source *source, const char *text, const char *study, char **out, uint32_t *trial,
                 struct err *err)
{
    struct selector selector;
    struct rows head;
    int rc = select_parse(text ? text : "last", &selector, err);
    if (!rc)
        rc = select_study(selector.study, study, &study, err);
    if (!rc)
        rc = source_read_study(source, study, &head, err);
    if (rc)
        return rc;
    char *name = xstrdup(first_text(&head, "study"));
    rows_fini(&head);
    rc = pick_trial(source, &selector, name, trial, err);
    if (rc)
        free(name);
    else
        *out = name;
    return rc;
}
