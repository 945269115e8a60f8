/* coarse-to-fine as a sampler: spreads the points of the stage its history is in over that stage's box.
 * Ending a stage (stages.h) is the reactor's: it writes the box, and the trials that are carried, as rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/mem.h"
#include "master/search/design.h"
#include "master/search/sampler_row.h"
#include "master/search/stages.h"

static const char *const keys[] = {"stages", "sampler", NULL};
static const char *const designs[] = {"halton", "sobol", "random", NULL};

/* ---- settings ---- */

static int parse_stage(const struct jcur *cur, int before, struct stage *out, struct err *err)
{
    static const char *const known[] = {"trials", "epochs", NULL};
    struct jcur trials_at = jcur_get(cur, "trials"), epochs_at = jcur_get(cur, "epochs");
    int64_t trials, epochs;
    if (jcur_object(cur, 8, err) || jcur_known(cur, known, err) ||
        jcur_int(&trials_at, 1, 1000000, &trials, err) || jcur_int(&epochs_at, 1, 1000000, &epochs, err))
        return ERR_BAD;
    if (epochs < before) {
        jcur_fail(&epochs_at, err, "is less than that of the stage before (%d)", before);
        return err_hint(err, "trials that are carried on resume: epochs may only grow from stage to stage");
    }
    *out = (struct stage){(int)trials, (int)epochs};
    return 0;
}

static int parse_list(const struct jcur *at, struct stages *stages, struct err *err)
{
    if (jcur_array(at, 1, STAGES_MAX, err))
        return err_hint(err,
                        "\"stages\": [{\"trials\": 50, \"epochs\": 1}, {\"trials\": 30, \"epochs\": 5}]");
    for (const struct json *m = json_first(at->node); m; m = json_next(m)) {
        struct jcur item = jcur_item(at, m, stages->count);
        int before = stages->count ? stages->list[stages->count - 1].epochs : 0;
        if (parse_stage(&item, before, &stages->list[stages->count++], err))
            return ERR_BAD;
    }
    return 0;
}

static int parse_stages(const struct jcur *search, const struct search_def *def, struct stages *stages,
                        struct err *err)
{
    struct jcur at = jcur_get(search, "stages");
    bool is_auto =
        !jcur_has(&at) || (json_type(at.node) == JSON_STR && strcmp(json_text(at.node), "auto") == 0);
    if (!is_auto)
        return parse_list(&at, stages, err);
    if (!def->trials || !def->epochs || def->trials > 1000000) {
        jcur_fail(&at, err, "cannot be worked out without \"trials\" and \"epochs\"");
        return err_hint(err, "give both in \"search\", or list the stages");
    }
    stages_auto(def->trials, def->epochs, stages);
    return 0;
}

static int parse(const struct jcur *search, const struct space *space, struct search_def *def,
                 struct err *err)
{
    (void)space;
    struct stages *stages = xcalloc(1, sizeof *stages);
    struct jcur design = jcur_get(search, "sampler");
    def->settings = stages;
    int which = 0;
    if (parse_stages(search, def, stages, err))
        return ERR_BAD;
    if (jcur_has(&design) && jcur_choice(&design, designs, &which, err))
        return ERR_BAD;
    stages->design = which;
    return 0;
}

/* ---- points ---- */

static double random_unit(uint64_t seed, int axis, uint32_t key, uint32_t index)
{
    (void)axis;
    struct rng rng = rng_at(seed, index, key, STREAM_STAGE);
    return rng_unit(&rng);
}

static void make(const struct sampler *s, const struct history *history, uint64_t seed, uint32_t index,
                 struct point *out)
{
    static design_unit *const units[] = {halton_unit, sobol_unit, random_unit};
    const struct stages *stages = s->def->settings;
    design_point(s->space, history, units[stages->design], seed, index, out);
}

static int propose(struct sampler *s, const struct history *history, uint32_t trial, struct point *out,
                   struct proposal *note, struct err *err)
{
    const struct stages *stages = s->def->settings;
    struct stage_state state = stages_state(stages, history);
    if (state.proposed >= state.wanted && state.stage + 1 >= stages->count && state.is_over)
        return err_set(err, ERR_GONE, "the last stage is over");
    if (state.proposed >= state.wanted)
        return err_set(err, ERR_BUSY, "stage %d has all its points; waiting for its end", state.stage + 1);
    snprintf(note->why, sizeof note->why, "stage %d, point %d of %d, %s in its box", state.stage + 1,
             state.proposed + 1, state.wanted, designs[stages->design]);
    /* Not nested: each stage has a scrambling of its own. */
    struct sequence sequence = {make, hash_mix(s->seed, (uint64_t)state.stage), .first = 1};
    return design_propose(s, history, &sequence, trial, out, note, err);
}

const struct stages *stages_of(const struct search_def *def)
{
    return def->row == &sampler_coarse ? def->settings : NULL;
}

const struct sampler_row sampler_coarse = {
    .name = "coarse-to-fine", .version = 1, .keys = keys, .parse = parse, .propose = propose};
