/* page: the files of the dashboard's page, which are part of the executable: gzipped by the Makefile and put one after
 * the other behind a list of their names (tools/pack-page). What is in web/page/ is served under its own name, index.html
 * as / too; the chart library comes from npm (web/package-lock.json) and is absent where that was not run. */
#ifndef HONE_WEB_PAGE_H
#define HONE_WEB_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct page_file {
    char name[64]; /* "page.css" */
    char etag[40]; /* "\"…\"", of the content */
    const char *type;
    const void *bytes; /* gzip */
    size_t len, plain; /* bytes of both forms */
};

/* "/" and "/page.css"; NULL: no such file. */
const struct page_file *web_page_find(const char *path);
bool web_page_has_charts(void);

#endif
