/* A million points from spaces drawn at random: inside their box, finite, of their type, and the same after a
 * way through JSON; and what every method makes of them, with results and a box that has moved. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/pbt.h"

static double between(struct rng *rng, double lo, double hi)
{
    return lo + (hi - lo) * rng_unit(rng);
}

/* A pair low < high of wildly different sizes. */
static void add_range(struct rng *rng, struct str *out, bool is_positive)
{
    double a = pow(10, between(rng, -30, 30)), b = pow(10, between(rng, -30, 30));
    if (!is_positive) {
        a = rng_below(rng, 2) ? -a : a;
        b = rng_below(rng, 3) ? b : 0;
    }
    if (a == b)
        b = a + 1 + fabs(a);
    str_add(out, "[");
    str_add_num(out, fmin(a, b));
    str_add(out, ", ");
    str_add_num(out, fmax(a, b));
    str_add(out, "]");
}

static void add_int_range(struct rng *rng, struct str *out, bool is_log)
{
    int64_t low = (int64_t)pow(10, between(rng, 0, 12)) - (is_log ? 0 : 1000);
    int64_t high = low + 1 + (int64_t)pow(10, between(rng, 0, 12));
    str_addf(out, "{\"int\": [%lld, %lld]%s", (long long)low, (long long)high,
             is_log ? ", \"log\": true" : "");
    if (rng_below(rng, 2))
        str_addf(out, ", \"step\": %lld",
                 (long long)(1 + (int64_t)((double)(high - low) * pow(rng_unit(rng), 4))));
}

static void add_logit(struct rng *rng, struct str *out)
{
    double a = pow(10, between(rng, -9, -0.4)), b = 1 - pow(10, between(rng, -9, -0.4));
    str_add(out, "{\"logit\": [");
    str_add_num(out, a);
    str_add(out, ", ");
    str_add_num(out, b);
    str_add(out, "]");
    if (rng_below(rng, 3) == 0)
        str_addf(out, ", \"step\": %.3g", (b - a) * between(rng, 0.001, 0.9));
}

static void add_axis(struct rng *rng, struct str *out, int i)
{
    str_addf(out, "%s\"p%d\": ", i ? ", " : "", i);
    bool zero = false;
    switch (rng_below(rng, 7)) {
    case 0:
        str_add(out, "{\"uniform\": ");
        add_range(rng, out, false);
        break;
    case 1:
        str_add(out, "{\"log\": ");
        add_range(rng, out, true);
        zero = true;
        break;
    case 2: add_int_range(rng, out, true); break;
    case 3: add_int_range(rng, out, false); break;
    case 4: add_logit(rng, out); break;
    case 5: str_add(out, "{\"choice\": [\"a\", 2, true, \"d\"], \"weights\": [1, 100, 3, 0.01]"); break;
    default: str_add(out, "{\"values\": [-1e9, 3, 1e-9]"); break;
    }
    if (zero && rng_below(rng, 2))
        str_addf(out, ", \"or_zero\": %.2f", between(rng, 0, 0.9));
    if (i && rng_below(rng, 4) == 0)
        str_addf(out, ", \"when\": {\"root\": [%d, %d]}", (int)rng_below(rng, 3), 3 + (int)rng_below(rng, 3));
    str_add(out, "}");
}

static void space_text(struct rng *rng, struct str *out)
{
    int count = 1 + (int)rng_below(rng, 10);
    str_add(out, "{");
    for (int i = 0; i < count; i++)
        add_axis(rng, out, i);
    str_add(out, ", \"root\": {\"int\": [0, 5]}}");
}

static void round_trip(const struct space *space, const struct point *point, struct point *back)
{
    struct err err = ERR_NONE;
    struct str text = {0};
    struct jw w = jw_to(&text);
    point_write(space, point, &w, NULL);
    struct json *root = json_parse(text.text, text.len, "point", &err);
    struct jcur cur = jcur_root(root, "point");
    if (point_read(space, &cur, back, &err))
        fail_msg("%s in %s", err.text, text.text);
    assert_true(point_equal(point, back));
    json_free(root);
    str_fini(&text);
}

static void a_million_points(void **state)
{
    (void)state;
    struct rng rng = rng_at(4, 0, 0, 0);
    enum { SPACES = 1000, POINTS = 1000 };
    for (int k = 0; k < SPACES; k++) {
        struct str text = {0};
        space_text(&rng, &text);
        struct space space = space_of(str_text(&text));
        struct search_def def = search_of("{\"method\": \"random\"}", &space);
        struct err err = ERR_NONE;
        struct sampler *sampler = sampler_new(&def, &space, (uint64_t)k, &err);
        struct history none = {0};
        struct proposal note;
        struct point point, back;
        point_init(&point, &space);
        point_init(&back, &space);
        for (uint32_t trial = 0; trial < POINTS; trial++) {
            assert_int_equal(sampler_propose(sampler, &none, trial, &point, &note, &err), 0);
            if (!space_holds(&space, &point))
                fail_msg("space %d, trial %u: %s", k, trial, str_text(&text));
            if (trial < 10)
                round_trip(&space, &point, &back);
        }
        point_fini(&point);
        point_fini(&back);
        sampler_free(sampler);
        search_fini(&def);
        space_fini(&space);
        str_fini(&text);
    }
}

/* Some results of every kind, and a box that is not the space's own. */
static void add_results(const struct space *space, struct rng *rng, struct history *h)
{
    struct point point;
    struct box box;
    uint64_t seq = 0;
    double *u = xcalloc((size_t)space->count + 1, sizeof *u);
    point_init(&point, space);
    box_init(&box, space);
    for (uint32_t t = 1; t <= 14; t++) {
        for (int i = 0; i < space->count; i++)
            u[i] = rng_unit(rng);
        space_point(space, u, &point);
        history_add(h, t, t, &point, NULL, 0, ++seq);
        if (t % 7 != 6)
            history_update(h, t, t % 5 ? HISTORY_SCORED : HISTORY_BAD, t % 3 == 0, 1, rng_unit(rng), ++seq);
    }
    for (int i = 0; i < space->count; i++) {
        struct span wall = box.walls[i];
        double a = rng_unit(rng), b = rng_unit(rng);
        if (param_is_numeric(&space->params[i]) && !param_is_discrete(&space->params[i]))
            box.walls[i] = (struct span){wall.lo + fmin(a, b) * (wall.hi - wall.lo),
                                         wall.lo + fmax(a, b) * (wall.hi - wall.lo)};
    }
    history_set_box(h, space, &box, 0, 0, ++seq);
    box_fini(&box);
    point_fini(&point);
    free(u);
}

/* By values: near 1 the position on a logit axis has fewer digits than the value. */
static bool is_inside(const struct box *box, const struct space *space, const struct point *point)
{
    for (int i = 0; i < space->count; i++) {
        double z;
        struct span range = box_range(box, space, i);
        if (box_position(box, space, i, point->v[i], &z) && (z < -1e-9 || z > 1 + 1e-9) &&
            (point->v[i].num < range.lo || point->v[i].num > range.hi))
            return false;
    }
    return true;
}

/* What a method proposes after some results. Returns how many points. */
static int64_t propose_with(const struct space *space, const char *search, uint64_t seed, int points,
                            struct rng *rng, const char *text)
{
    struct err err = ERR_NONE;
    struct search_def def;
    struct json *root = json_parse(search, strlen(search), "search", &err);
    struct jcur cur = jcur_root(root, "search");
    struct sampler *sampler = NULL;
    int64_t count = 0;
    if (!search_parse(&cur, space, &def, &err) && (sampler = sampler_new(&def, space, seed, &err))) {
        struct history h = {0};
        struct point point;
        struct proposal note;
        point_init(&point, space);
        add_results(space, rng, &h);
        struct box box;
        history_box_clone(&h, space, &box);
        for (uint32_t trial = 15; trial < 15 + (uint32_t)points; trial++) {
            if (sampler_propose(sampler, &h, trial, &point, &note, &err))
                break; /* a discrete space has no more */
            if (!space_holds(space, &point) ||
                (strcmp(def.method, "grid") != 0 && !is_inside(&box, space, &point)))
                fail_msg("%s: trial %u of %s", search, trial, text);
            history_add(&h, trial, trial, &point, NULL, 0, 100 + trial);
            count++;
        }
        box_fini(&box);
        point_fini(&point);
        history_fini(&h);
    }
    if (sampler)
        sampler_free(sampler);
    if (sampler || !err.code)
        search_fini(&def);
    json_free(root);
    return count;
}

/* Children of a population: perturbed, resampled, and in the box all the same. */
static int64_t explore_some(const struct space *space, uint64_t seed, int points, struct rng *rng,
                            const char *text)
{
    static const char search[] = "{\"method\": \"pbt\", \"epochs\": 9}";
    struct search_def def = search_of(search, space);
    struct history h = {0};
    struct point child;
    struct box box;
    point_init(&child, space);
    add_results(space, rng, &h);
    history_box_clone(&h, space, &box);
    for (uint32_t trial = 15; trial < 15 + (uint32_t)points; trial++) {
        pbt_explore(pbt_of(&def), space, &h, seed, trial, &h.entries[trial % 14].point, &child);
        if (!space_holds(space, &child))
            fail_msg("pbt: trial %u of %s", trial, text);
    }
    box_fini(&box);
    point_fini(&child);
    history_fini(&h);
    search_fini(&def);
    return points;
}

/* Every method, with results and a box of its own ("off": a probe of a wall looks beyond it). HONE_POINTS: so many (default 20,000). */
static void every_method(void **state)
{
    (void)state;
    static const char *const searches[] = {
        "{\"boundary\": \"off\", \"method\": \"auto\"}",
        "{\"boundary\": \"off\", \"method\": \"halton\"}",
        "{\"boundary\": \"off\", \"method\": \"latin\", \"trials\": 60}",
        "{\"boundary\": \"off\", \"method\": \"sobol\"}",
        "{\"boundary\": \"off\", \"method\": \"tpe\"}",
        "{\"boundary\": \"off\", \"method\": \"gp\"}",
        "{\"boundary\": \"off\", \"method\": \"cma-es\"}",
        "{\"boundary\": \"off\", \"method\": \"random\"}",
        "{\"boundary\": \"off\", \"method\": \"coarse-to-fine\", \"trials\": 99, \"epochs\": 9}",
    };
    const char *setting = getenv("HONE_POINTS");
    int64_t wanted = setting ? strtoll(setting, NULL, 10) : 20000, count = 0;
    struct rng rng = rng_at(5, 0, 0, 0);
    for (uint64_t k = 0; count < wanted; k++) {
        struct str text = {0};
        space_text(&rng, &text);
        struct space space = space_of(str_text(&text));
        for (size_t m = 0; m < sizeof searches / sizeof searches[0]; m++)
            count += propose_with(&space, searches[m], k,
                                  strstr(searches[m], "gp") || strstr(searches[m], "auto") ? 5 : 25, &rng,
                                  str_text(&text));
        count += explore_some(&space, k, 50, &rng, str_text(&text));
        space_fini(&space);
        str_fini(&text);
    }
    print_message("# %lld points\n", (long long)count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_million_points), cmocka_unit_test(every_method)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
