/* svg: charts as one picture that stands by itself: no script, no font, nothing fetched. Light and dark by what the viewer
 * prefers; colours that the colour-blind tell apart (Okabe and Ito 2008), lines that have their names at their ends. A point
 * says on hover which trial it is. */
#ifndef HONE_CLI_DRAW_SVG_H
#define HONE_CLI_DRAW_SVG_H

#include "cli/draw/chart.h"

/* One beside the other where there are several. `title` is said to those who do not see it. */
void svg_print(const struct chart *charts, size_t count, const char *title, struct str *out);
/* The same inside a page of HTML. */
void svg_page(const struct chart *charts, size_t count, const char *title, struct str *out);

#endif
