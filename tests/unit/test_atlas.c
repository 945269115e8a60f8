/* An atlas that has followed a history says what looking at every point says, to the bit: places, order, densities, and who
 * lies beyond the walls; also after trials were deleted, and where one history follows another. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/beyond.h"
#include "master/search/parzen.h"

static const char every_kind[] =
    "{\"lr\": {\"log\": [1e-6, 1]}, \"l2\": {\"log\": [1e-6, 1], \"or_zero\": 0.3}, \"n\": {\"int\": [1, 9]},"
    " \"w\": {\"int\": [8, 512], \"log\": true}, \"q\": {\"uniform\": [0, 1], \"step\": 0.1},"
    " \"kind\": {\"choice\": [\"a\", \"b\", \"c\"]},"
    " \"size\": {\"choice\": [\"s\", \"m\", \"l\"], \"ordered\": true}, \"batch\": {\"values\": [16, 32, "
    "100]},"
    " \"m\": {\"logit\": [0.5, 0.999], \"when\": {\"kind\": [\"b\"]}}}";

struct world {
    struct space space;
    struct history history;
    struct point point;
    struct rng rng;
    uint64_t seq;
    uint32_t next;
};

static void world_init(struct world *w, uint64_t seed)
{
    *w = (struct world){.space = space_of(every_kind), .rng = rng_at(seed, 0, 0, 0)};
    point_init(&w->point, &w->space);
}

static void world_fini(struct world *w)
{
    point_fini(&w->point);
    history_fini(&w->history);
    space_fini(&w->space);
}

/* A random point; some repeat an earlier one, some are pending, bad or cancelled. */
static void add(struct world *w)
{
    double u[16];
    uint32_t trial = ++w->next, group = trial;
    for (int i = 0; i < w->space.count; i++)
        u[i] = rng_unit(&w->rng);
    space_point(&w->space, u, &w->point);
    if (trial > 5 && rng_below(&w->rng, 8) == 0 && history_find(&w->history, trial - 3)) {
        point_copy(&w->point, &history_find(&w->history, trial - 3)->point);
        group = history_find(&w->history, trial - 3)->group;
    }
    history_add(&w->history, trial, group, &w->point, NULL, 0, ++w->seq);
    uint32_t end = rng_below(&w->rng, 10);
    if (end > 0)
        history_update(&w->history, trial,
                       end == 1   ? HISTORY_BAD
                       : end == 2 ? HISTORY_GONE
                                  : HISTORY_SCORED,
                       false, 1, rng_unit(&w->rng), ++w->seq);
}

/* Walls inside the space's, so that some points lie beyond. */
static void narrow(struct world *w, struct box *box)
{
    box_init(box, &w->space);
    for (int i = 0; i < w->space.count; i++) {
        struct span wall = box->walls[i];
        double width = wall.hi - wall.lo;
        if (param_is_numeric(&w->space.params[i]) && w->space.params[i].dist != DIST_VALUES)
            box->walls[i] =
                wall_snapped(&w->space.params[i], (struct span){wall.lo + 0.2 * rng_unit(&w->rng) * width,
                                                                wall.hi - 0.2 * rng_unit(&w->rng) * width});
    }
}

static int same_outsiders(const struct world *w, const struct atlas *atlas, const struct evidence *ev,
                          const struct box *box)
{
    struct outside slow, fast;
    outside_init(&slow, &w->space, ev, box, NULL);
    outside_init(&fast, &w->space, ev, box, atlas);
    int count = outside_count(&slow);
    assert_int_equal(outside_count(&fast), count);
    assert_true(fast.best == slow.best);
    assert_memory_equal(fast.is_in, slow.is_in, (size_t)ev->count * sizeof *fast.is_in);
    for (int wall = 0; wall < 2 * w->space.count; wall++) {
        const struct outsiders *p = slow.walls[wall], *q = fast.walls[wall];
        assert_true(!p == !q);
        assert_true(!p || (p->count == q->count && p->all == q->all));
        for (int i = 0; p && i < p->count; i++)
            assert_ptr_equal(p->who[i], q->who[i]);
    }
    outside_fini(&slow);
    outside_fini(&fast);
    return count;
}

static void same_densities(struct world *w, struct atlas *atlas, const struct evidence *ev,
                           const struct box *box)
{
    enum { ASKED = 12 };
    const struct point **points = xcalloc((size_t)ev->count + 1, sizeof *points);
    int *entries = xcalloc((size_t)ev->count + 1, sizeof *entries), m = 0, dims = 0, params[16];
    int lone = space_find(&w->space, "m");
    for (int i = 0; i < w->space.count; i++)
        if (i != lone)
            params[dims++] = i;
    for (int i = 0; i < ev->count; i++)
        if (rng_below(&w->rng, 5)) {
            points[m] = ev->list[i].point;
            entries[m++] = ev->list[i].entry;
        }
    struct parzen slow, fast;
    parzen_init(&slow, &w->space, box, params, dims, points, m);
    parzen_read(&fast, atlas, box, params, dims, points, entries, m);
    assert_memory_equal(fast.base, slow.base, (size_t)slow.kernels * sizeof *slow.base);
    struct point asked[ASKED];
    double a[ASKED], b[ASKED];
    for (int i = 0; i < ASKED; i++) {
        struct rng rng = rng_at(w->seq, (uint32_t)i, 0, 0);
        point_clone(&asked[i], &w->point);
        parzen_draw(i % 2 ? &slow : &fast, &rng, &asked[i]);
    }
    parzen_log(&slow, asked, ASKED, a);
    parzen_log(&fast, asked, ASKED, b);
    assert_memory_equal(a, b, sizeof a);
    for (int i = 0; i < ASKED; i++)
        point_fini(&asked[i]);
    parzen_fini(&slow);
    parzen_fini(&fast);
    free(points);
    free(entries);
}

static int same_of(struct world *w, struct atlas *atlas)
{
    struct box box;
    struct evidence ev;
    atlas_follow(atlas, &w->history);
    evidence_init(&ev, &w->history);
    narrow(w, &box);
    int outsiders = same_outsiders(w, atlas, &ev, &box);
    same_densities(w, atlas, &ev, &box);
    struct box whole; /* twice: what is kept of the first time is read the second */
    box_init(&whole, &w->space);
    same_densities(w, atlas, &ev, &whole);
    same_densities(w, atlas, &ev, &whole);
    box_fini(&whole);
    box_fini(&box);
    evidence_fini(&ev);
    return outsiders;
}

static void says_what_the_points_say(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world w;
        int outsiders = 0;
        world_init(&w, seed);
        struct atlas *atlas = atlas_new(&w.space);
        for (int turn = 0; turn < 60; turn++) {
            for (int n = turn % 9 == 8 ? 60 : 1; n > 0; n--)
                add(&w);
            if (turn % 7 == 6)
                history_remove(&w.history, w.history.entries[w.history.count / 2].trial);
            outsiders += same_of(&w, atlas);
        }
        assert_true(w.history.count > 300 && outsiders > 1000);
        atlas_free(atlas);
        world_fini(&w);
    }
}

static void another_history_begins_again(void **state)
{
    (void)state;
    struct world a, b;
    world_init(&a, 1);
    world_init(&b, 2);
    struct atlas *atlas = atlas_new(&a.space);
    for (int turn = 0; turn < 40; turn++) {
        add(&a);
        add(&b);
        add(&b);
        same_of(&a, atlas);
        same_of(&b, atlas);
    }
    atlas_free(atlas);
    world_fini(&a);
    world_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_the_points_say),
        cmocka_unit_test(another_history_begins_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
