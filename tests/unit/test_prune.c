/* Pruners: the golden traces of successive halving, promotions whatever the number of slots and whoever dies,
 * the median rule by hand, and what the "prune" object refuses. */
#include "tests/unit/search.h"

#include "common/rng.h"
#include "master/search/ladder.h"
#include "master/search/prune.h"

static const double losses[9] = {.5, .3, .8, .1, .9, .2, .7, .4, .6};

struct sim {
    struct space space;
    struct history history;
    struct point point;
    struct asha asha;
    uint64_t seq;
    int started, most;
    long epochs; /* trained in all */
};

static void sim_init(struct sim *s, int most, int max_epochs)
{
    *s = (struct sim){.space = space_of("{\"x\": {\"uniform\": [0, 1]}}"), .most = most};
    point_init(&s->point, &s->space);
    asha_init(&s->asha, 3, 1, max_epochs);
}

static void sim_fini(struct sim *s)
{
    point_fini(&s->point);
    history_fini(&s->history);
    space_fini(&s->space);
}

static uint32_t start(struct sim *s, int until)
{
    uint32_t trial = (uint32_t)++s->started;
    history_add(&s->history, trial, trial, &s->point, NULL, 0, ++s->seq);
    history_set_until(&s->history, trial, until, ++s->seq);
    return trial;
}

/* Trains on to `until`, one report per epoch. */
static void train(struct sim *s, uint32_t trial, int until, double loss)
{
    const struct entry *e = history_find(&s->history, trial);
    int last = s->asha.epochs[s->asha.count - 1];
    for (int epoch = e->epochs + 1; epoch <= until; epoch++, s->epochs++)
        history_update(&s->history, trial, epoch == last ? HISTORY_SCORED : HISTORY_PENDING, false, epoch,
                       -loss, ++s->seq);
}

static void golden_promotions(void **state)
{
    (void)state;
    static const char want[] = "0@0 1@0 2@0 1@1 3@0 3@1 4@0 5@0 5@1 3@2 6@0 7@0 8@0 ";
    struct str trace = {0};
    struct sim s;
    sim_init(&s, 9, 9);
    assert_true(s.asha.count == 3 && s.asha.epochs[1] == 3 && s.asha.epochs[2] == 9);
    for (;;) {
        struct asha_job job = asha_next(&s.asha, &s.history, NULL, s.started < s.most);
        if (job.verdict == ASHA_WAIT)
            break;
        uint32_t trial = job.verdict == ASHA_START ? start(&s, job.until) : job.trial;
        if (job.verdict == ASHA_RESUME)
            history_set_until(&s.history, trial, job.until, ++s.seq);
        str_addf(&trace, "%u@%d ", trial - 1, job.until == 1 ? 0 : job.until == 3 ? 1 : 2);
        train(&s, trial, job.until, losses[trial - 1]);
    }
    assert_string_equal(str_text(&trace), want);
    assert_int_equal(s.epochs, 9 * 1 + 3 * 2 + 1 * 6);
    str_fini(&trace);
    sim_fini(&s);
}

static void golden_stops(void **state)
{
    (void)state;
    static const int want[9] = {9, 9, 1, 9, 1, 3, 1, 1, 1}; /* epochs each gets */
    struct sim s;
    sim_init(&s, 9, 9);
    for (int k = 0; k < 9; k++) {
        uint32_t trial = start(&s, 9);
        int epoch = 0;
        do
            train(&s, trial, ++epoch, losses[k]);
        while (epoch < 9 && !asha_stops(&s.asha, &s.history, NULL, trial, epoch));
        assert_int_equal(epoch, want[k]);
        if (epoch < 9)
            history_update(&s.history, trial, HISTORY_SCORED, true, epoch, -losses[k], ++s.seq);
    }
    sim_fini(&s);
}

/* Several slots, of which any may die: the epochs of a rung are never paid twice, no trial is promoted twice,
 * each promotion was among the top third, and constant losses end in the same best trial. */
static void slots_that_die(uint32_t seed, int slots)
{
    enum { TRIALS = 60 };
    struct sim s;
    struct rng rng = rng_at(seed, 0, 0, 0);
    double loss[TRIALS];
    struct {
        uint32_t trial;
        int until;
    } slot[8] = {0};
    int promoted[TRIALS + 1] = {0};
    sim_init(&s, TRIALS, 27);
    for (int i = 0; i < TRIALS; i++)
        loss[i] = rng_unit(&rng);
    for (int idle = 0; idle < slots;) {
        int k = (int)rng_below(&rng, (uint32_t)slots);
        if (slot[k].trial && rng_below(&rng, 5) == 0)
            continue; /* it died: the job goes back and is taken again with the same target */
        if (slot[k].trial) {
            train(&s, slot[k].trial, slot[k].until, loss[slot[k].trial - 1]);
            slot[k].trial = 0;
            idle = 0;
            continue;
        }
        struct asha_job job = asha_next(&s.asha, &s.history, NULL, s.started < s.most);
        if (job.verdict == ASHA_WAIT) {
            idle = 0;
            for (int i = 0; i < slots; i++)
                idle += slot[i].trial == 0;
            continue;
        }
        if (job.verdict == ASHA_RESUME) {
            assert_true(job.rank <= job.of / 3 && job.until > promoted[job.trial]);
            promoted[job.trial] = job.until;
            history_set_until(&s.history, job.trial, job.until, ++s.seq);
        }
        slot[k].trial = job.verdict == ASHA_START ? start(&s, job.until) : job.trial;
        slot[k].until = job.until;
    }
    int best = 0, reached[4] = {0};
    for (int i = 0; i < TRIALS; i++) {
        best = loss[i] < loss[best] ? i : best;
        for (int k = 0; k < 4; k++)
            reached[k] += s.history.entries[i].epochs >= s.asha.epochs[k];
    }
    assert_int_equal(s.history.entries[best].epochs, 27);
    assert_int_equal(s.epochs, reached[0] + 2 * reached[1] + 6 * reached[2] + 18 * reached[3]);
    assert_true(reached[0] == TRIALS && reached[1] >= 20 && reached[1] <= 20 + 2 * 8);
    sim_fini(&s);
}

static void any_slots(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 30; seed++)
        slots_that_die(seed, 1 + (int)seed % 8);
}

/* By looking at everybody for everybody. */
static struct asha_job next_by_hand(const struct asha *asha, const struct history *history)
{
    for (int k = asha->count - 2; k >= 0; k--) {
        struct asha_job best = {.verdict = ASHA_WAIT, .until = asha->epochs[0]};
        for (size_t i = 0; i < history->count; i++) {
            const struct entry *e = &history->entries[i];
            double score, other;
            int better = 0, all = 0;
            bool waits =
                e->state == HISTORY_PENDING && e->until <= asha->epochs[k] && e->epochs >= asha->epochs[k];
            if (!waits || entry_is_warm(e) || !entry_score_at(e, asha->epochs[k], &score))
                continue;
            for (size_t j = 0; j < history->count; j++) {
                const struct entry *o = &history->entries[j];
                if (o->state == HISTORY_GONE || entry_is_warm(o) ||
                    !entry_score_at(o, asha->epochs[k], &other))
                    continue;
                all++;
                better += other > score || (other == score && j < i);
            }
            if (better < all / asha->eta && (best.verdict == ASHA_WAIT || better + 1 < best.rank))
                best = (struct asha_job){ASHA_RESUME, e->trial, asha->epochs[k + 1], k, better + 1, all};
        }
        if (best.verdict == ASHA_RESUME)
            return best;
    }
    return (struct asha_job){.verdict = ASHA_WAIT, .until = asha->epochs[0]};
}

/* Something happens to a trial: it trains, is promoted, begins again, ends well or badly, is cancelled, retried, deleted. */
static void befall(struct sim *s, struct rng *rng)
{
    uint32_t trial = 1 + rng_below(rng, (uint32_t)s->started);
    const struct entry *e = history_find(&s->history, trial);
    double score = (double)rng_below(rng, 12); /* many ties */
    if (!e)
        return;
    int epochs = e->epochs;
    switch (rng_below(rng, 12)) {
    case 0: history_update(&s->history, trial, HISTORY_BAD, true, epochs, 0, ++s->seq); break;
    case 1: history_update(&s->history, trial, HISTORY_GONE, false, epochs, e->score, ++s->seq); break;
    case 2: history_update(&s->history, trial, HISTORY_PENDING, false, 0, -INFINITY, ++s->seq); break;
    case 3: history_update(&s->history, trial, HISTORY_SCORED, true, epochs, score, ++s->seq); break;
    case 4: history_remove(&s->history, trial); break;
    case 5:
    case 6: history_set_until(&s->history, trial, e->until < 9 ? 3 * e->until : 27, ++s->seq); break;
    default:
        if (epochs < e->until)
            history_update(&s->history, trial, HISTORY_PENDING, false, epochs + 1, score, ++s->seq);
    }
}

static void expect_job(struct asha_job job, struct asha_job want)
{
    assert_int_equal(job.verdict, want.verdict);
    assert_int_equal(job.trial, want.trial);
    assert_int_equal(job.until, want.until);
    assert_int_equal(job.rung, want.rung);
    assert_int_equal(job.rank, want.rank);
    assert_int_equal(job.of, want.of);
}

/* Lists that are kept between questions say what is found by looking at everybody, whatever happened in between and however
 * much: also more than the history remembers, other rungs, and evidence of another study. */
static void kept_lists_say_the_same(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 12; seed++) {
        struct sim s;
        struct rng rng = rng_at(seed, 0, 0, 0);
        struct ladder ladder = {0};
        int resumed = 0;
        sim_init(&s, 0, 27);
        s.history.is_lean = seed % 2;
        history_add(&s.history, HISTORY_WARM | 1, HISTORY_WARM | 1, &s.point, NULL, 0, 0);
        history_update(&s.history, HISTORY_WARM | 1, HISTORY_SCORED, false, 27, 99, 0);
        for (int turn = 0; turn < 300; turn++) {
            if (turn % 3 == 0)
                start(&s, 1);
            for (int n = turn % 50 == 49 ? 3 * HISTORY_CHANGED : (int)rng_below(&rng, 8); n > 0; n--)
                befall(&s, &rng);
            if (turn == 200)
                asha_init(&s.asha, 2, 1, 20);
            struct asha_job want = next_by_hand(&s.asha, &s.history);
            expect_job(asha_next(&s.asha, &s.history, &ladder, false), want);
            expect_job(asha_next(&s.asha, &s.history, NULL, false), want);
            resumed += want.verdict == ASHA_RESUME;
            uint32_t one = 1 + rng_below(&rng, (uint32_t)s.started);
            for (int k = 0; k < s.asha.count; k++)
                assert_int_equal(asha_stops(&s.asha, &s.history, &ladder, one, s.asha.epochs[k]),
                                 asha_stops(&s.asha, &s.history, NULL, one, s.asha.epochs[k]));
        }
        assert_true(resumed > 20);
        ladder_fini(&ladder);
        sim_fini(&s);
    }
}

static void bad_trials_are_members(void **state)
{
    (void)state;
    struct sim s;
    sim_init(&s, 9, 9);
    for (int k = 0; k < 3; k++) {
        uint32_t trial = start(&s, 1);
        if (k == 1)
            history_update(&s.history, trial, HISTORY_BAD, true, 1, 0, ++s.seq);
        else
            train(&s, trial, 1, losses[k]);
    }
    struct asha_job job = asha_next(&s.asha, &s.history, NULL, true);
    assert_true(job.verdict == ASHA_RESUME && job.trial == 1 && job.rank == 1 && job.of == 3);
    sim_fini(&s);
}

/* Running averages to epoch 2 of the finished: .3 .4 .5 .6 .7, median .5. */
static void median_by_hand(void **state)
{
    (void)state;
    static const double done[5][3] = {{.2, .4, .9}, {.3, .5, .9}, {.4, .6, .9}, {.5, .7, .9}, {.6, .8, .9}};
    static const double good[2] = {.1, .51}, poor[2] = {.49, .2}, nan_first[2] = {NAN, .7};
    struct finished finished = {0}, four = {0};
    struct prune_def def = {.method = PRUNE_MEDIAN, .grace_epochs = 1, .grace_trials = 5};
    for (uint32_t i = 0; i < 5; i++)
        finished_add(&finished, i + 1, 1, (struct curve){done[i], 3});
    for (uint32_t i = 0; i < 4; i++)
        finished_add(&four, i + 1, 1, (struct curve){done[i], 3});
    assert_false(median_stops(&def, &finished, (struct curve){good, 2}));
    assert_true(median_stops(&def, &finished, (struct curve){poor, 2}));
    assert_false(median_stops(&def, &finished, (struct curve){poor, 1}));
    assert_false(median_stops(&def, &four, (struct curve){poor, 2}));
    assert_false(median_stops(&def, &finished, (struct curve){nan_first, 2}));
    def.has_threshold = true;
    def.after = 2;
    assert_true(threshold_stops(&def, 0.5, (struct curve){poor, 2}));
    assert_false(threshold_stops(&def, 0.5, (struct curve){poor, 1}));
    assert_false(threshold_stops(&def, 0.5, (struct curve){good, 2}));
    finished_fini(&finished);
    finished_fini(&four);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The rule as its paper has it: all running averages, sorted for each question. */
static bool median_says(const struct curve *done, int count, struct curve mine, int least)
{
    double means[200], best = -INFINITY;
    int n = 0, epoch = mine.count;
    for (int i = 0; i < count; i++) {
        double sum = 0;
        for (int e = 0; e < epoch && e < done[i].count; e++)
            sum += done[i].value[e];
        if (done[i].count >= epoch && isfinite(sum / epoch))
            means[n++] = sum / epoch;
    }
    qsort(means, (size_t)n, sizeof *means, by_value);
    for (int e = 0; e < epoch; e++)
        best = mine.value[e] > best ? mine.value[e] : best;
    return n && n >= least && best < (n % 2 ? means[n / 2] : 0.5 * (means[n / 2 - 1] + means[n / 2]));
}

/* Random courses: curves of all lengths, some with an epoch that is not finite, one after the other. */
static void median_in_order_is_the_plain_one(void **state)
{
    (void)state;
    enum { COURSES = 40, MOST = 120, LONG = 9 };
    struct prune_def def = {.method = PRUNE_MEDIAN, .grace_epochs = 0, .grace_trials = 3};
    int stopped = 0, asked = 0;
    for (uint32_t c = 0; c < COURSES; c++) {
        struct rng rng = rng_at(5, c, 0, 0);
        struct finished finished = {0};
        struct curve done[MOST];
        double values[MOST][LONG];
        for (int n = 0; n < MOST; n++) {
            done[n] = (struct curve){values[n], (int)rng_below(&rng, LONG + 1)};
            for (int e = 0; e < LONG; e++)
                values[n][e] = rng_below(&rng, 60)  ? (double)rng_below(&rng, 9) / 8
                               : rng_below(&rng, 2) ? NAN
                                                    : INFINITY;
            for (int e = 1; e <= done[n].count; e++, asked++) {
                bool stops = median_stops(&def, &finished, (struct curve){values[n], e});
                assert_int_equal(stops, median_says(done, n, (struct curve){values[n], e}, 3));
                stopped += stops;
            }
            finished_add(&finished, (uint32_t)n + 1, 1, done[n]);
        }
        finished_fini(&finished);
    }
    assert_in_range(stopped, asked / 10, asked / 2);
}

static int parse(const char *text, struct prune_def *def, struct err *err)
{
    struct json *root = json_parse(text, strlen(text), "study.json", err);
    struct jcur file = jcur_root(NULL, "study.json"),
                cur = {.node = root, .up = &file, .key = "prune", .file = "study.json"};
    int rc = prune_parse(&cur, 27, def, err);
    json_free(root);
    return rc;
}

static void reads_prune(void **state)
{
    (void)state;
    struct prune_def def;
    struct err err = ERR_NONE;
    assert_int_equal(parse("{\"method\": \"asha\", \"eta\": 3, \"min_epochs\": 1}", &def, &err), 0);
    assert_true(def.promotes && def.asha.count == 4 && def.asha.epochs[3] == 27);
    assert_int_equal(parse("{\"method\": \"median\", \"below\": 0.15, \"after\": 3}", &def, &err), 0);
    assert_true(def.method == PRUNE_MEDIAN && def.grace_trials == 5 && def.has_threshold && def.after == 3);
    static const char *const bad[][3] = {
        {"{\"method\": \"asah\"}", "prune.method: \"asah\" is not one", "asha"},
        {"{\"method\": \"asha\", \"eta\": 1}", "prune.eta: must be from 2", NULL},
        {"{\"method\": \"asha\", \"min_epochs\": 28}",
         "prune.min_epochs: is more than a full training has (27)", "rung"},
        {"{\"method\": \"median\", \"eta\": 3}", "prune: unknown key \"eta\"", NULL},
        {"{\"after\": 3}", "prune.after: says when", "below"},
        {"[]", "prune: must be an object", "for example"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err = ERR_NONE;
        expect_complaint(&err, parse(bad[i][0], &def, &err), bad[i][1], bad[i][2]);
    }
}

/* 27 epochs: rungs at 1, 3, 9 and 27. */
static void one_in_so_many_is_trained_in_full(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t one_in;
    } cases[] = {
        {"{\"method\": \"asha\"}", 27},
        {"{\"method\": \"asha\", \"min_epochs\": 9}", 3},
        {"{\"method\": \"asha\", \"min_epochs\": 27}", 1},
        {"{\"method\": \"asha\", \"variant\": \"stopping\"}", 1},
        {"{\"method\": \"hyperband\"}", 1},
        {"{\"method\": \"median\"}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prune_def def;
        assert_int_equal(parse(cases[i].text, &def, NULL), 0);
        assert_int_equal(prune_one_in(&def), cases[i].one_in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_promotions),
        cmocka_unit_test(golden_stops),
        cmocka_unit_test(any_slots),
        cmocka_unit_test(bad_trials_are_members),
        cmocka_unit_test(median_by_hand),
        cmocka_unit_test(median_in_order_is_the_plain_one),
        cmocka_unit_test(reads_prune),
        cmocka_unit_test(one_in_so_many_is_trained_in_full),
        cmocka_unit_test(kept_lists_say_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
