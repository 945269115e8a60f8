#include "cli/glyph.h"

#include <stdint.h>
#include <string.h>

#include "common/check.h"
#include "common/str.h"

struct range {
    uint32_t low, high;
};

static const struct range controls[] = {
    {0x00, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfff9, 0xfffb}};
static const struct range combining[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
                                         {0x064b, 0x065f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                                         {0x200b, 0x200f}, {0x2060, 0x2064}, {0x20d0, 0x20ff},
                                         {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
    {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};

static bool is_in(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].low && code <= ranges[i].high)
            return true;
    return false;
}

static uint32_t code_of(const char *text, size_t bytes)
{
    static const unsigned char lead[] = {0x7f, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)text[0] & lead[bytes];
    for (size_t i = 1; i < bytes; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    return code;
}

struct glyph glyph_at(const char *text)
{
    if (!*text)
        return (struct glyph){0};
    size_t bytes = utf8_width(text, strnlen(text, 4));
    if (!bytes)
        return (struct glyph){1, 1, true};
    uint32_t code = code_of(text, bytes);
    if (is_in(code, controls, COUNT_OF(controls)))
        return (struct glyph){bytes, 1, true};
    if (is_in(code, combining, COUNT_OF(combining)))
        return (struct glyph){bytes, 0, false};
    return (struct glyph){bytes, is_in(code, wide, COUNT_OF(wide)) ? 2 : 1, false};
}

size_t glyph_columns(const char *text)
{
    size_t columns = 0;
    for (struct glyph g = glyph_at(text); g.bytes; text += g.bytes, g = glyph_at(text))
        columns += g.columns;
    return columns;
}
