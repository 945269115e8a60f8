/* Ten digits drawn by strokes: a set of images that needs no download, for demos, tests and benchmarks.
 *
 * A glyph is a polyline in -1..1 x -1..1. Every sample gets its own wobble of the points, slant, rotation,
 * scale, shift, thickness and brightness, a stray stroke across, and noise on every pixel, so that a network
 * has something to overfit to. How far these go is `strength`; pixels are 0..1, bright on dark. */
#include <math.h>

#include "common/check.h"
#include "common/hash.h"
#include "common/mem.h"
#include "worker/nn/data_source.h"

enum { CLASSES = 10, POINTS = 14, STREAM_TRAIN, STREAM_TEST, TEST_SHARE = 5 };

struct point {
    float x, y; /* y grows downwards */
};

struct strokes {
    int n;
    struct point at[POINTS];
};

static const struct strokes digits[CLASSES] = {
    {11,
     {{0.f, -1.f},
      {-.35f, -.85f},
      {-.55f, -.35f},
      {-.55f, .35f},
      {-.35f, .85f},
      {0.f, 1.f},
      {.35f, .85f},
      {.55f, .35f},
      {.55f, -.35f},
      {.35f, -.85f},
      {0.f, -1.f}}},
    {3, {{-.35f, -.6f}, {.05f, -1.f}, {.05f, 1.f}}},
    {7, {{-.5f, -.6f}, {-.25f, -.95f}, {.2f, -1.f}, {.5f, -.6f}, {.35f, -.1f}, {-.5f, 1.f}, {.55f, 1.f}}},
    {9,
     {{-.5f, -.8f},
      {0.f, -1.f},
      {.45f, -.75f},
      {.4f, -.25f},
      {-.05f, -.05f},
      {.5f, .3f},
      {.45f, .75f},
      {0.f, 1.f},
      {-.5f, .8f}}},
    {4, {{.25f, 1.f}, {.25f, -1.f}, {-.55f, .35f}, {.6f, .35f}}},
    {8,
     {{.5f, -1.f},
      {-.4f, -1.f},
      {-.45f, -.1f},
      {.1f, -.25f},
      {.5f, .15f},
      {.45f, .7f},
      {0.f, 1.f},
      {-.5f, .8f}}},
    {9,
     {{.4f, -.95f},
      {-.1f, -.7f},
      {-.45f, 0.f},
      {-.45f, .6f},
      {0.f, 1.f},
      {.45f, .65f},
      {.4f, .2f},
      {0.f, 0.f},
      {-.4f, .3f}}},
    {3, {{-.5f, -1.f}, {.55f, -1.f}, {-.1f, 1.f}}},
    {13,
     {{0.f, -.05f},
      {-.4f, -.4f},
      {-.3f, -.9f},
      {0.f, -1.f},
      {.35f, -.85f},
      {.4f, -.4f},
      {0.f, -.05f},
      {-.5f, .4f},
      {-.4f, .85f},
      {0.f, 1.f},
      {.4f, .85f},
      {.5f, .4f},
      {0.f, -.05f}}},
    {9,
     {{-.4f, .95f},
      {.1f, .7f},
      {.45f, 0.f},
      {.45f, -.6f},
      {0.f, -1.f},
      {-.45f, -.65f},
      {-.4f, -.2f},
      {0.f, 0.f},
      {.4f, -.3f}}},
};

/* Uniform in -1..1. */
static float symmetric(struct rng *rng)
{
    return (float)(2 * rng_unit(rng) - 1);
}

/* One sample's way of writing. */
struct hand {
    float a[4];             /* 2 x 2: rotation * slant * scale, glyph units to pixels */
    float shift_x, shift_y; /* pixels */
    float wobble;           /* glyph units */
};

static struct hand hand_draw(const struct data_spec *spec, struct rng *rng)
{
    float side = (float)spec->size, far = (float)spec->strength;
    float angle = .2f * far * symmetric(rng), slant = .25f * far * symmetric(rng);
    float height = side * (.36f + .05f * far * symmetric(rng));
    float width = height * (1 + .2f * far * symmetric(rng));
    float c = cosf(angle), s = sinf(angle);
    struct hand hand = {
        .a = {c * width, -c * slant * height - s * height, s * width, -s * slant * height + c * height},
        .wobble = .07f * far};
    hand.shift_x = side / 2 + .08f * side * far * symmetric(rng);
    hand.shift_y = side / 2 + .07f * side * far * symmetric(rng);
    return hand;
}

/* The glyph's points as pixels. */
static struct strokes strokes_place(const struct strokes *glyph, const struct hand *hand, struct rng *rng)
{
    struct strokes out = {.n = glyph->n};
    for (int i = 0; i < glyph->n; i++) {
        float x = glyph->at[i].x + hand->wobble * symmetric(rng);
        float y = glyph->at[i].y + hand->wobble * symmetric(rng);
        out.at[i].x = hand->shift_x + hand->a[0] * x + hand->a[1] * y;
        out.at[i].y = hand->shift_y + hand->a[2] * x + hand->a[3] * y;
    }
    return out;
}

/* Squared distance of a pixel's centre to a segment. */
static float distance2(float x, float y, struct point a, struct point b)
{
    float dx = b.x - a.x, dy = b.y - a.y;
    float along = (x - a.x) * dx + (y - a.y) * dy, length2 = dx * dx + dy * dy;
    float t = length2 > 0 ? along / length2 : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    dx = a.x + t * dx - x;
    dy = a.y + t * dy - y;
    return dx * dx + dy * dy;
}

/* Adds ink: full within the pen's radius, falling to nothing within one pixel around it. */
static void strokes_ink(const struct strokes *strokes, float radius, float ink, int side, float *x)
{
    for (int i = 0; i < side * side; i++) {
        float px = (float)(i % side) + .5f, py = (float)(i / side) + .5f, least = INFINITY;
        for (int s = 0; s + 1 < strokes->n; s++)
            least = fminf(least, distance2(px, py, strokes->at[s], strokes->at[s + 1]));
        float cover = radius + .5f - sqrtf(least);
        cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
        x[i] = fmaxf(x[i], ink * cover);
    }
}

static struct strokes stray_draw(int side, struct rng *rng)
{
    struct strokes out = {.n = 2};
    for (int i = 0; i < 2; i++) {
        out.at[i].x = (float)(side * rng_unit(rng));
        out.at[i].y = (float)(side * rng_unit(rng));
    }
    return out;
}

/* Sum of four bytes of one word: near enough to a normal for noise, and four times as fast. Mean 0, sd 1. */
static float noise_draw(struct rng *rng)
{
    uint32_t word = rng_u32(rng);
    int sum = (int)((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24));
    return (float)(sum - 510) / 147.8f;
}

static void glyph_make(const struct data_spec *spec, int i, uint32_t stream, float *x)
{
    struct rng rng = rng_at((uint64_t)spec->seed, (uint32_t)i, hash_name("glyphs"), stream);
    float side = (float)spec->size, far = (float)spec->strength, noise = (float)spec->noise;
    struct hand hand = hand_draw(spec, &rng);
    float radius = side / 16 * (.65f + .35f * far * symmetric(&rng));
    float ink = .8f + .2f * symmetric(&rng);
    struct strokes strokes = strokes_place(&digits[i % CLASSES], &hand, &rng);
    struct strokes stray = stray_draw(spec->size, &rng);
    strokes_ink(&strokes, radius > .3f ? radius : .3f, ink, spec->size, x);
    strokes_ink(&stray, .3f, .6f * ink * fminf(far, 1), spec->size, x);
    for (int p = 0; p < spec->size * spec->size; p++)
        x[p] = fminf(fmaxf(x[p] + noise * noise_draw(&rng), 0), 1);
}

static struct dataset glyph_set(const struct data_spec *spec, int n, uint32_t stream)
{
    struct dataset set = {
        .n = n, .channels = 1, .height = spec->size, .width = spec->size, .classes = CLASSES};
    size_t pixels = (size_t)spec->size * (size_t)spec->size;
    set.x = xcalloc((size_t)n * pixels, sizeof *set.x);
    set.y = xcalloc((size_t)n, sizeof *set.y);
    for (int i = 0; i < n; i++) {
        glyph_make(spec, i, stream, set.x + (size_t)i * pixels);
        set.y[i] = i % CLASSES;
    }
    return set;
}

void glyphs_make(const struct data_spec *spec, struct data_source *out)
{
    PRE((int64_t)spec->n * spec->size * spec->size <= DATA_MAX_VALUES);
    out->train = glyph_set(spec, spec->n, STREAM_TRAIN);
    out->test = glyph_set(spec, spec->n / TEST_SHARE, STREAM_TEST);
}
