#include "cli/bind.h"

#include <string.h>

#include "common/check.h"

/* "tcp://HOST:PORT" -> HOST and its length; NULL if it is no tcp address. */
static const char *host_of(const char *address, size_t *len)
{
    if (!str_starts(address, "tcp://"))
        return NULL;
    const char *host = address + 6, *port = strrchr(host, ':');
    *len = port ? (size_t)(port - host) : strlen(host);
    return host;
}

static bool is_one_of(const char *host, size_t len, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == len && strncmp(host, names[i], len) == 0)
            return true;
    return false;
}

bool bind_is_local(const char *address)
{
    static const char *const local[] = {"localhost", "[::1]", "::1", "lo"};
    size_t len;
    const char *host = host_of(address, &len);
    if (!host)
        return true;
    // 127.0.0.0/8 is a number: 127.evil.example is a name
    bool number = strspn(host, "0123456789.") >= len;
    return (number && str_starts(host, "127.")) || is_one_of(host, len, local, COUNT_OF(local));
}

int bind_check(const char *address, bool insecure, struct err *err)
{
    if (insecure || bind_is_local(address))
        return 0;
    err_set(err, ERR_BAD, "%s can be reached from other hosts, and there are no keys", address);
    return err_hint(err,
                    "hone keygen makes them; or --insecure, AND WHOEVER REACHES THE PORT CAN RUN COMMANDS ON "
                    "EVERY WORKER; or listen on tcp://127.0.0.1:7077");
}

void bind_reach(const char *listening, const char *host, struct str *out)
{
    static const char *const every[] = {"*", "0.0.0.0", "[::]", "::"};
    size_t len;
    const char *at = host_of(listening, &len);
    if (at && is_one_of(at, len, every, COUNT_OF(every)))
        str_addf(out, "tcp://%s%s", host, at + len);
    else
        str_add(out, listening);
}
