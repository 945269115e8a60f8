#include "sql/doing.h"

#include <string.h>

const char *study_doing(const struct rows *rows, size_t row)
{
    const char *wish = cell_text(rows_named(rows, row, "wish"));
    bool running = cell_int(rows_named(rows, row, "running")) > 0;
    if (*cell_text(rows_named(rows, row, "unreadable")))
        return "unreadable";
    if (*cell_text(rows_named(rows, row, "end_reason")))
        return "ended";
    if (strcmp(wish, "pause") == 0)
        return running ? "pausing" : "paused";
    if (strcmp(wish, "stop") == 0)
        return "stopping";
    if (!running && strcmp(cell_text(rows_named(rows, row, "checks")), "pending") == 0)
        return "checking";
    return running ? "running" : "unfinished";
}
