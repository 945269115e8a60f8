#include "common/json_syntax.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Each reader moves *at behind what it has read and returns NULL, or leaves *at at the mistake and says what it is. */
static const char *read_value(const char **at);

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

/* What people write out of habit where JSON has something else; NULL if this is none of it. */
static const char *habit(const char *at)
{
    static const char *const curly[] = {"\xe2\x80\x9c", "\xe2\x80\x9d", "\xe2\x80\x98", "\xe2\x80\x99"};
    for (size_t i = 0; i < sizeof curly / sizeof *curly; i++)
        if (strncmp(at, curly[i], strlen(curly[i])) == 0)
            return "a text stands in straight quotes, not in typographic ones";
    return *at == '#' ? "a comment begins with //, not with #" : NULL;
}

static const char *read_string(const char **at)
{
    const char *c = *at + 1;
    while (*c && *c != '"') {
        if (*c == '\\' && !strchr("\"\\/bfnrtu", c[1])) {
            *at = c;
            return "a \\ in a text is written \\\\";
        }
        c += *c == '\\' && c[1] ? 2 : 1;
    }
    if (!*c)
        return "this text does not end: a quote is missing";
    *at = c + 1;
    return NULL;
}

static const char *read_number(const char **at)
{
    const char *c = *at + (**at == '-');
    size_t digits = strspn(c, "0123456789");
    if (!digits || (*c == '0' && digits > 1))
        return "a number is written like 0.5, -3 or 1e-4";
    c += digits;
    if (*c == '.') {
        digits = strspn(c + 1, "0123456789");
        if (!digits)
            return "a number is written like 0.5, -3 or 1e-4";
        c += 1 + digits;
    }
    if (*c == 'e' || *c == 'E') {
        c += 1 + (c[1] == '+' || c[1] == '-');
        digits = strspn(c, "0123456789");
        if (!digits)
            return "a number is written like 0.5, -3 or 1e-4";
        c += digits;
    }
    if (isalnum((unsigned char)*c) || (*c && strchr("_.*+-^", *c)))
        return "a number is written like 0.5, -3 or 1e-4"; /* 0x10, 1_000, 10**-5 */
    *at = c;
    return NULL;
}

static bool is_word(const char *at, size_t len, const char *const *words)
{
    for (; *words; words++)
        if (len == strlen(*words) && strncasecmp(at, *words, len) == 0)
            return true;
    return false;
}

static const char *read_word(const char **at)
{
    static const char *const words[] = {"true", "false", "null", NULL};
    static const char *const no_numbers[] = {"nan", "inf", "infinity", NULL};
    size_t len = strspn(*at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    for (size_t i = 0; words[i]; i++)
        if (len == strlen(words[i]) && strncmp(*at, words[i], len) == 0) {
            *at += len;
            return NULL;
        }
    if (is_word(*at, len, words))
        return "true, false and null are written in small letters";
    if (is_word(*at, len, no_numbers))
        return "there is no NaN and no infinity in JSON";
    return "a text stands in double quotes; without them there are only true, false and null";
}

/* What may follow a member or an element: a comma, or the end. */
static const char *read_rest(const char **at, const char *close, bool *more)
{
    skip_blanks(at);
    *more = **at == ',';
    if (*more) {
        const char *comma = (*at)++;
        skip_blanks(at);
        if (**at != *close)
            return NULL;
        *at = comma;
        return *close == '}' ? "this comma before a } is one too many"
                             : "this comma before a ] is one too many";
    }
    if (**at == *close) {
        (*at)++;
        return NULL;
    }
    if (**at == '}' || **at == ']')
        return *close == '}' ? "a } is missing before this ]" : "a ] is missing before this }";
    if (!**at)
        return *close == '}' ? "the text ends before its last }" : "the text ends before its last ]";
    return habit(*at) ? habit(*at) : "a comma is missing before this";
}

static const char *read_member(const char **at)
{
    if (!**at)
        return "the text ends before its last }";
    if (**at != '"')
        return isalpha((unsigned char)**at) || **at == '_' || **at == '\'' ? "a key stands in double quotes"
               : habit(*at)                                                ? habit(*at)
                            : "a key in double quotes is missing here";
    const char *fault = read_string(at);
    skip_blanks(at);
    if (!fault && **at != ':')
        fault = "a : is missing between the key and this";
    if (fault)
        return fault;
    (*at)++;
    return read_value(at);
}

static const char *read_container(const char **at)
{
    const char *close = **at == '{' ? "}" : "]", *fault = NULL;
    (*at)++;
    skip_blanks(at);
    bool more = **at != *close;
    if (!more)
        (*at)++;
    while (more && !fault) {
        skip_blanks(at);
        fault = *close == '}' ? read_member(at) : read_value(at);
        if (!fault)
            fault = read_rest(at, close, &more);
    }
    return fault;
}

static const char *read_value(const char **at)
{
    skip_blanks(at);
    switch (**at) {
    case '\0': return "the text ends where a value should be";
    case '{':
    case '[': return read_container(at);
    case '"': return read_string(at);
    case '\'': return "a text stands in double quotes";
    case ',':
    case ':':
    case ']':
    case '}': return "a value is missing before this";
    default: break;
    }
    if (habit(*at))
        return habit(*at);
    return isalpha((unsigned char)**at) || **at == '_' ? read_word(at) : read_number(at);
}

const char *json_syntax_fault(const char *text, size_t *at)
{
    const char *here = text, *fault = read_value(&here);
    skip_blanks(&here);
    if (!fault && *here)
        fault = *here == '}' || *here == ']' ? "this closes nothing that is open"
                : habit(here)                ? habit(here)
                                             : "the text goes on behind its end: an opening { may be missing";
    *at = (size_t)(here - text);
    return fault;
}
