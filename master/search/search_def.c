/* What "search" comes to, for the methods and whoever looks after the walls. */
#include <stdlib.h>

#include "master/search/sampler_row.h"

int search_metrics(const struct search_def *def)
{
    return def->metrics > 1 ? def->metrics : 1;
}

enum boundary search_boundary(const struct search_def *def)
{
    if (search_metrics(def) > 1)
        return BOUNDARY_OFF;
    return def->boundary == BOUNDARY_DEFAULT && def->row->by_number ? BOUNDARY_WARN : def->boundary;
}

struct wall_rule search_walls(const struct search_def *def)
{
    return (struct wall_rule){search_boundary(def), def->row->by_number};
}

void search_fini(struct search_def *def)
{
    free(def->settings);
    *def = (struct search_def){0};
}
