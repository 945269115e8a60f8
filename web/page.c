#include "web/page.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/embed.h"

EMBED(web_page_pack, "build/web/page.pack");
extern const char web_page_pack[];

enum { FILES_MAX = 128 };

static struct page_file files[FILES_MAX];
static int file_count;

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".mjs", "text/javascript; charset=utf-8"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"},
                                           {".txt", "text/plain; charset=utf-8"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < COUNT_OF(types); i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

static void unpack(void)
{
    const char *line = web_page_pack;
    for (; *line != '\n'; line = strchr(line, '\n') + 1) {
        struct page_file *file = &files[file_count++];
        char print[33];
        PRE(file_count <= FILES_MAX);
        PRE(sscanf(line, "%63s %zu %zu %32s", file->name, &file->len, &file->plain, print) == 4);
        snprintf(file->etag, sizeof file->etag, "\"%s\"", print);
        file->type = type_of(file->name);
    }
    const char *bytes = line + 1;
    for (int i = 0; i < file_count; i++) {
        files[i].bytes = bytes;
        bytes += files[i].len;
    }
}

const struct page_file *web_page_find(const char *path)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, unpack);
    const char *name = strcmp(path, "/") == 0 ? "index.html" : path + (*path == '/');
    for (int i = 0; i < file_count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    return NULL;
}

struct body *web_page_body(const struct page_file *file, bool is_gzip)
{
    struct body **kept = &files[file - files].bodies[is_gzip];
    if (!*kept) {
        struct body *packed = body_borrow(file->bytes, file->len, true);
        *kept = is_gzip ? body_hold(packed) : body_unpack(packed, file->plain);
        body_drop(packed);
    }
    PRE(*kept); // else tools/pack-page did not do its work
    return body_hold(*kept);
}

bool web_page_has_charts(void)
{
    return web_page_find("/echarts.min.js") != NULL;
}
