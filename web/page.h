/* page: the files of the dashboard's page, which are part of the executable: gzipped by the Makefile and put one after
 * the other behind a list of their names (tools/pack-page). What is in web/page/ is served under its own name, index.html
 * as / too; the chart library comes from npm (web/package-lock.json) and is absent where that was not run. */
#ifndef HONE_WEB_PAGE_H
#define HONE_WEB_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "web/body.h"

struct page_file {
    char name[64]; /* "page.css" */
    char etag[40]; /* "\"…\"", of the content */
    const char *type;
    const void *bytes;      /* gzip */
    size_t len, plain;      /* bytes of both forms */
    struct body *bodies[2]; /* by is_gzip; NULL until asked for */
};

/* "/" and "/page.css"; NULL: no such file. */
const struct page_file *web_page_find(const char *path);
/* As gzip, or unpacked for who does not take that: a hold of it. There is one of each, however many ask. */
struct body *web_page_body(const struct page_file *file, bool is_gzip);
bool web_page_has_charts(void);

#endif
