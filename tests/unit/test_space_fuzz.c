/* A million points from spaces drawn at random: inside their box, finite, of their type, and the same after a
 * way through JSON. */
#include "tests/unit/search.h"

#include "common/rng.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_million_points)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
