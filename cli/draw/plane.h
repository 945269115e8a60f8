/* plane: a picture of dots, eight of them in each character of a sheet (braille: 2 columns, 4 rows). (0, 0) is at the bottom
 * left, as on paper. A character has one colour: that of the dot that was set last.
 *
 * What lies outside is not drawn. Ownership: plane_fini frees. */
#ifndef HONE_CLI_DRAW_PLANE_H
#define HONE_CLI_DRAW_PLANE_H

#include "cli/draw/sheet.h"

struct plane {
    int rows, cols;      /* characters */
    unsigned char *dots; /* [rows][cols], from the top; a bit for each as in U+2800 */
    struct style *styles;
};

void plane_init(struct plane *plane, int rows, int cols);
void plane_fini(struct plane *plane);

static inline int plane_width(const struct plane *plane)
{
    return plane->cols * 2;
}

static inline int plane_height(const struct plane *plane)
{
    return plane->rows * 4;
}

void plane_dot(struct plane *plane, int x, int y, struct style style);
void plane_line(struct plane *plane, int x0, int y0, int x1, int y1, struct style style);

/* Characters without a dot leave the sheet as it is. */
void plane_onto(const struct plane *plane, struct sheet *sheet, int row, int col);

#endif
