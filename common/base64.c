#include "common/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct str *out, const void *bytes, size_t len)
{
    const unsigned char *b = bytes;
    char buffer[4096];
    size_t used = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v =
            (uint32_t)b[i] << 16 | (left > 1 ? (uint32_t)b[i + 1] << 8 : 0) | (left > 2 ? b[i + 2] : 0);
        buffer[used++] = alphabet[v >> 18];
        buffer[used++] = alphabet[v >> 12 & 63];
        buffer[used++] = left > 1 ? alphabet[v >> 6 & 63] : '=';
        buffer[used++] = left > 2 ? alphabet[v & 63] : '=';
        if (used == sizeof buffer) {
            str_addn(out, buffer, used);
            used = 0;
        }
    }
    str_addn(out, buffer, used);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The last four characters: 1 to 3 bytes. */
static long read_last(const char *text, unsigned char *out)
{
    int a = value_of(text[0]), b = value_of(text[1]), c = value_of(text[2]), d = value_of(text[3]);
    long count = text[3] != '=' ? 3 : text[2] != '=' ? 2 : 1;
    if (a < 0 || b < 0 || (count >= 2 && c < 0) || (count == 3 && d < 0))
        return -1;
    uint32_t v =
        (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)(c < 0 ? 0 : c) << 6 | (uint32_t)(d < 0 ? 0 : d);
    for (long i = 0; i < count; i++)
        out[i] = (unsigned char)(v >> (16 - 8 * i));
    return count;
}

long base64_read(const char *text, void *out, size_t room)
{
    size_t len = strlen(text);
    unsigned char *to = out, last[3];
    if (len % 4 || len / 4 * 3 > room + 2)
        return -1;
    if (!len)
        return 0;
    for (; len > 4; len -= 4, text += 4, to += 3) {
        int a = value_of(text[0]), b = value_of(text[1]), c = value_of(text[2]), d = value_of(text[3]);
        if ((a | b | c | d) < 0)
            return -1;
        uint32_t v = (uint32_t)a << 18 | (uint32_t)b << 12 | (uint32_t)c << 6 | (uint32_t)d;
        to[0] = (unsigned char)(v >> 16);
        to[1] = (unsigned char)(v >> 8);
        to[2] = (unsigned char)v;
    }
    long count = read_last(text, last), before = (long)(to - (unsigned char *)out);
    if (count < 0 || (size_t)(before + count) > room)
        return -1;
    memcpy(to, last, (size_t)count);
    return before + count;
}
