#include "cli/pages.h"

#include <stddef.h>
#include <string.h>

#include "common/embed.h"

#define PAGE(symbol, name, file, gloss) \
    EMBED(page_##symbol, file);         \
    extern const char page_##symbol[];
#include "cli/pages.def"

const struct page pages[] = {
#define PAGE(symbol, name, file, gloss) {name, gloss, page_##symbol},
#include "cli/pages.def"
    {0},
};

const struct page *page_find(const char *name)
{
    for (const struct page *p = pages; p->name; p++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}
