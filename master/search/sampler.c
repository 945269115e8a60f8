#include "master/search/sampler.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/str.h"
#include "master/search/pbt.h"
#include "master/search/probe.h"
#include "master/search/sampler_row.h"
#include "master/search/stages.h"

/* THE registry: one line per method; the names are those of the study file, the first is the default. */
#define SAMPLERS(ROW)             \
    ROW(auto, "auto")             \
    ROW(random, "random")         \
    ROW(grid, "grid")             \
    ROW(latin, "latin")           \
    ROW(halton, "halton")         \
    ROW(sobol, "sobol")           \
    ROW(coarse, "coarse-to-fine") \
    ROW(tpe, "tpe")               \
    ROW(gp, "gp")                 \
    ROW(cma, "cma-es")            \
    ROW(pbt, "pbt")               \
    ROW(nsga, "nsga-ii")

#define ROW_POINTER(id, name) &sampler_##id,
static const struct sampler_row *const rows[] = {SAMPLERS(ROW_POINTER)};

#define ROW_NAME(id, name) name,
static const char *const names[] = {SAMPLERS(ROW_NAME) NULL};

static const char *const common_keys[] = {"method", "trials", "epochs", "parallel", "seed", "boundary"};

const char *const *sampler_names(void)
{
    return names;
}

/* ---- "search": {...} ---- */

static int parse_method(const struct jcur *cur, struct search_def *def, struct err *err)
{
    struct jcur at = jcur_get(cur, "method");
    int which = 0;
    while (!jcur_has(&at) && rows[which] != &sampler_auto)
        which++;
    if (jcur_has(&at) && jcur_choice(&at, names, &which, err))
        return ERR_BAD;
    def->row = rows[which];
    def->method = names[which];
    return 0;
}

static int check_keys(const struct jcur *cur, const struct sampler_row *row, struct err *err)
{
    const char *known[64] = {0};
    size_t count = 0;
    for (; count < COUNT_OF(common_keys); count++)
        known[count] = common_keys[count];
    for (const char *const *key = row->keys; key && *key; key++) {
        PRE(count + 1 < COUNT_OF(known));
        known[count++] = *key;
    }
    return jcur_known(cur, known, err);
}

static int parse_count(const struct jcur *cur, const char *key, int64_t max, int64_t *out, struct err *err)
{
    struct jcur at = jcur_get(cur, key);
    *out = 0;
    return jcur_has(&at) ? jcur_int(&at, 1, max, out, err) : 0;
}

static int parse_seed(const struct jcur *cur, struct search_def *def, struct err *err)
{
    struct jcur at = jcur_get(cur, "seed");
    int64_t seed = 0;
    def->has_seed = jcur_has(&at);
    if (def->has_seed && jcur_int(&at, 0, (1LL << 53) - 1, &seed, err))
        return ERR_BAD;
    def->seed = (uint64_t)seed;
    return 0;
}

static int parse_boundary(const struct jcur *cur, struct search_def *def, struct err *err)
{
    static const char *const policies[] = {"expand", "ask", "warn", "off", NULL};
    struct jcur at = jcur_get(cur, "boundary");
    int which;
    if (!jcur_has(&at))
        return 0;
    if (jcur_choice(&at, policies, &which, err))
        return ERR_BAD;
    def->boundary = (enum boundary)(BOUNDARY_EXPAND + which);
    return 0;
}

static int parse_common(const struct jcur *cur, struct search_def *def, struct err *err)
{
    int64_t epochs, parallel;
    if (parse_count(cur, "trials", 1000000000, &def->trials, err) ||
        parse_count(cur, "epochs", 1000000, &epochs, err) ||
        parse_count(cur, "parallel", 100000, &parallel, err))
        return ERR_BAD;
    def->epochs = (int)epochs;
    def->parallel = (int)parallel;
    return parse_seed(cur, def, err) ? ERR_BAD : parse_boundary(cur, def, err);
}

int search_parse(const struct jcur *cur, const struct space *space, struct search_def *out, struct err *err)
{
    *out = (struct search_def){0};
    if (jcur_object(cur, 64, err))
        return err_hint(err, "for example {\"method\": \"random\", \"trials\": 60, \"epochs\": 10}");
    int rc = parse_method(cur, out, err);
    if (!rc)
        rc = check_keys(cur, out->row, err);
    if (!rc)
        rc = parse_common(cur, out, err);
    if (!rc && out->row->parse)
        rc = out->row->parse(cur, space, out, err);
    if (rc)
        search_fini(out);
    return rc;
}

/* ---- samplers ---- */

struct sampler *sampler_new(const struct search_def *def, const struct space *space, uint64_t seed,
                            struct err *err)
{
    struct sampler *s = xcalloc(1, sizeof *s);
    *s = (struct sampler){.row = def->row, .def = def, .space = space, .seed = seed};
    if (s->row->open && s->row->open(s, err)) {
        sampler_free(s);
        return NULL;
    }
    return s;
}

void sampler_free(struct sampler *s)
{
    if (s && s->row->close)
        s->row->close(s);
    if (s)
        atlas_free(s->atlas);
    free(s);
}

void sampler_forget(struct sampler *s)
{
    s->place = (struct design_place){0};
    atlas_free(s->atlas);
    s->atlas = NULL;
    if (s->row->forget)
        s->row->forget(s);
}

bool sampler_is_slow(const struct sampler *s)
{
    return s->row->slow;
}

int64_t sampler_size(const struct sampler *s)
{
    return s->row->size ? s->row->size(s) : -1;
}

int sampler_propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                    struct proposal *note, struct err *err)
{
    *note = (struct proposal){.version = s->row->version, .seq_cut = history->seq};
    str_copy(note->sampler, sizeof note->sampler, s->row->name);
    bool is_model =
        !s->row->by_number && !stages_of(s->def) && !pbt_of(s->def) && search_metrics(s->def) == 1;
    if (is_model && probe_point(sampler_atlas(s, history), search_boundary(s->def), history, out, note))
        return 0;
    return s->row->propose(s, history, trial, out, note, err);
}
