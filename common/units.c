#include "common/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

struct unit {
    const char *name;
    double factor;
};

static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000},
};

static const struct unit size_units[] = {
    {"K", 1024.0},
    {"M", 1048576.0},
    {"G", 1073741824.0},
    {"T", 1099511627776.0},
};

/* strtod also takes "inf", "nan" and "0x10": a quantity starts with a digit or a point. */
static const char *read_number(const char *at, double *value)
{
    if ((!isdigit((unsigned char)*at) && *at != '.') || tolower((unsigned char)at[1]) == 'x')
        return NULL;
    char *end;
    *value = strtod(at, &end);
    return end == at ? NULL : end;
}

static const struct unit *read_unit(const char **at, const struct unit *units, size_t count)
{
    const struct unit *found = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(units[i].name);
        if (strncmp(*at, units[i].name, len) == 0 && (!found || len > strlen(found->name)))
            found = &units[i];
    }
    if (found)
        *at += strlen(found->name);
    return found;
}

int duration_parse(const char *text, int64_t *ms, struct err *err)
{
    const char *at = text;
    double total = 0;
    do {
        while (*at == ' ')
            at++;
        double value;
        at = read_number(at, &value);
        const struct unit *unit = at ? read_unit(&at, duration_units, COUNT_OF(duration_units)) : NULL;
        if (!unit) {
            err_set(err, ERR_BAD, "\"%.40s\" is not a duration", text);
            return err_hint(err, "write a number with a unit: 250ms, 90s, 2h30m, 1d");
        }
        total += value * unit->factor;
    } while (*at);
    if (!(total <= 100.0 * 366 * 86400000))
        return err_set(err, ERR_BAD, "\"%.40s\" is longer than 100 years", text);
    *ms = (int64_t)llround(total);
    return 0;
}

int size_parse(const char *text, int64_t *bytes, struct err *err)
{
    double value;
    const char *at = read_number(text, &value);
    while (at && *at == ' ')
        at++;
    const struct unit *unit = at ? read_unit(&at, size_units, COUNT_OF(size_units)) : NULL;
    if (at && ((unit && strcmp(at, "iB") == 0) || strcmp(at, "B") == 0))
        at += strlen(at);
    if (!at || *at || !(value * (unit ? unit->factor : 1) < 0x1p62)) {
        err_set(err, ERR_BAD, "\"%.40s\" is not a size", text);
        return err_hint(err, "write a number of bytes, or one with K, M, G or T: 8G is 8 GiB");
    }
    *bytes = (int64_t)llround(value * (unit ? unit->factor : 1));
    return 0;
}

void duration_text(int64_t ms, char out[32])
{
    long long s = ms / 1000;
    if (ms < 1000)
        snprintf(out, 32, "%lldms", (long long)ms);
    else if (s < 10)
        snprintf(out, 32, "%lld.%llds", s, (long long)(ms / 100 % 10));
    else if (s < 60)
        snprintf(out, 32, "%llds", s);
    else if (s < 3600)
        snprintf(out, 32, "%lldm %02llds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, 32, "%lldh %02lldm", s / 3600, s / 60 % 60);
    else
        snprintf(out, 32, "%lldd %02lldh", s / 86400, s / 3600 % 24);
}

void size_text(int64_t bytes, char out[32])
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    size_t i = 0;
    while (value >= 1024 && i + 1 < COUNT_OF(names)) {
        value /= 1024;
        i++;
    }
    snprintf(out, 32, i ? "%.1f %s" : "%.0f %s", value, names[i]);
}
