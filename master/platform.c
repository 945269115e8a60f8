#include "master/platform.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/utsname.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

static char text[128];

static bool has_fma(void)
{
#if defined __x86_64__ || defined __i386__
    return __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

static const char *library(void)
{
#ifdef __GLIBC__
    return gnu_get_libc_version();
#else
    return "other";
#endif
}

static void look(void)
{
    struct utsname system;
    bool known = uname(&system) == 0;
    snprintf(text, sizeof text, "%.20s%s gcc %d.%d glibc %.20s", known ? system.machine : "unknown",
             has_fma() ? "+fma" : "", __GNUC__, __GNUC_MINOR__, library());
}

const char *platform_here(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look);
    return text;
}
