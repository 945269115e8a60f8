#include "web/gate.h"

#include <arpa/inet.h>
#include <string.h>
#include <stdlib.h>

#include "common/base64.h"
#include "common/hash.h"
#include "common/str.h"

void gate_new_token(char token[GATE_TOKEN_ROOM])
{
    unsigned char secret[32];
    struct str text = {0};
    random_bytes(secret, sizeof secret);
    base64_add(&text, secret, sizeof secret);
    for (char *c = text.text; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
    str_copy(token, GATE_TOKEN_ROOM, str_text(&text));
    str_fini(&text);
}

/* Looks at every character of `secret` whatever `given` is. */
static bool same_secret(const char *secret, const char *given)
{
    size_t len = strlen(secret), given_len = strlen(given);
    volatile unsigned char differ = len != given_len;
    for (size_t i = 0; i < len; i++)
        differ |= (unsigned char)(secret[i] ^ given[given_len ? i % given_len : 0]);
    return !differ;
}

bool gate_token_fits(const char *token, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return false;
    return same_secret(token, authorization + sizeof scheme - 1);
}

/* The name without its port: "[::1]:7080" -> "::1", "localhost:7080" -> "localhost". */
static bool bare_name(const char *host, char out[256])
{
    bool bracket = *host == '[';
    size_t len = bracket ? strcspn(++host, "]") : strcspn(host, ":");
    const char *port = host + len;
    if (bracket && *port++ != ']')
        return false;
    if (len == 0 || len > 255 ||
        (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1))))
        return false;
    memcpy(out, host, len);
    out[len] = '\0';
    return true;
}

bool gate_host_fits(const char *host, const char *own)
{
    char name[256];
    unsigned char address[sizeof(struct in6_addr)];
    if (!host || !bare_name(host, name))
        return false;
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1 ||
           str_same_nocase(name, "localhost") || (own && *own && str_same_nocase(name, own));
}
