/* CMA-ES: its constants, that rotating a problem changes nothing, how fast a sphere is found, and the
 * sampler. */
#include "tests/unit/race.h"

#include "common/rng.h"
#include "master/search/chol.h"
#include "master/search/cma.h"

static void constants(void **state)
{
    (void)state;
    struct cma cma;
    double mean[10] = {0}, sum = 0;
    cma_init(&cma, 10, cma_lambda(10), mean, 1);
    assert_true(cma.lambda == 10 && cma.mu == 5 && fabs(cma.mu_eff - 3.167) < 5e-4);
    for (int i = 0; i < 5; i++)
        sum += cma.weights[i];
    assert_true(fabs(sum - 1) < 1e-14 && cma.weights[4] > 0 && cma.weights[5] < 0);
    cma_fini(&cma);
}

static void eigenvalues(void **state)
{
    (void)state;
    enum { D = 12 };
    double a[D * D], keep[D * D], values[D], v[D * D];
    struct rng rng = rng_at(3, 0, 0, 0);
    for (int i = 0; i < D; i++)
        for (int j = 0; j <= i; j++)
            a[i * D + j] = a[j * D + i] = rng_normal(&rng);
    memcpy(keep, a, sizeof a);
    eigen_symmetric(a, D, values, v);
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            double sum = 0, unit = 0;
            for (int k = 0; k < D; k++) {
                sum += v[i * D + k] * values[k] * v[j * D + k];
                unit += v[i * D + k] * v[j * D + k];
            }
            assert_true(fabs(sum - keep[i * D + j]) < 1e-12 && fabs(unit - (i == j)) < 1e-13);
        }
}

struct ranked {
    double f;
    int at;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *p = a, *q = b;
    return p->f != q->f ? (p->f > q->f) - (p->f < q->f) : p->at - q->at;
}

/* One generation of any function of R'x; the noise is R z. Returns the best value. */
static double evolve(struct cma *cma, const double *rotation, struct rng *rng,
                     double (*f)(const double *, int))
{
    int d = cma->d, lambda = cma->lambda;
    double *x = xcalloc(2 * (size_t)(lambda * d), sizeof *x), *sorted = x + lambda * d, z[50], turned[50],
           back[50];
    struct ranked *order = xcalloc((size_t)lambda, sizeof *order);
    for (int k = 0; k < lambda; k++) {
        for (int i = 0; i < d; i++)
            z[i] = rng_normal(rng);
        for (int i = 0; i < d; i++)
            turned[i] = rotation ? dot(rotation + i * d, z, d) : z[i];
        cma_point(cma, turned, x + k * d);
        for (int i = 0; i < d; i++) {
            back[i] = rotation ? 0 : x[k * d + i];
            for (int j = 0; rotation && j < d; j++)
                back[i] += rotation[j * d + i] * x[k * d + j];
        }
        order[k] = (struct ranked){f(back, d), k};
    }
    qsort(order, (size_t)lambda, sizeof *order, compare_ranked);
    for (int k = 0; k < lambda; k++)
        memcpy(sorted + k * d, x + order[k].at * d, (size_t)d * sizeof *x);
    double best = order[0].f;
    cma_update(cma, sorted);
    free(x);
    free(order);
    return best;
}

static double sphere(const double *x, int d)
{
    return dot(x, x, d);
}

static double ellipsoid(const double *x, int d)
{
    double sum = 0;
    for (int i = 0; i < d; i++)
        sum += pow(1e3, (double)i / (d - 1)) * x[i] * x[i];
    return sum;
}

static void finds_a_sphere(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        double mean[10];
        struct cma cma;
        struct rng rng = rng_at(seed, 0, 0, 0);
        for (int i = 0; i < 10; i++)
            mean[i] = 1;
        cma_init(&cma, 10, 10, mean, 0.5);
        int evaluations = 0;
        while (evolve(&cma, NULL, &rng, sphere) > 1e-9 && evaluations < 5000)
            evaluations += 10;
        assert_true(evaluations < 2500);
        cma_fini(&cma);
    }
}

/* A random rotation by Gram and Schmidt. */
static void make_rotation(struct rng *rng, double *r, int d)
{
    for (int i = 0; i < d; i++) {
        for (int j = 0; j < d; j++)
            r[i * d + j] = rng_normal(rng);
        for (int pass = 0; pass < 2; pass++)
            for (int k = 0; k < i; k++) {
                double along = dot(r + i * d, r + k * d, d);
                for (int j = 0; j < d; j++)
                    r[i * d + j] -= along * r[k * d + j];
            }
        double length = sqrt(dot(r + i * d, r + i * d, d));
        for (int j = 0; j < d; j++)
            r[i * d + j] /= length;
    }
}

static void rotation_is_nothing(void **state)
{
    (void)state;
    enum { D = 6 };
    double rotation[D * D], mean[D], turned[D];
    struct cma plain, rotated;
    struct rng a = rng_at(4, 0, 0, 0), b = a, r = rng_at(5, 0, 0, 0);
    make_rotation(&r, rotation, D);
    for (int i = 0; i < D; i++)
        mean[i] = 1 + i;
    for (int i = 0; i < D; i++)
        turned[i] = dot(rotation + i * D, mean, D);
    cma_init(&plain, D, cma_lambda(D), mean, 1);
    cma_init(&rotated, D, cma_lambda(D), turned, 1);
    for (int g = 0; g < 50; g++) {
        double f = evolve(&plain, NULL, &a, ellipsoid), h = evolve(&rotated, rotation, &b, ellipsoid);
        assert_true(fabs(f / h - 1) < 1e-8);
    }
    cma_fini(&plain);
    cma_fini(&rotated);
}

static void hartmann6_in_800(void **state)
{
    (void)state;
    int found = 0;
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct race race;
        race_init(&race, hartmann6_space, "{\"method\": \"cma-es\"}", seed);
        found += race_run(&race, hartmann6, 800) < -3.15; /* either of the two best valleys */
        race_fini(&race);
    }
    assert_int_equal(found, 6);
}

static double stepped(const struct space *space, const struct point *point)
{
    (void)space;
    const struct value *v = point->v;
    return fabs(v[0].num - 37) + pow(log(v[1].num / 64), 2) + v[2].choice + fabs(v[3].num - 0.3) +
           pow(log10(v[4].num) + 3, 2);
}

static const char steps[] =
    "{\"n\": {\"int\": [1, 60]}, \"m\": {\"int\": [1, 512], \"log\": true}, \"o\": {\"choice\": [1, 2, 3, "
    "4], \"ordered\": true}, \"q\": {\"uniform\": [0, 1], \"step\": 0.1}, \"lr\": {\"log\": [1e-6, 1]}}";

/* Ints, steps and an order: none of them freezes on a wrong value. */
static void stepped_axes(void **state)
{
    (void)state;
    double worst = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct race race;
        race_init(&race, steps, "{\"method\": \"cma-es\"}", seed);
        worst = fmax(worst, race_run(&race, stepped, 600));
        race_fini(&race);
    }
    assert_true(worst < 0.02);
}

/* Asynchronous, with failures; the same bits without the cache. */
static void the_same_bits_again(void **state)
{
    (void)state;
    struct race race;
    struct err err = ERR_NONE;
    struct point back;
    race_init(&race, steps, "{\"method\": \"cma-es\"}", 8);
    point_init(&back, &race.space);
    for (uint32_t t = 1; t <= 120; t++) {
        race_ask(&race, t);
        if (t > 6)
            race_tell(&race, t - 6,
                      t % 9 ? stepped(&race.space, &race.history.entries[t - 7].point) : INFINITY);
    }
    for (uint32_t t = 120; t > 10; t -= 7) {
        struct history then;
        struct proposal note;
        history_as_of(&race.history, history_find(&race.history, t)->added - 1, &then);
        if (t % 2)
            sampler_forget(race.sampler);
        assert_int_equal(sampler_propose(race.sampler, &then, t, &back, &note, &err), 0);
        assert_true(point_equal(&back, &history_find(&race.history, t)->point));
        history_fini(&then);
    }
    point_fini(&back);
    race_fini(&race);
}

static double flat(const struct space *space, const struct point *point)
{
    (void)space;
    return point->v[0].num > 0.5;
}

/* Nothing to gain: it starts again, larger. */
static void restarts(void **state)
{
    (void)state;
    struct race race;
    race_init(&race, branin_space, "{\"method\": \"cma-es\"}", 2);
    race_run(&race, flat, 600);
    assert_null(strstr(race.note.why, "restart 0"));
    assert_null(strstr(race.note.why, " of 6,"));
    race_fini(&race);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"c\": {\"choice\": [1, 2]}}", "has choices without an order"},
        {"{\"l\": {\"log\": [1, 2], \"or_zero\": 0.1}}", "has \"or_zero\""},
        {"{\"n\": {\"int\": [1, 2]}, \"x\": {\"log\": [1, 2], \"when\": {\"n\": [1]}}}", "has conditions"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct space space = space_of(bad[i][0]);
        struct err err = ERR_NONE;
        struct search_def def;
        static const char text[] = "{\"method\": \"cma-es\"}";
        struct json *root = json_parse(text, sizeof text - 1, "study.json", &err);
        struct jcur file = jcur_root(NULL, "study.json"),
                    cur = {.node = root, .up = &file, .key = "search", .file = "study.json"};
        expect_complaint(&err, search_parse(&cur, &space, &def, &err), bad[i][1], "auto");
        json_free(root);
        space_fini(&space);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants),
        cmocka_unit_test(eigenvalues),
        cmocka_unit_test(finds_a_sphere),
        cmocka_unit_test(rotation_is_nothing),
        cmocka_unit_test(hartmann6_in_800),
        cmocka_unit_test(stepped_axes),
        cmocka_unit_test(the_same_bits_again),
        cmocka_unit_test(restarts),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
