#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *fmt, ...)
{
    if (!err)
        return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    err->code = code;
    err->hint[0] = '\0';
    return code;
}

int err_errno(struct err *err, const char *fmt, ...)
{
    int saved = errno;
    if (!err)
        return ERR_IO;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(saved));
    err->code = ERR_IO;
    err->hint[0] = '\0';
    return ERR_IO;
}

int err_hint(struct err *err, const char *fmt, ...)
{
    if (!err)
        return ERR_BAD;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->hint, sizeof err->hint, fmt, ap);
    va_end(ap);
    return err->code;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
    if (!err)
        return ERR_BAD;
    char front[sizeof err->text];
    va_list ap;
    va_start(ap, fmt);
    int used = vsnprintf(front, sizeof front, fmt, ap);
    va_end(ap);
    if (used < 0 || (size_t)used >= sizeof front)
        return err->code;
    size_t room = sizeof err->text - (size_t)used - 1;
    size_t keep = strnlen(err->text, room);
    memmove(err->text + used, err->text, keep);
    memcpy(err->text, front, (size_t)used);
    err->text[(size_t)used + keep] = '\0';
    return err->code;
}

int err_exit_status(int code)
{
    switch (code) {
    case 0: return 0;
    case ERR_NO: return 1;
    case ERR_BAD:
    case ERR_GONE: return 2;
    default: return 3;
    }
}
