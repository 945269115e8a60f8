#include "common/str.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/mem.h"

void str_fini(struct str *str)
{
    free(str->text);
    *str = (struct str){0};
}

void str_clear(struct str *str)
{
    str->len = 0;
    if (str->text)
        str->text[0] = '\0';
}

char *str_take(struct str *str)
{
    char *text = str->text ? str->text : xstrdup("");
    *str = (struct str){0};
    return text;
}

const char *str_text(const struct str *str)
{
    return str->text ? str->text : "";
}

void str_addn(struct str *str, const void *bytes, size_t len)
{
    GROW(str->text, str->room, str->len + len + 1);
    if (len)
        memcpy(str->text + str->len, bytes, len);
    str->len += len;
    str->text[str->len] = '\0';
}

void str_add(struct str *str, const char *text)
{
    str_addn(str, text, strlen(text));
}

void str_addc(struct str *str, char c)
{
    str_addn(str, &c, 1);
}

void str_addf(struct str *str, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (len > 0 && (size_t)len < sizeof small) {
        str_addn(str, small, (size_t)len);
    } else if (len > 0) {
        GROW(str->text, str->room, str->len + (size_t)len + 1);
        vsnprintf(str->text + str->len, (size_t)len + 1, fmt, again);
        str->len += (size_t)len;
    }
    va_end(again);
}

void num_text(double value, char out[32])
{
    if (!isfinite(value)) {
        strcpy(out, "null");
        return;
    }
    if (value == floor(value) && fabs(value) < 9007199254740992.0) {
        snprintf(out, 32, "%s%lld", value == 0 && signbit(value) ? "-" : "", (long long)value);
        return;
    }
    /* %g drops trailing zeros, so 15 digits that read back are the shortest; only subnormals have fewer. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        if (snprintf(out, 32, "%.*g", digits, value) < 32 && strtod(out, NULL) == value)
            return;
    }
}

void str_add_word(struct str *str, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,=@+%";
    if (*text && !text[strspn(text, plain)]) {
        str_add(str, text);
        return;
    }
    str_addc(str, '\'');
    for (; *text; text++)
        str_add(str, *text == '\'' ? "'\\''" : (const char[]){*text, '\0'});
    str_addc(str, '\'');
}

void str_add_num(struct str *str, double value)
{
    char text[32];
    num_text(value, text);
    str_add(str, text);
}

bool str_same_nocase(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Over at most 64 characters, names are no longer: how many are wrong, missing, too many, or swapped with their neighbour
 * (optimal string alignment). */
int str_distance(const char *a, const char *b)
{
    enum { MOST = 64 };
    size_t la = strnlen(a, MOST), lb = strnlen(b, MOST);
    int rows[3][MOST + 1]; /* of this character of `a` and of the two before it */
    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = (int)j;
    for (size_t i = 1; i <= la; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= lb; j++) {
            int best = above[j - 1] + !same_letter(a[i - 1], b[j - 1]);
            best = smaller(best, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
                best = smaller(best, two_above[j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[la % 3][lb];
}

bool str_starts(const char *text, const char *front)
{
    return strncmp(text, front, strlen(front)) == 0;
}

size_t utf8_width(const void *text, size_t left)
{
    const unsigned char *s = text;
    if (left && s[0] < 0x80)
        return 1;
    size_t len = !left                         ? 0
                 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                 : (s[0] & 0xf0) == 0xe0       ? 3
                 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                               : 0;
    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || beyond ? 0 : len;
}

/* Most of what is sent is ASCII: eight bytes at a time. */
size_t utf8_wrong_at(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        uint64_t eight = UINT64_MAX;
        if (len - i >= sizeof eight)
            memcpy(&eight, text + i, sizeof eight);
        size_t step = eight & 0x8080808080808080u ? utf8_width(text + i, len - i) : sizeof eight;
        if (!step)
            return i;
        i += step;
    }
    return len;
}

bool str_copy(char *out, size_t room, const char *text)
{
    size_t len = strlen(text);
    if (len >= room) {
        out[0] = '\0';
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

bool name_ok(const char *name)
{
    size_t len = strnlen(name, 65);
    if (len < 1 || len > 64 || !(isalpha((unsigned char)name[0]) || name[0] == '_'))
        return false;
    for (size_t i = 1; i < len; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
            return false;
    return true;
}
