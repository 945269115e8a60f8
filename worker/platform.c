#include "worker/platform.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "common/str.h"

/* The value of the first "NAME : value" line of /proc/cpuinfo with one of these names; x86 has the first,
 * some of the others' kernels the rest, and arm64 none of them. */
static void cpu_model(char out[80])
{
    static const char *const names[] = {"model name", "cpu model", "Model", "cpu", NULL};
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    out[0] = '\0';
    while (file && !out[0] && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        for (int i = 0; colon && names[i]; i++) {
            size_t len = strlen(names[i]);
            if (str_starts(line, names[i]) && strspn(line + len, " \t") == (size_t)(colon - line) - len)
                sscanf(colon + 1, " %79[^\n]", out);
        }
    }
    if (file)
        fclose(file);
}

void platform_text(char out[PLATFORM_MAX])
{
    struct utsname system;
    char cpu[80];
    cpu_model(cpu);
    if (uname(&system))
        memset(&system, 0, sizeof system);
    snprintf(out, PLATFORM_MAX, "%.12s %.12s %.20s %s", system.machine, system.sysname, system.release, cpu);
    for (size_t len = strlen(out); len && out[len - 1] == ' '; len--)
        out[len - 1] = '\0';
}
