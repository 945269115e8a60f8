#include "worker/tail.h"

#include <stdint.h>
#include <string.h>

void tail_add(struct tail *tail, const void *bytes, size_t len)
{
    const char *from = bytes;
    if (len > TAIL_BYTES) {
        tail->count += len - TAIL_BYTES;
        from += len - TAIL_BYTES;
        len = TAIL_BYTES;
    }
    for (size_t i = 0; i < len; i++)
        tail->bytes[tail->count++ % TAIL_BYTES] = from[i];
}

/* Where the last TAIL_LINES lines of at most max_bytes begin; inside a line only if that line alone is
 * longer. */
static size_t last_lines(const char *text, size_t len, size_t max_bytes)
{
    size_t start = len > max_bytes ? len - max_bytes : 0;
    int breaks = 0;
    for (size_t at = len; at > start; at--)
        if (text[at - 1] == '\n' && ++breaks == TAIL_LINES)
            return at;
    if (start == 0 || text[start - 1] == '\n')
        return start;
    const char *next = memchr(text + start, '\n', len - start);
    return next ? (size_t)(next + 1 - text) : start;
}

void tail_text(const struct tail *tail, size_t max_bytes, struct str *out)
{
    char text[TAIL_BYTES];
    size_t len = tail->count < TAIL_BYTES ? tail->count : TAIL_BYTES;
    for (size_t i = 0; i < len; i++)
        text[i] = tail->bytes[(tail->count - len + i) % TAIL_BYTES];
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    size_t start = last_lines(text, len, max_bytes);
    text_clean(text + start, len - start, max_bytes, out);
}

void text_clean(const char *text, size_t len, size_t max_bytes, struct str *out)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t added = 0;
    for (size_t at = 0; at < len;) {
        size_t width = utf8_width(c + at, len - at);
        if (width == 2 && c[at] == 0xc2 && c[at + 1] < 0xa0) /* C1 control codes: terminals obey them */
            width = 0;
        if (added + (width ? width : 1) > max_bytes)
            return;
        bool control = width == 1 && (c[at] < 0x20 || c[at] == 0x7f) && c[at] != '\n' && c[at] != '\t';
        if (!width)
            str_addc(out, '?');
        else if (control)
            str_addc(out, ' ');
        else
            str_addn(out, text + at, width);
        at += width ? width : 1;
        added += width ? width : 1;
    }
}
