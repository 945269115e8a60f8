/* Our samplers on the problems of problems.h, in one process, through the registry and with walls that move as in a
 * study: one JSON line for each run, as rivals.py writes them.
 *
 *   make build/bench/search/ours
 *   HONE_HPO=FOLDER build/bench/search/ours SEARCH PROBLEMS SEEDS [slots=8] [trials=200] [noise=CONFIRM] [blind=1]
 *
 * SEARCH is the study file's "search", or the name of a method; PROBLEMS and SEEDS are car,branin and 0:30, all for
 * all those that rivals are raced on. slots: so many trials are under way at once, the oldest ends first; blind: and no
 * proposal knows of them. noise: each
 * trial is one training of a table; with CONFIRM = 1 the last ten trials are two more of each of the best five, and the
 * regret is that of the configuration that `hone best` names. `check` as the only argument prints values of fixed
 * points, for compare to hold against those of problems.py.
 */
#include <stdbool.h>
#include <time.h>

#include "bench/search/problems.h"
#include "common/json.h"
#include "master/search/repeat.h"
#include "master/search/sampler.h"
#include "master/search/walls.h"

enum { BUDGETS = 4, RIVALLED = 14, CONFIRM_TOP = 5, CONFIRM_SEEDS = 2 };
static const int budgets[BUDGETS] = {25, 50, 100, 200};

struct options {
    const char *search;
    int slots, trials;
    bool noise, confirm, blind; /* blind: no proposal knows what is under way */
};

/* A proposal of which the history is not told before it has a score. */
struct unseen {
    struct point point;
    double fit[FIT_MAX];
    int fit_count;
};

struct run {
    const struct problem *problem;
    const struct options *options;
    uint64_t seed;
    struct space space;
    struct search_def def;
    struct sampler *sampler;
    struct history history;
    struct point point;
    struct unseen *unseen; /* by trial, from 1; NULL: nothing is blind */
    uint64_t seq;
    size_t looked_at; /* finished trials at the last look at the walls */
    int finished, asked;
    double told, regret; /* best score told so far, and the true regret of its point */
    double curve[BUDGETS];
    struct str steps; /* [finished, regret], wherever it fell */
};

static struct json *parsed(const char *text)
{
    struct err err = ERR_NONE;
    struct json *root = json_parse(text, strlen(text), "bench", &err);
    if (!root) {
        fprintf(stderr, "%s\n", err.text);
        exit(2);
    }
    return root;
}

static void run_init(struct run *r, const struct problem *problem, const struct options *options,
                     uint64_t seed)
{
    struct err err = ERR_NONE;
    struct json *root = parsed(problem->space), *search = parsed(options->search);
    struct jcur cur = jcur_root(root, "space"), search_cur = jcur_root(search, "search");
    *r = (struct run){
        .problem = problem, .options = options, .seed = seed, .told = INFINITY, .regret = INFINITY};
    if (space_parse(&cur, &r->space, &err) || search_parse(&search_cur, &r->space, &r->def, &err)) {
        fprintf(stderr, "%s (%s)\n", err.text, err.hint);
        exit(2);
    }
    r->def.trials = options->trials;
    r->def.parallel = options->slots;
    r->sampler = sampler_new(&r->def, &r->space, seed + 1, &err);
    if (!r->sampler) {
        fprintf(stderr, "%s (%s)\n", err.text, err.hint);
        exit(2);
    }
    point_init(&r->point, &r->space);
    if (options->blind)
        r->unseen = xcalloc((size_t)options->trials + 1, sizeof *r->unseen);
    json_free(root);
    json_free(search);
}

static void run_fini(struct run *r)
{
    point_fini(&r->point);
    free(r->unseen);
    history_fini(&r->history);
    sampler_free(r->sampler);
    search_fini(&r->def);
    space_fini(&r->space);
    str_fini(&r->steps);
}

/* False: the space has no point left. */
static bool ask(struct run *r)
{
    struct err err = ERR_NONE;
    struct proposal note;
    uint32_t trial = (uint32_t)++r->asked;
    int rc = sampler_propose(r->sampler, &r->history, trial, &r->point, &note, &err);
    if (rc == ERR_GONE)
        return false;
    if (rc) {
        fprintf(stderr, "trial %u: %s\n", trial, err.text);
        exit(1);
    }
    if (getenv("HONE_BENCH_WHY")) {
        struct str text = {0};
        point_text(&r->space, &r->point, &text);
        fprintf(stderr, "%u %s: %s; %s -> %.6g\n", trial, note.sampler, note.why, str_text(&text),
                problem_value(r->problem, &r->point, r->seed) - r->problem->best);
        str_fini(&text);
    }
    if (!r->unseen) {
        history_add(&r->history, trial, trial, &r->point, note.fit, note.fit_count, ++r->seq);
        return true;
    }
    struct unseen *unseen = &r->unseen[trial];
    point_clone(&unseen->point, &r->point);
    memcpy(unseen->fit, note.fit, sizeof unseen->fit);
    unseen->fit_count = note.fit_count;
    return true;
}

static void show(struct run *r, uint32_t trial)
{
    struct unseen *unseen = &r->unseen[trial];
    history_add(&r->history, trial, trial, &unseen->point, unseen->fit, unseen->fit_count, ++r->seq);
    point_fini(&unseen->point);
}

static void look_at_walls(struct run *r)
{
    struct wall_event events[2 * AXES_MAX];
    struct box box, next;
    size_t finished = history_finished(&r->history);
    if (!walls_due(r->looked_at, finished))
        return;
    r->looked_at = finished;
    history_box_clone(&r->history, &r->space, &box);
    box_clone(&next, &box, &r->space);
    walls_look(&r->space, search_walls(&r->def), &r->history, &box, &next, events, 2 * r->space.count);
    if (!box_equal(&box, &next, &r->space))
        history_set_box(&r->history, &r->space, &next, 0, 0, ++r->seq);
    box_fini(&box);
    box_fini(&next);
}

static double seen(const struct run *r, const struct point *point, int repeat)
{
    return r->options->noise ? problem_once(r->problem, point, r->seed, repeat)
                             : problem_value(r->problem, point, r->seed);
}

static void note_regret(struct run *r)
{
    for (int k = 0; k < BUDGETS; k++)
        if (r->finished == budgets[k])
            r->curve[k] = r->regret;
}

static void tell(struct run *r, uint32_t trial)
{
    if (r->unseen)
        show(r, trial);
    const struct point *point = &history_find(&r->history, trial)->point;
    double y = seen(r, point, 0);
    r->finished++;
    if (y < r->told) {
        r->told = y;
        r->regret = fmax(problem_value(r->problem, point, r->seed) - r->problem->best, 0);
        str_addf(&r->steps, "%s[%d,%.6g]", r->steps.len ? "," : "", r->finished, r->regret);
    }
    history_update(&r->history, trial, HISTORY_SCORED, false, 1, -y, ++r->seq);
    note_regret(r);
    look_at_walls(r);
}

/* Two more of each of the best five; the best of those by mean is what the study recommends. */
static void confirm(struct run *r)
{
    struct repeat_def def = {.repeats = 1, .confirm_top = CONFIRM_TOP, .confirm_seeds = CONFIRM_SEEDS};
    struct confirm_job jobs[CONFIRM_MOST];
    int count = confirm_groups(&def, &r->history, jobs);
    double best = INFINITY;
    for (int k = 0; k < count; k++) {
        const struct point *point = &history_find(&r->history, jobs[k].group)->point;
        double sum = 0;
        for (int repeat = 0; repeat <= CONFIRM_SEEDS; repeat++)
            sum += seen(r, point, repeat);
        if (sum < best) {
            best = sum;
            r->regret = fmax(problem_value(r->problem, point, r->seed) - r->problem->best, 0);
        }
    }
    r->finished += count * CONFIRM_SEEDS;
    note_regret(r);
}

static void study(struct run *r)
{
    const struct options *o = r->options;
    int sampled = o->trials - (o->confirm ? CONFIRM_TOP * CONFIRM_SEEDS : 0), oldest = 0;
    bool more = true;
    while (more || oldest < r->asked) {
        while (more && r->asked < sampled && r->asked - oldest < o->slots) {
            more = ask(r);
            r->asked -= !more;
        }
        if (oldest == r->asked)
            break;
        tell(r, (uint32_t)++oldest);
    }
    for (int k = 0; !more && k < BUDGETS; k++)
        if (budgets[k] > r->finished)
            r->curve[k] = r->regret;
    if (o->confirm)
        confirm(r);
}

static void print(const struct run *r, double seconds)
{
    printf("{\"sampler\":\"%s\",\"problem\":\"%s\",\"seed\":%llu,\"regret\":[", r->def.method,
           r->problem->name, (unsigned long long)r->seed);
    for (int k = 0; k < BUDGETS && budgets[k] <= r->options->trials; k++)
        printf("%s%.6g", k ? "," : "", r->curve[k]);
    printf("],\"seconds\":%.3f,\"steps\":[%s]}\n", seconds, str_text(&r->steps));
    fflush(stdout);
}

static bool is_named(const char *list, const char *name, int index)
{
    size_t length = strlen(name);
    if (strcmp(list, "all") == 0 || strcmp(list, "made") == 0)
        return (index < RIVALLED) == (list[0] == 'a');
    for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

/* Every value of three fixed points, for every problem that rivals are raced on. */
static int check(void)
{
    for (int k = 0; k < RIVALLED; k++) {
        struct run r;
        struct options o = {.search = "{\"method\": \"random\"}"};
        problem_load(&problems[k], getenv("HONE_HPO"));
        run_init(&r, &problems[k], &o, 3);
        for (uint64_t n = 0; n < 3; n++) {
            double u[AXES_MAX];
            for (int i = 0; i < r.space.count; i++)
                u[i] = unit_of(3, 1000000 + 100 * n + (uint64_t)i);
            space_point(&r.space, u, &r.point);
            printf("{\"problem\":\"%s\",\"point\":%d,\"value\":%.12g}\n", problems[k].name, (int)n,
                   problem_value(&problems[k], &r.point, 3));
        }
        run_fini(&r);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "check") == 0)
        return check();
    int first = 0, last = 30;
    if (argc < 4 || (strcmp(argv[3], "all") != 0 && sscanf(argv[3], "%d:%d", &first, &last) != 2)) {
        fprintf(stderr,
                "usage: ours SEARCH PROBLEMS FIRST:LAST [slots=N] [trials=N] [noise=0|1] [blind=1]\n");
        return 2;
    }
    struct options o = {.slots = 1, .trials = 200};
    o.search = argv[1][0] == '{' ? argv[1] : xasprintf("{\"method\": \"%s\"}", argv[1]);
    for (int i = 4; i < argc; i++) {
        int number = atoi(strchr(argv[i], '=') ? strchr(argv[i], '=') + 1 : "0");
        if (strncmp(argv[i], "slots=", 6) == 0)
            o.slots = number;
        else if (strncmp(argv[i], "trials=", 7) == 0)
            o.trials = number;
        else if (strncmp(argv[i], "noise=", 6) == 0)
            o.noise = true, o.confirm = number;
        else if (strncmp(argv[i], "blind=", 6) == 0)
            o.blind = number;
    }
    for (int seed = first; seed < last; seed++)
        for (int k = 0; k < (int)COUNT_OF(problems); k++) {
            if (!is_named(argv[2], problems[k].name, k) || (o.noise && problems[k].f))
                continue;
            struct run r;
            problem_load(&problems[k], getenv("HONE_HPO"));
            run_init(&r, &problems[k], &o, (uint64_t)seed);
            double started = (double)clock() / CLOCKS_PER_SEC;
            study(&r);
            print(&r, (double)clock() / CLOCKS_PER_SEC - started);
            run_fini(&r);
        }
    return 0;
}
