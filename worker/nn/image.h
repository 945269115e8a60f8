/* image: small pictures for people, above all the weights of a first layer: smooth stripes and blobs mean
 * that it learned something, noise means that it did not (or needs more regularisation).
 *
 * Pixels are bytes, 1 channel (grey) or 3 (red, green, blue side by side). Encoders append whole files to a
 * struct str: PNG for browsers, PNM (PGM or PPM) for everything else. Writing them is the caller's.
 * Refuses pictures nobody can look at. Ownership: image_fini frees the pixels.
 */
#ifndef HONE_WORKER_NN_IMAGE_H
#define HONE_WORKER_NN_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

struct image {
    int width, height, channels;
    uint8_t *pixels; /* (height, width, channels) */
};

void image_fini(struct image *image);
void image_png(const struct image *image, struct str *out);
void image_pnm(const struct image *image, struct str *out);

/* How a layer's weights lie in memory: unit u, channel c, row r, column k is at
 * w[u*unit + (c*height*width + r*width + k)*input]. */
struct weight_tiles {
    const float *w;
    size_t unit, input;
    int units, channels, height, width;
};

/* Is it a picture or noise? Sum of the squared Laplacians over the sum of squares, inside the tiles: about 20 for
 * white noise, below 1 for smooth stripes. NaN if tiles are too small (3 x 3 is the least) or all 0. */
double tiles_roughness(const struct weight_tiles *tiles);

/* One tile per unit, in a grid as square as may be, a line of black between them. Each tile is scaled by its
 * own largest magnitude: 0 is middle grey. With 3 channels a tile is in colour, else one channel beside the
 * other. ERR_BAD if the picture would have more than 2^26 pixels or a side over 32,768. */
int image_of_weights(const struct weight_tiles *tiles, struct image *out, struct err *err);

#endif
