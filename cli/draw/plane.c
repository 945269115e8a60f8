#include "cli/draw/plane.h"

#include <stdlib.h>

#include "common/mem.h"

void plane_init(struct plane *plane, int rows, int cols)
{
    *plane = (struct plane){.rows = rows < 0 ? 0 : rows, .cols = cols < 0 ? 0 : cols};
    size_t count = (size_t)plane->rows * (size_t)plane->cols;
    plane->dots = xcalloc(count + 1, sizeof *plane->dots);
    plane->styles = xcalloc(count + 1, sizeof *plane->styles);
}

void plane_fini(struct plane *plane)
{
    free(plane->dots);
    free(plane->styles);
    *plane = (struct plane){0};
}

void plane_dot(struct plane *plane, int x, int y, struct style style)
{
    static const unsigned char bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    if (x < 0 || y < 0 || x >= plane_width(plane) || y >= plane_height(plane))
        return;
    int down = plane_height(plane) - 1 - y, at = down / 4 * plane->cols + x / 2;
    plane->dots[at] |= bits[down % 4][x % 2];
    plane->styles[at] = style;
}

/* Bresenham 1965. */
void plane_line(struct plane *plane, int x0, int y0, int x1, int y1, struct style style)
{
    int dx = abs(x1 - x0), dy = -abs(y1 - y0), right = x0 < x1 ? 1 : -1, up = y0 < y1 ? 1 : -1, off = dx + dy;
    for (;;) {
        plane_dot(plane, x0, y0, style);
        if (x0 == x1 && y0 == y1)
            return;
        int twice = 2 * off;
        if (twice >= dy) {
            off += dy;
            x0 += right;
        }
        if (twice <= dx) {
            off += dx;
            y0 += up;
        }
    }
}

void plane_onto(const struct plane *plane, struct sheet *sheet, int row, int col)
{
    for (int i = 0; i < plane->rows * plane->cols; i++) {
        unsigned dots = plane->dots[i];
        char text[4] = {(char)0xe2, (char)(0xa0 | dots >> 6), (char)(0x80 | (dots & 0x3f)), '\0'};
        if (dots)
            sheet_put(sheet, row + i / plane->cols, col + i % plane->cols, 1, plane->styles[i], text);
    }
}
