#include "web/api.h"

#include <string.h>

#include "common/check.h"
#include "web/api_parts.h"

const struct api_route *api_find(const char *path)
{
    static const struct api_route routes[] = {
        {"/api/study", api_study, true},
        {"/api/trials", api_trials, true},
        {"/api/curves", api_curves, true},
        {"/api/walls", api_walls, true},
        {"/api/events", api_events, true},
        {"/api/attempts", api_attempts, true},
        {"/api/importance", api_importances, false},
        {"/api/workers", api_workers, true},
        {"/api/studies", api_studies, false}, // also says whether a master is there
        {"/api/trial", api_trial, false},     // and this how its log ends
    };
    for (size_t i = 0; i < COUNT_OF(routes); i++)
        if (strcmp(path, routes[i].path) == 0)
            return &routes[i];
    return NULL;
}
