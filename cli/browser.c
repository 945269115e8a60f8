#include "cli/browser.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

static int start(const char *path)
{
    pid_t pid;
    char *argv[] = {(char *)(uintptr_t) "xdg-open", (char *)(uintptr_t)path, NULL};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    int rc = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* Mode 0600, by mkstemps. */
static int write_page(struct browser *browser, const char *url)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    folder = folder && *folder ? folder : "/tmp";
    if (snprintf(browser->path, sizeof browser->path, "%s/hone-dash-XXXXXX.html", folder) >=
        (int)sizeof browser->path)
        return -1;
    int fd = mkstemps(browser->path, 5);
    if (fd < 0)
        return -1;
    int wrote = dprintf(fd, "<!doctype html><meta http-equiv=\"refresh\" content=\"0; url=%s\">\n", url);
    return close(fd) == 0 && wrote > 0 ? 0 : -1;
}

void browser_open(struct browser *browser, const char *url)
{
    int rc = write_page(browser, url);
    if (rc)
        browser->path[0] = '\0';
    else
        rc = start(browser->path);
    if (rc)
        log_warn("no browser could be started; open the address above in one");
}

void browser_forget(struct browser *browser)
{
    if (*browser->path)
        unlink(browser->path);
    browser->path[0] = '\0';
}
