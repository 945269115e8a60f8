/* What a key means in hone top: pure, but for what it changes in struct top. */
#include <stdio.h>
#include <string.h>

#include "cli/curses.h"
#include "cli/rows.h"
#include "cli/top.h"
#include "common/trial_status.h"

enum { PAGE = 10, ESCAPE = 27 };

/* ---- the cursor ---- */

static int cursor_of(const struct top *top)
{
    int trial = top_trial_row(top), study = top_study_row(top);
    return trial >= 0 ? (int)top->studies.count + trial : study > 0 ? study : 0;
}

/* True: another study is looked at. */
static bool set_cursor(struct top *top, int at)
{
    int studies = (int)top->studies.count, last = studies + (int)top->trials.count - 1;
    at = at > last ? last : at;
    at = at < 0 ? 0 : at;
    if (at >= studies) {
        top->trial = (uint32_t)cell_int(rows_named(&top->trials, (size_t)(at - studies), "trial"));
        return false;
    }
    top->trial = 0;
    if (!studies)
        return false;
    const char *study = cell_text(rows_named(&top->studies, (size_t)at, "study"));
    bool is_other = strcmp(study, top->study) != 0;
    str_copy(top->study, sizeof top->study, study);
    return is_other;
}

static enum top_act move(struct top *top, int by)
{
    return set_cursor(top, cursor_of(top) + by) ? TOP_LOAD : TOP_NOTHING;
}

static enum top_act go(struct top *top, int at)
{
    return set_cursor(top, at) ? TOP_LOAD : TOP_NOTHING;
}

/* ---- what changes something ---- */

static enum top_act ask_pause(struct top *top)
{
    int row = top_study_row(top);
    if (row < 0 || !top->may_change)
        return TOP_NOTHING;
    const char *wish = cell_text(rows_named(&top->studies, (size_t)row, "wish"));
    if (*cell_text(rows_named(&top->studies, (size_t)row, "end_reason"))) {
        snprintf(top->message, sizeof top->message, "%s has ended", top->study);
        return TOP_NOTHING;
    }
    return strcmp(wish, "pause") == 0 ? TOP_RESUME : TOP_PAUSE;
}

static enum top_act ask_cancel(struct top *top)
{
    int row = top_trial_row(top);
    enum trial_status status;
    if (!top->may_change)
        return TOP_NOTHING;
    if (row < 0) {
        snprintf(top->message, sizeof top->message, "choose a trial to cancel");
        return TOP_NOTHING;
    }
    const char *name = cell_text(rows_named(&top->trials, (size_t)row, "status"));
    if (trial_status_parse(name, &status) && trial_status_is_final(status))
        snprintf(top->message, sizeof top->message, "%s/%u is %s already", top->study, top->trial, name);
    else
        top->mode = TOP_CONFIRM;
    return TOP_NOTHING;
}

/* ---- in each mode ---- */

static enum top_act in_filter(struct top *top, int key)
{
    size_t len = strlen(top->filter);
    if (key == ESCAPE)
        top->filter[0] = '\0';
    if (key == ESCAPE || key == SCREEN_ENTER)
        top->mode = TOP_LIST;
    else if (key == SCREEN_BACK && len)
        top->filter[len - 1] = '\0';
    else if (key >= ' ' && key < 127 && len + 1 < sizeof top->filter)
        top->filter[len] = (char)key, top->filter[len + 1] = '\0';
    else
        return TOP_NOTHING;
    return TOP_LOAD;
}

static enum top_act in_confirm(struct top *top, int key)
{
    top->mode = TOP_LIST;
    if (key == 'y' || key == 'Y')
        return TOP_CANCEL;
    snprintf(top->message, sizeof top->message, "not cancelled");
    return TOP_NOTHING;
}

/* The next trial's page without going back to the list. */
static enum top_act in_trial(struct top *top, int key)
{
    int row = top_trial_row(top), studies = (int)top->studies.count;
    switch (key) {
    case 'q':
    case ESCAPE:
    case SCREEN_BACK: top->mode = TOP_LIST; return TOP_NOTHING;
    case 'j':
    case SCREEN_DOWN: go(top, studies + row + 1); return TOP_LOAD;
    case 'k':
    case SCREEN_UP: go(top, row > 0 ? studies + row - 1 : studies); return TOP_LOAD;
    case 'c': return ask_cancel(top);
    default: return TOP_NOTHING;
    }
}

static enum top_act in_list(struct top *top, int key)
{
    switch (key) {
    case 'q': return TOP_QUIT;
    case 'j':
    case SCREEN_DOWN: return move(top, 1);
    case 'k':
    case SCREEN_UP: return move(top, -1);
    case SCREEN_PAGE_DOWN: return move(top, PAGE);
    case SCREEN_PAGE_UP: return move(top, -PAGE);
    case 'g':
    case SCREEN_HOME: return go(top, 0);
    case 'G':
    case SCREEN_END: return go(top, 1 << 20);
    case '\t': return go(top, top->trial ? top_study_row(top) : (int)top->studies.count);
    case 's': top->sort = (top->sort + 1) % TOP_SORTS; return TOP_LOAD;
    case '/': top->mode = TOP_FILTER; return TOP_NOTHING;
    case ESCAPE: top->filter[0] = '\0'; return TOP_LOAD;
    case 'p': return ask_pause(top);
    case 'c': return ask_cancel(top);
    case SCREEN_ENTER:
        if (!top->trial)
            return go(top, (int)top->studies.count);
        top->mode = TOP_TRIAL;
        return TOP_LOAD;
    default: return TOP_NOTHING;
    }
}

enum top_act top_key(struct top *top, int key)
{
    if (key != SCREEN_NONE && key != SCREEN_RESIZED)
        top->message[0] = '\0';
    switch (top->mode) {
    case TOP_LIST: return in_list(top, key);
    case TOP_TRIAL: return in_trial(top, key);
    case TOP_FILTER: return in_filter(top, key);
    case TOP_CONFIRM: return key == SCREEN_NONE || key == SCREEN_RESIZED ? TOP_NOTHING : in_confirm(top, key);
    }
    return TOP_NOTHING;
}
