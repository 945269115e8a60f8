/* K arms of a spiral in the plane, one class each: the smallest set that a linear model cannot learn, and
 * that a picture explains. Sample i of arm k sits at radius r in (0, 1] and angle 2 pi (k / K + turns r) +
 * noise. */
#include <math.h>

#include "common/hash.h"
#include "common/mem.h"
#include "worker/nn/data_source.h"

enum { STREAM_TRAIN, STREAM_TEST, TEST_SHARE = 5 /* one test sample for five others */ };

/* Samples get numbers of their own, so that n = 6000 begins with the samples of n = 3000. */
static void point_make(const struct data_spec *spec, int i, uint32_t stream, float x[2])
{
    struct rng rng = rng_at((uint64_t)spec->seed, (uint32_t)i, hash_name("spiral"), stream);
    double radius = rng_open(&rng);
    double angle = (double)(i % spec->arms) / spec->arms + spec->turns * radius;
    angle = 2 * M_PI * angle + spec->noise * rng_normal(&rng);
    x[0] = (float)(radius * cos(angle));
    x[1] = (float)(radius * sin(angle));
}

static struct dataset points_make(const struct data_spec *spec, int n, uint32_t stream)
{
    struct dataset set = {.n = n, .channels = 2, .height = 1, .width = 1, .classes = spec->arms};
    set.x = xcalloc((size_t)n * 2, sizeof *set.x);
    set.y = xcalloc((size_t)n, sizeof *set.y);
    for (int i = 0; i < n; i++) {
        point_make(spec, i, stream, set.x + 2 * (size_t)i);
        set.y[i] = i % spec->arms;
    }
    return set;
}

void spiral_make(const struct data_spec *spec, struct data_source *out)
{
    out->train = points_make(spec, spec->n, STREAM_TRAIN);
    out->test = points_make(spec, spec->n / TEST_SHARE, STREAM_TEST);
}
