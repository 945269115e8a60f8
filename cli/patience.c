#include "cli/patience.h"

#include "cli/table.h"
#include "cli/terminal.h"
#include "common/clock.h"
#include "common/str.h"

enum { FIRST_MS = 1000, AGAIN_MS = 100 };

static void tell(void *arg, int64_t done, int64_t of)
{
    patience_tell(arg, done, of, clock_mono_ms());
}

void patience_init(struct patience *p, FILE *file, const char *command, const char *what)
{
    *p = (struct patience){.file = file,
                           .command = command,
                           .what = what,
                           .from_ms = clock_mono_ms(),
                           .width = terminal_width(file),
                           .watcher = {tell, p}};
}

static void draw(struct patience *p, int64_t done, int64_t of)
{
    struct str line = {0}, cut = {0};
    str_addf(&line, "%s: %lld ", p->command, (long long)done);
    if (of)
        str_addf(&line, "of %lld ", (long long)of);
    str_add(&line, p->what);
    table_clean(&cut, str_text(&line), (size_t)(p->width > 1 ? p->width - 1 : 1));
    fprintf(p->file, "\r%s\033[K", str_text(&cut));
    fflush(p->file);
    str_fini(&line);
    str_fini(&cut);
}

void patience_tell(struct patience *p, int64_t done, int64_t of, int64_t mono_ms)
{
    if (!p->width || mono_ms - p->from_ms < FIRST_MS || mono_ms - p->shown_ms < AGAIN_MS)
        return;
    draw(p, done, of);
    p->is_drawn = true;
    p->shown_ms = mono_ms;
}

void patience_hide(struct patience *p)
{
    if (!p->is_drawn)
        return;
    fputs("\r\033[K", p->file);
    fflush(p->file);
    p->is_drawn = false;
}
