/* Random changes of images that leave their class as it is. All of them are one affine map of whole pixels,
 * so a batch is copied once. */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "worker/nn/data.h"

struct move {
    int shift_x, shift_y, crop_x, crop_y;
    bool mirror;
};

static int between(struct rng *rng, int most)
{
    return (int)rng_below(rng, 2 * (uint32_t)most + 1) - most;
}

static struct move move_draw(const struct augment_options *options, struct rng *rng)
{
    struct move move;
    move.shift_x = between(rng, options->shift);
    move.shift_y = between(rng, options->shift);
    move.crop_x = between(rng, options->crop_pad);
    move.crop_y = between(rng, options->crop_pad);
    move.mirror = rng_below(rng, 2) && options->flip;
    return move;
}

static int clamped(int at, int size)
{
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/* One channel. The crop looks into a frame of zeros, the shift repeats the edge. */
static void plane_move(const float *from, float *to, int height, int width, const struct move *move)
{
    for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++, to++) {
            int r = row + move->crop_y, c = column + move->crop_x;
            *to = 0;
            if (r < 0 || r >= height || c < 0 || c >= width)
                continue;
            c = move->mirror ? width - 1 - c : c;
            *to = from[clamped(r + move->shift_y, height) * width + clamped(c + move->shift_x, width)];
        }
}

void augment_batch(float *x, int n, int channels, int height, int width,
                   const struct augment_options *options, struct rng *rng)
{
    PRE(options->shift >= 0 && options->crop_pad >= 0);
    if (!options->shift && !options->crop_pad && !options->flip)
        return;
    size_t area = (size_t)height * (size_t)width;
    float *room = xmalloc(area * sizeof *room);
    for (int i = 0; i < n; i++) {
        struct move move = move_draw(options, rng);
        for (int c = 0; c < channels; c++, x += area) {
            memcpy(room, x, area * sizeof *room);
            plane_move(room, x, height, width, &move);
        }
    }
    free(room);
}
