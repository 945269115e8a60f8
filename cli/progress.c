#include "cli/progress.h"

#include <stdarg.h>
#include <string.h>

#include "cli/table.h"
#include "cli/terminal.h"
#include "common/check.h"
#include "common/log.h"
#include "common/units.h"

enum { LIVE_MS = 100, PLAIN_MS = 5000 };

/* ---- the line ---- */

static int64_t done_of(const struct server_snapshot *s)
{
    int64_t done = 0;
    for (int i = 0; i < TRIAL_STATUS_COUNT; i++)
        if (trial_status_is_final((enum trial_status)i))
            done += s->counts[i];
    return done;
}

static void add_counts(const struct server_snapshot *s, bool brief, struct str *out)
{
    static const enum trial_status named[] = {TRIAL_paused, TRIAL_pruned, TRIAL_failed, TRIAL_cancelled};
    str_addf(out, "%s: %lld", s->study, (long long)done_of(s));
    if (s->planned >= 0)
        str_addf(out, "/%lld", (long long)s->planned);
    str_addf(out, brief ? " done, %lld run" : " done, %lld running", (long long)s->counts[TRIAL_running]);
    // trials not sampled yet wait, too, as far as people are concerned
    int64_t waiting = s->counts[TRIAL_waiting];
    if (s->planned >= 0)
        waiting = s->planned - done_of(s) - s->counts[TRIAL_running] - s->counts[TRIAL_paused];
    str_addf(out, brief ? ", %lld wait" : ", %lld waiting", (long long)(waiting > 0 ? waiting : 0));
    for (size_t i = 0; i < COUNT_OF(named); i++)
        if (s->counts[named[i]])
            str_addf(out, ", %lld %s", (long long)s->counts[named[i]], trial_status_name(named[i]));
}

static void add_state(const struct server_snapshot *s, struct str *out)
{
    char text[32];
    if (s->extra_open)
        str_addf(out, "; %lld more seed%s to train", (long long)s->extra_open, s->extra_open == 1 ? "" : "s");
    if (s->state && strcmp(s->state, "running") != 0) {
        str_addf(out, "; %s", s->state);
    } else if (!s->workers) {
        str_add(out, "; no workers yet");
    } else if (s->eta_ms >= 0) {
        long long seconds = (s->eta_ms + 999) / 1000, minutes = (seconds + 59) / 60;
        if (seconds < 60)
            snprintf(text, sizeof text, "%llds", seconds);
        else if (minutes < 60)
            snprintf(text, sizeof text, "%lldm", minutes);
        else
            duration_text(minutes * 60000, text);
        str_addf(out, "; ETA %s", text);
    }
}

void progress_line(const struct server_snapshot *s, bool brief, struct str *out)
{
    char text[32];
    add_counts(s, brief, out);
    if (s->has_best) {
        table_number(s->best, text);
        str_addf(out, brief ? "; %s %s (%u)" : "; best %s %s (trial %u)", s->metric, text, s->best_trial);
    }
    if (s->epochs_per_s > 0) {
        snprintf(text, sizeof text, s->epochs_per_s < 100 ? "%.1f" : "%.0f", s->epochs_per_s);
        str_addf(out, brief ? "; %s ep/s" : "; %s epochs/s", text);
    }
    add_state(s, out);
}

/* ---- where it goes ---- */

static void erase(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", progress->file);
    progress->drawn = false;
}

static void draw(struct progress *progress)
{
    int width = terminal_width(progress->file);
    struct str cut = {0};
    table_clean(&cut, str_text(&progress->line), (size_t)(width > 1 ? width - 1 : 1));
    fprintf(progress->file, "\r%s\033[K", str_text(&cut));
    fflush(progress->file);
    progress->drawn = true;
    str_fini(&cut);
}

static void on_log(const char *line, void *arg)
{
    struct progress *progress = arg;
    bool drawn = progress->drawn;
    erase(progress);
    fflush(progress->file);
    fprintf(stderr, "%s\n", line);
    if (drawn)
        draw(progress);
}

void progress_init(struct progress *progress, FILE *file, bool quiet)
{
    *progress = (struct progress){.file = file, .quiet = quiet, .tenth = -1};
    progress->live = !quiet && terminal_width(file) > 0;
    if (progress->live)
        log_divert(on_log, progress);
}

static void show_live(struct progress *progress, int64_t mono_ms)
{
    if (progress->shown_ms && mono_ms - progress->shown_ms < LIVE_MS)
        return;
    progress->shown_ms = mono_ms;
    draw(progress);
}

static void show_plain(struct progress *progress, const struct server_snapshot *s, int64_t mono_ms)
{
    int64_t tenth = s->planned > 0 ? done_of(s) * 10 / s->planned : 0;
    bool due = !progress->shown_ms || mono_ms - progress->shown_ms >= PLAIN_MS || tenth > progress->tenth;
    if (!due || (progress->shown_ms && !s->workers && mono_ms - progress->shown_ms < PLAIN_MS))
        return;
    progress->shown_ms = mono_ms;
    progress->tenth = tenth;
    fprintf(progress->file, "%s\n", str_text(&progress->line));
    fflush(progress->file);
}

void progress_show(struct progress *progress, const struct server_snapshot *snapshot, int64_t mono_ms)
{
    if (progress->quiet)
        return;
    str_clear(&progress->line);
    progress_line(snapshot, false, &progress->line);
    if (progress->live && progress->line.len >= (size_t)terminal_width(progress->file)) {
        str_clear(&progress->line);
        progress_line(snapshot, true, &progress->line);
    }
    if (progress->live)
        show_live(progress, mono_ms);
    else
        show_plain(progress, snapshot, mono_ms);
}

void progress_say(struct progress *progress, const char *fmt, ...)
{
    if (progress->quiet)
        return;
    va_list args;
    va_start(args, fmt);
    erase(progress);
    vfprintf(progress->file, fmt, args);
    fputc('\n', progress->file);
    fflush(progress->file);
    va_end(args);
}

void progress_fini(struct progress *progress)
{
    if (progress->live) {
        if (progress->line.len) {
            draw(progress);
            fputc('\n', progress->file);
        }
        log_divert(NULL, NULL);
    }
    str_fini(&progress->line);
}
