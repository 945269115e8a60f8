#include "common/json_line.h"

#include <string.h>

/* All of these read a text that has been parsed, so they meet no mistakes; at its end they stop all the same. */

static const char *skip_blanks(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (at[0] != '/' || (at[1] != '/' && at[1] != '*'))
            return at;
        const char *end = at[1] == '/' ? strchr(at, '\n') : strstr(at + 2, "*/");
        if (!end)
            return at + strlen(at);
        at = end + (*end == '\n' ? 1 : 2);
    }
}

static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
    return at + (*at == '"');
}

static const char *skip_value(const char *at)
{
    int depth = 0;
    do {
        at = skip_blanks(at);
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        depth += *at == '{' || *at == '[' ? 1 : *at == '}' || *at == ']' ? -1 : 0;
        size_t word = strcspn(at, "{}[],: \t\r\n/");
        at += word ? word : *at != '\0';
    } while (*at && depth);
    return at;
}

static const char *find_member(const char *at, const char *key)
{
    size_t len = strlen(key);
    for (at = skip_blanks(at + 1); *at == '"'; at = skip_blanks(at + (*at == ','))) {
        const char *end = skip_string(at), *value = skip_blanks(end);
        value = skip_blanks(value + (*value == ':'));
        if ((size_t)(end - at) == len + 2 && memcmp(at + 1, key, len) == 0)
            return value;
        at = skip_blanks(skip_value(value));
    }
    return NULL;
}

static const char *find_element(const char *at, int index)
{
    for (at = skip_blanks(at + 1); *at && *at != ']'; at = skip_blanks(at + (*at == ','))) {
        if (!index--)
            return at;
        at = skip_blanks(skip_value(at));
    }
    return NULL;
}

static const char *find(const char *text, const struct jcur *cur)
{
    if (!cur->up)
        return skip_blanks(text + (str_starts(text, "\xef\xbb\xbf") ? 3 : 0));
    const char *at = find(text, cur->up);
    if (!at || *at != (cur->key ? '{' : '['))
        return NULL;
    return cur->key ? find_member(at, cur->key) : find_element(at, cur->index);
}

int json_line(const struct jcur *cur)
{
    const struct jcur *root = cur;
    while (root->up)
        root = root->up;
    if (!root->text || !strchr(root->text, '\n'))
        return 0;
    for (; cur->up; cur = cur->up) {
        const char *at = find(root->text, cur);
        int line = 1;
        for (const char *c = root->text; at && c < at; c++)
            line += *c == '\n';
        if (at)
            return line;
    }
    return 0;
}
