/* pages: documentation and first files that the executable brings along, for `hone help NAME`. Static texts. */
#ifndef HONE_CLI_PAGES_H
#define HONE_CLI_PAGES_H

struct page {
    const char *name, *gloss, *text;
};

extern const struct page pages[]; /* ends with a NULL name */

const struct page *page_find(const char *name); /* NULL: none */

#endif
