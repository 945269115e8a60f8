#include "common/check_result.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"

static const char *const names[] = {"skipped", "good", "fine", "suspicious", "wrong"};

const char *verdict_name(enum verdict verdict)
{
    return names[verdict];
}

bool verdict_parse(const char *name, enum verdict *out)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum verdict)i;
            return true;
        }
    }
    return false;
}

void check_result_set(struct check_result *out, const char *gate, const char *name, enum verdict verdict,
                      const char *fmt, ...)
{
    va_list ap;
    *out = (struct check_result){.verdict = verdict, .value = NAN, .expected = NAN};
    snprintf(out->gate, sizeof out->gate, "%s", gate);
    snprintf(out->name, sizeof out->name, "%s", name);
    va_start(ap, fmt);
    vsnprintf(out->text, sizeof out->text, fmt, ap);
    va_end(ap);
    out->text[utf8_wrong_at(out->text, strlen(out->text))] = '\0'; /* cut in the middle of a character */
}

void check_result_write(const struct check_result *result, struct jw *w, const char *key)
{
    jw_object(w, key);
    jw_text(w, "gate", result->gate);
    jw_text(w, "name", result->name);
    if (result->part[0])
        jw_text(w, "part", result->part);
    jw_text(w, "verdict", verdict_name(result->verdict));
    if (isfinite(result->value))
        jw_num(w, "value", result->value);
    if (isfinite(result->expected))
        jw_num(w, "expected", result->expected);
    jw_text(w, "text", result->text);
    if (result->hint[0])
        jw_text(w, "hint", result->hint);
    jw_close_object(w);
}

/* Control characters go: the texts may come from a stranger and end up on a terminal. */
static void take_text(const struct json *object, const char *key, char *out, size_t room)
{
    const char *text = json_text(json_get(object, key));
    snprintf(out, room, "%s", text);
    out[utf8_wrong_at(out, strlen(out))] = '\0';
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < ' ' && *c != '\n')
            *c = ' ';
}

static double number_of(const struct json *node)
{
    return node && json_type(node) == JSON_NUM ? json_num(node) : NAN;
}

bool check_result_read(const struct json *object, struct check_result *out)
{
    *out = (struct check_result){0};
    if (!object || !verdict_parse(json_text(json_get(object, "verdict")), &out->verdict))
        return false;
    take_text(object, "gate", out->gate, sizeof out->gate);
    take_text(object, "name", out->name, sizeof out->name);
    take_text(object, "part", out->part, sizeof out->part);
    take_text(object, "text", out->text, sizeof out->text);
    take_text(object, "hint", out->hint, sizeof out->hint);
    out->value = number_of(json_get(object, "value"));
    out->expected = number_of(json_get(object, "expected"));
    return out->gate[0] && out->name[0];
}
