/* The list of hone top: studies, trials of the chosen one, workers, events. Each part gets rows by what there is to show and
 * how many the window has; what is least needed goes first. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/curve.h"
#include "cli/draw/status_style.h"
#include "cli/glyph.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/top.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/units.h"
#include "sql/doing.h"

enum {
    SPARK = 12,
    BAR = 20,
    BAR_NARROW = 6,
    WIDE = 84,   /* columns from which on workers stand beside their trials */
    LOWEST = 10, /* rows below which workers and events are left out */
};

static const struct style plain = {0}, bold = {.face = FACE_BOLD}, faint = {.face = FACE_FAINT};
static const struct style lively = {.hue = HUE_CYAN};

/* ---- studies ---- */

static double done_of(const struct rows *rows, size_t row)
{
    static const char *const final[] = {"complete", "pruned", "failed", "cancelled"};
    double done = 0;
    for (size_t i = 0; i < sizeof final / sizeof *final; i++)
        done += (double)cell_int(rows_named(rows, row, final[i]));
    return done;
}

/* Eighths of a block. */
static void put_bar(struct sheet *sheet, int row, int col, int width, double share)
{
    static const char *const parts[] = {"░", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int eighths = (int)lround(fmin(fmax(share, 0), 1) * width * 8);
    for (int i = 0; i < width; i++, eighths -= 8)
        sheet_put(sheet, row, col + i, 1, eighths > 0 ? lively : faint,
                  eighths >= 8 ? "█" : parts[eighths > 0 ? eighths : 0]);
}

static void eta_text(double wall_s, double share, char out[32])
{
    double left_s = share > 0 ? wall_s * (1 - share) / share : NAN;
    if (!(left_s < 1e8))
        snprintf(out, 32, "-");
    else if (left_s < 60)
        snprintf(out, 32, "%.0fs", ceil(left_s));
    else if (left_s < 3600)
        snprintf(out, 32, "%.0fm", ceil(left_s / 60));
    else
        duration_text((int64_t)ceil(left_s / 60) * 60000, out);
}

/* At the right edge, as much as there is room for behind column `at`. */
static void put_pace(const struct top *top, struct sheet *sheet, int y, int at, size_t row, double share)
{
    const struct rows *rows = &top->studies;
    const char *reason = cell_text(rows_named(rows, row, "end_reason"));
    double per_s = top_pace_of(top, cell_text(rows_named(rows, row, "study")));
    char eta[32], brief[64], full[128];
    eta_text(cell_num(rows_named(rows, row, "wall_seconds")), share, eta);
    snprintf(brief, sizeof brief, *reason ? "by %s" : "ETA %s", *reason ? reason : eta);
    snprintf(full, sizeof full, per_s < 10 ? "%.1f epochs/s  %s" : "%.0f epochs/s  %s", per_s, brief);
    const char *text = per_s > 0 && !*reason && at + 1 + (int)strlen(full) < sheet->cols ? full : brief;
    if (at + (int)strlen(text) < sheet->cols)
        sheet_put(sheet, y, sheet->cols - 1 - (int)strlen(text), 0, *reason ? faint : plain, text);
}

static void put_study(const struct top *top, struct sheet *sheet, int y, size_t row)
{
    const struct rows *rows = &top->studies;
    const char *study = cell_text(rows_named(rows, row, "study")), *state = study_doing(rows, row);
    bool wide = sheet->cols >= WIDE;
    int width = wide ? BAR : BAR_NARROW, at = wide ? 18 : 14, best_at = at + 22 + width;
    const struct cell *planned = rows_named(rows, row, "planned"),
                      *best = rows_named(rows, row, "best_score");
    double done = done_of(rows, row), of = planned->kind == CELL_NULL ? NAN : cell_num(planned);
    char number[32];
    sheet_put(sheet, y, 2, at - 3, strcmp(study, top->study) == 0 ? bold : plain, study);
    sheet_put(sheet, y, at, 10, status_style(state), state);
    const char *unreadable = cell_text(rows_named(rows, row, "unreadable"));
    if (*unreadable) {
        sheet_put(sheet, y, at + 11, 0, plain, unreadable);
        return;
    }
    if (!isnan(of))
        put_bar(sheet, y, at + 11, width, done / of);
    at = isnan(of) ? sheet_putf(sheet, y, at + 12 + width, plain, "%.0f trials", done)
                   : sheet_putf(sheet, y, at + 12 + width, plain, "%4.0f/%.0f", done, of);
    at = at < best_at ? best_at : at + 1;
    table_number(cell_num(best), number);
    if (best->kind != CELL_NULL)
        at = sheet_putf(sheet, y, at, plain, "%s%s%s (%lld)",
                        wide ? cell_text(rows_named(rows, row, "metric")) : "", wide ? " " : "", number,
                        (long long)cell_int(rows_named(rows, row, "best_trial")));
    put_pace(top, sheet, y, at + 1, row, isnan(of) ? NAN : done / of);
}

/* ---- trials ---- */

static void spark_of(const struct rows *rows, size_t row, struct str *out)
{
    const char *text = cell_text(rows_named(rows, row, "curve"));
    struct json *list = json_parse(text, strlen(text), "curve", NULL);
    size_t count = list ? json_count(list) : 0;
    double *values = xcalloc(count + 1, sizeof *values);
    size_t i = 0;
    for (const struct json *v = list ? json_first(list) : NULL; v; v = json_next(v))
        values[i++] = json_type(v) == JSON_NUM ? json_num(v) : NAN;
    curve_spark(values, count, SPARK, out);
    free(values);
    json_free(list);
}

static void put_trial(const struct top *top, struct sheet *sheet, int y, size_t row)
{
    const struct rows *rows = &top->trials;
    const char *status = cell_text(rows_named(rows, row, "status"));
    bool runs = strcmp(status, "running") == 0;
    char value[32];
    struct str spark = {0};
    int at = 18;
    sheet_putf(sheet, y, 2, plain, "%5lld", (long long)cell_int(rows_named(rows, row, "trial")));
    sheet_put(sheet, y, 8, 9, status_style(status), status);
    if (sheet->cols >= WIDE) {
        sheet_put(sheet, y, at, 10, plain, cell_text(rows_named(rows, row, "worker")));
        at += 11;
    }
    sheet_putf(sheet, y, at, plain, "%4lld/%lld", (long long)cell_int(rows_named(rows, row, "epoch")),
               (long long)cell_int(rows_named(rows, row, "length")));
    table_number(cell_num(rows_named(rows, row, runs ? "value" : "score")), value);
    sheet_put(sheet, y, at + 10, 10, plain, value);
    spark_of(rows, row, &spark);
    if (at + 21 + SPARK <= sheet->cols)
        sheet_put(sheet, y, at + 21, SPARK, runs ? lively : plain, str_text(&spark));
    sheet_put(sheet, y, at + 22 + SPARK, 0, faint, cell_text(rows_named(rows, row, "params")));
    str_fini(&spark);
}

/* ---- workers, events ---- */

static size_t workers_here(const struct rows *rows)
{
    size_t count = 0;
    for (size_t row = 0; row < rows->count; row++)
        count += rows_named(rows, row, "left_ms")->kind == CELL_NULL;
    return count;
}

/* Those that are here come first in the query's answer. */
static void put_worker(const struct top *top, struct sheet *sheet, int y, size_t row)
{
    const struct rows *rows = &top->workers;
    const char *mode = cell_text(rows_named(rows, row, "mode"));
    long long failed = (long long)cell_int(rows_named(rows, row, "failed"));
    sheet_put(sheet, y, 2, 15, plain, cell_text(rows_named(rows, row, "worker")));
    sheet_put(sheet, y, 18, 15, faint, cell_text(rows_named(rows, row, "host")));
    int at = sheet_putf(sheet, y, 34, plain, "%lld of %lld slots, %lld done",
                        (long long)cell_int(rows_named(rows, row, "running")),
                        (long long)cell_int(rows_named(rows, row, "slots")),
                        (long long)cell_int(rows_named(rows, row, "done")));
    if (failed)
        at = sheet_putf(sheet, y, at, (struct style){.hue = HUE_RED}, ", %lld failed", failed);
    if (strcmp(mode, "open") != 0)
        sheet_putf(sheet, y, at, (struct style){.hue = HUE_YELLOW}, ", %s", mode);
}

static void put_event(const struct top *top, struct sheet *sheet, int y, size_t row)
{
    const struct rows *rows = &top->events;
    char clock[16];
    const struct cell *trial = rows_named(rows, row, "trial");
    top_clock(top, cell_int(rows_named(rows, row, "at_ms")), clock);
    int at = sheet_put(sheet, y, 2, 0, faint, clock) + 1;
    at = sheet_put(sheet, y, at, 0, plain, cell_text(rows_named(rows, row, "study")));
    if (trial->kind != CELL_NULL)
        at = sheet_putf(sheet, y, at, plain, "/%lld", (long long)cell_int(trial));
    sheet_put(sheet, y, at + (at > 11), 0, plain, cell_text(rows_named(rows, row, "text")));
}

/* ---- parts ---- */

struct part {
    void (*put)(const struct top *top, struct sheet *sheet, int y, size_t row);
    size_t count;
    int rows;   /* without the title */
    int chosen; /* the row that must be seen; -1: the first */
    bool has_cursor;
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int put_part(const struct top *top, struct sheet *sheet, int y, const struct part *part,
                    const char *title, const char *right)
{
    if (part->rows < 1)
        return y;
    int first = part->chosen < part->rows ? 0 : part->chosen - part->rows + 1;
    int left = (int)part->count - first - part->rows;
    int at = sheet_put(sheet, y, 1, 0, bold, title);
    if (left > 0 || first > 0)
        at = sheet_putf(sheet, y, at + 2, faint, "%d to %d of %zu", first + 1,
                        least(first + part->rows, (int)part->count), part->count);
    int right_at = sheet->cols - 1 - (int)glyph_columns(right);
    if (right_at >= at + 2)
        sheet_put(sheet, y, right_at, 0, faint, right);
    for (int i = 0; i < part->rows && first + i < (int)part->count; i++) {
        part->put(top, sheet, y + 1 + i, (size_t)(first + i));
        if (part->has_cursor && first + i == part->chosen) {
            sheet_put(sheet, y + 1 + i, 0, 1, bold, "▸");
            sheet_face(sheet, y + 1 + i, FACE_REVERSE);
        }
    }
    return y + 1 + part->rows;
}

static void put_header(const struct top *top, struct sheet *sheet)
{
    char clock[16];
    const char *master = top->away[0] ? "away" : top->master_here ? "master here" : "no master runs";
    top_clock(top, top->read_ms, clock);
    int at = sheet_put(sheet, 0, 1, 0, bold, "hone top");
    int width = (int)(strlen(master) + strlen(clock) + 3);
    sheet_put(sheet, 0, at + 2, sheet->cols - at - 3 - width, plain, top->place);
    sheet_putf(sheet, 0, sheet->cols - width,
               top->away[0] || !top->master_here ? status_style("failed") : plain, "%s  %s", master, clock);
}

static const char *keys_of(const struct top *top, int cols)
{
    bool wide = cols >= 72;
    if (!top->may_change)
        return wide ? "j k choose  Enter open  s sort  / filter  q quit"
                    : "j k Enter  s sort  / filter  q quit";
    return wide ? "j k choose  Enter open  s sort  / filter  p pause  c cancel  q quit"
                : "j k Enter  s sort  / filter  p pause  c cancel  q quit";
}

static const char *line_of(const struct top *top)
{
    return top->message[0] ? top->message : top->awaited[0] ? top->awaited : top->away;
}

int top_foot_rows(const struct top *top, int rows)
{
    return *line_of(top) && rows >= LOWEST ? 2 : 1;
}

static void put_whole_row(struct sheet *sheet, int y, struct style style, const char *text)
{
    sheet_putf(sheet, y, 0, plain, "%*s", sheet->cols, "");
    sheet_put(sheet, y, 1, 0, style, text);
}

void top_foot(const struct top *top, struct sheet *sheet, struct style style, const char *keys)
{
    const char *line = line_of(top);
    int rows = top_foot_rows(top, sheet->rows);
    bool is_asked = top->mode == TOP_CONFIRM || top->mode == TOP_FILTER; // which nothing may hide
    put_whole_row(sheet, sheet->rows - 1, style, keys);
    if (*line && (rows > 1 || !is_asked))
        put_whole_row(sheet, sheet->rows - rows, line == top->away ? status_style("failed") : bold, line);
}

static void put_foot(const struct top *top, struct sheet *sheet)
{
    char asked[TOP_NAME + TOP_FILTER_MAX + 64];
    if (top->mode == TOP_CONFIRM)
        snprintf(asked, sizeof asked, "cancel %s/%u? its epochs stay; y or n", top->study, top->trial);
    else if (top->mode == TOP_FILTER)
        snprintf(asked, sizeof asked, "filter: %s_", top->filter);
    else
        return top_foot(top, sheet, faint, keys_of(top, sheet->cols));
    top_foot(top, sheet, bold, asked);
}

static void trials_title(const struct top *top, char *title, size_t room, char *right, size_t right_room)
{
    static const char *const sorts[TOP_SORTS] = {"running first", "best first", "newest first"};
    snprintf(title, room, "TRIALS of %s", top->study);
    snprintf(right, right_room, "%s%s%s", top->filter[0] ? "only " : "", top->filter,
             top->filter[0] ? ", " : "");
    size_t len = strlen(right);
    snprintf(right + len, right_room - len, "%s", sorts[top->sort]);
}

void top_sheet(const struct top *top, struct sheet *sheet)
{
    char title[TOP_NAME + 16], right[TOP_FILTER_MAX + 32];
    int rows = sheet->rows - 2 - top_foot_rows(top, sheet->rows); // header, title of the studies
    bool low = sheet->rows < LOWEST + 4;
    struct part studies = {put_study, top->studies.count, 0, top_study_row(top), !top->trial};
    struct part workers = {put_worker, workers_here(&top->workers), 0, -1, false};
    struct part events = {put_event, top->events.count, 0, -1, false};
    studies.rows = least((int)studies.count, rows / 4 > 1 ? rows / 4 : 1);
    workers.rows = low ? 0 : least((int)workers.count, rows / 6);
    events.rows = low ? 0 : least((int)events.count, rows / 5);
    rows -= studies.rows + workers.rows + (workers.rows > 0) + events.rows + (events.rows > 0);
    struct part trials = {put_trial, top->trials.count, rows - 1, top_trial_row(top), top->trial != 0};
    put_header(top, sheet);
    if (!top->studies.count)
        sheet_put(sheet, 2, 2, 0, plain, top->read_ms ? "no studies yet: hone run STUDY.json makes one" : "");
    int y = put_part(top, sheet, 1, &studies, "STUDIES", "");
    trials_title(top, title, sizeof title, right, sizeof right);
    y = put_part(top, sheet, y, &trials, title, right);
    y = put_part(top, sheet, y, &workers, "WORKERS", "");
    put_part(top, sheet, y, &events, "EVENTS", "");
    put_foot(top, sheet);
}
