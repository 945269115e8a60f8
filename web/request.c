#include "web/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Takes %xx out of a text in place; false: it is broken, or stands for what no name or number here has. */
static bool decode(char *text)
{
    char *to = text;
    for (const char *c = text; *c; c++) {
        if (*c == '%') {
            int high = hex_digit(c[1]), low = high < 0 ? -1 : hex_digit(c[2]);
            if (low < 0)
                return false;
            *to = (char)(high << 4 | low);
            c += 2;
        } else {
            *to = *c;
        }
        if ((unsigned char)*to < 0x20 || *to == 0x7f)
            return false;
        to++;
    }
    *to = '\0';
    return utf8_wrong_at(text, (size_t)(to - text)) == (size_t)(to - text);
}

static int add_arg(struct request *out, char *part, struct err *err)
{
    char *value = strchr(part, '=');
    if (!*part)
        return 0;
    if (value)
        *value++ = '\0';
    if (!*part || !decode(part) || (value && !decode(value)))
        return err_set(err, ERR_BAD,
                       "an argument cannot be read: broken %%xx, control characters, or no name");
    if (request_arg(out, part))
        return err_set(err, ERR_BAD, "%.40s is given twice", part);
    if (out->arg_count == REQUEST_ARGS_MAX)
        return err_set(err, ERR_BAD, "more than %d arguments", REQUEST_ARGS_MAX);
    out->args[out->arg_count++] = (struct request_arg){part, value ? value : ""};
    return 0;
}

int request_parse(const char *target, struct request *out, struct err *err)
{
    out->path = "";
    out->arg_count = 0;
    if (*target != '/')
        return err_set(err, ERR_BAD, "the target does not begin with /");
    if (!str_copy(out->text, sizeof out->text, target))
        return err_set(err, ERR_BAD, "the target is longer than %d bytes", REQUEST_TARGET_MAX - 1);
    char *rest = strchr(out->text, '?');
    if (rest)
        *rest++ = '\0';
    out->path = out->text;
    if (!decode(out->text))
        return err_set(err, ERR_BAD, "the path cannot be read: broken %%xx, or control characters");
    int rc = 0;
    while (rest && !rc) {
        char *part = rest;
        rest = strchr(part, '&');
        if (rest)
            *rest++ = '\0';
        rc = add_arg(out, part, err);
    }
    return rc;
}

const char *request_arg(const struct request *request, const char *name)
{
    for (int i = 0; i < request->arg_count; i++)
        if (strcmp(request->args[i].name, name) == 0)
            return request->args[i].value;
    return NULL;
}

int request_text(const struct request *request, const char *name, const char **out, struct err *err)
{
    *out = request_arg(request, name);
    return *out && **out ? 0 : err_set(err, ERR_BAD, "%s: %s= is missing", request->path, name);
}

/* Digits alone: no sign, no blank, no base. */
static int whole(const char *text, const char **end, int64_t *out)
{
    char *stop;
    errno = 0;
    if (*text < '0' || *text > '9')
        return ERR_BAD;
    long long value = strtoll(text, &stop, 10);
    *end = stop;
    *out = value;
    return errno ? ERR_BAD : 0;
}

int request_whole(const struct request *request, const struct request_range *range, int64_t *out,
                  struct err *err)
{
    const char *text = request_arg(request, range->name), *end = "";
    *out = range->absent;
    if (!text && range->absent >= range->low)
        return 0;
    if (!text || whole(text, &end, out) || *end || *out < range->low || *out > range->high)
        return err_set(err, ERR_BAD, "%s: %s: must be a whole number of %lld to %lld (got \"%.40s\")",
                       request->path, range->name, (long long)range->low, (long long)range->high,
                       text ? text : "");
    return 0;
}

int request_numbers(const struct request *request, const char *name, uint32_t *out, int most, struct err *err)
{
    const char *text = request_arg(request, name);
    int count = 0;
    for (const char *at = text; at && *at;) {
        int64_t value;
        if (whole(at, &at, &value) || value < 1 || value > UINT32_MAX || (*at && *at != ',') ||
            (*at && !at[1]))
            return err_set(err, ERR_BAD, "%s: %s: must be numbers of trials, as in 1,2,3 (got \"%.60s\")",
                           request->path, name, text);
        if (count == most)
            return err_set(err, ERR_BAD, "%s: %s: more than %d trials", request->path, name, most);
        out[count++] = (uint32_t)value;
        at += *at == ',';
    }
    return count ? count : err_set(err, ERR_BAD, "%s: %s= is missing", request->path, name);
}
