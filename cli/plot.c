/* hone plot: which chart, and where it goes. */
#include "cli/plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/draw/svg.h"
#include "cli/select.h"
#include "cli/terminal.h"
#include "common/check.h"
#include "common/file.h"

enum { WIDE_MOST = 110, WIDE_DEFAULT = 80, ROWS_ALONE = 20, ROWS_OF_MANY = 14 };

static const struct kind {
    const char *name;
    plot_kind *draw;
} kinds[] = {
    {"history", plot_history}, {"curve", plot_curve}, {"params", plot_params},
    {"walls", plot_walls},     {"front", plot_front},
};

static const struct kind *kind_named(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

/* [STUDY] [KIND]: one word alone is a kind if there is one of that name; a study that is called so needs --study. */
static int read_words(const struct opt_plot *opt, const char **study, const struct kind **kind,
                      struct err *err)
{
    const char *first = opt->args.count ? opt->args.items[0] : NULL;
    const char *word = opt->args.count > 1 ? opt->args.items[1] : "history";
    if (opt->args.count == 1 && kind_named(first)) {
        word = first;
        first = NULL;
    }
    *kind = kind_named(word);
    if (!*kind) {
        const char *names[] = {"history", "curve", "params", "walls", "front", NULL};
        const char *near = nearest_name(word, names);
        err_set(err, ERR_BAD, "there is no chart \"%.40s\"", word);
        return err_hint(err, near ? "did you mean %s?" : "history, curve, params, walls or front", near);
    }
    return select_study(first, opt->study, study, err);
}

/* ---- where it goes ---- */

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), tail = strlen(end);
    return len > tail && strcmp(text + len - tail, end) == 0;
}

static int write_file(const struct plot *plot, const char *kind, const char *path, struct err *err)
{
    struct str out = {0}, title = {0};
    bool is_page = ends_in(path, ".html") || ends_in(path, ".htm");
    if (!is_page && !ends_in(path, ".svg")) {
        err_set(err, ERR_BAD, "%s: what kind of file is this to be?", path);
        return err_hint(err, "FILE.svg is a picture, FILE.html a page with it");
    }
    str_addf(&title, "%s: %s", plot->study, kind);
    (is_page ? svg_page : svg_print)(plot->charts, plot->count, str_text(&title), &out);
    int rc = file_write_whole(path, str_text(&out), out.len, err);
    if (!rc)
        printf("%s\n", path);
    str_fini(&out);
    str_fini(&title);
    return rc;
}

static void print_json(const struct plot *plot, const char *kind)
{
    struct str out = {0};
    struct jw w = jw_to(&out);
    jw_object(&w, NULL);
    jw_text(&w, "study", plot->study);
    jw_text(&w, "kind", kind);
    jw_array(&w, "charts");
    for (size_t i = 0; i < plot->count; i++)
        chart_json(&plot->charts[i], &w);
    jw_close_array(&w);
    jw_close_object(&w);
    printf("%s\n", str_text(&out));
    str_fini(&out);
}

static int print_text(const struct plot *plot, struct err *err)
{
    const char *columns = getenv("COLUMNS"); // of whoever reads the pipe
    int wanted = columns ? atoi(columns) : 0, width = terminal_width(stdout),
        rows = plot->count > 1 ? ROWS_OF_MANY : ROWS_ALONE;
    width = width ? width : wanted > 0 ? wanted : WIDE_DEFAULT;
    width = width > WIDE_MOST ? WIDE_MOST : width;
    if (width < CHART_COLS_LEAST) {
        err_set(err, ERR_NO, "%d columns are too few for a chart; %d are enough", width, CHART_COLS_LEAST);
        return err_hint(err, "-o FILE.svg draws it into a file");
    }
    for (size_t i = 0; i < plot->count; i++) {
        struct sheet sheet;
        struct str out = {0};
        sheet_init(&sheet, rows, width, !terminal_utf8());
        chart_onto(&plot->charts[i], &sheet, 0, 0, rows, width);
        sheet_text(&sheet, terminal_colour(stdout), &out);
        printf("%s%s", i ? "\n" : "", str_text(&out));
        str_fini(&out);
        sheet_fini(&sheet);
    }
    return 0;
}

static int show(struct source *source, const char *study, const struct kind *kind, const struct opt_plot *opt,
                struct err *err)
{
    struct plot plot;
    int rc = plot_load(source, study, &plot, err);
    if (rc)
        return rc;
    plot.most = opt->count > 0 ? opt->count : 1;
    plot.only = &opt->param;
    rc = kind->draw(&plot, err);
    if (!rc && opt->json)
        print_json(&plot, kind->name);
    else if (!rc && opt->out)
        rc = write_file(&plot, kind->name, opt->out, err);
    else if (!rc)
        rc = print_text(&plot, err);
    plot_fini(&plot);
    return rc;
}

int cmd_plot(const struct opt_plot *opt)
{
    struct err err = ERR_NONE;
    struct source *source = NULL;
    const struct kind *kind;
    const char *study;
    int rc = read_words(opt, &study, &kind, &err);
    if (!rc)
        rc = source_open(opt->db, opt->master, &source, &err);
    if (!rc)
        rc = show(source, study, kind, opt, &err);
    source_free(source);
    return rc ? command_fail("plot", &err) : 0;
}
