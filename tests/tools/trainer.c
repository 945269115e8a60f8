#include "tests/tools/trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "worker/builtin.h"

enum { PATIENCE_MS = 240000 };

void peer_start(struct peer *peer)
{
    int down[2], up[2];
    char in[16], out[16];
    *peer = (struct peer){.dir = "/tmp/hone-test-XXXXXX"};
    assert_non_null(mkdtemp(peer->dir));
    assert_int_equal(pipe2(down, O_CLOEXEC) | pipe2(up, O_CLOEXEC), 0);
    peer->pid = fork();
    if (!peer->pid) {
        snprintf(in, sizeof in, "%d", down[0]);
        snprintf(out, sizeof out, "%d", up[1]);
        setenv("HONE_IN_FD", in, 1);
        setenv("HONE_OUT_FD", out, 1);
        close(down[1]);
        close(up[0]);
        _exit(builtin_train());
    }
    close(down[0]);
    close(up[1]);
    peer->to = down[1];
    peer->from = up[0];
}

void peer_say(struct peer *peer, const char *line)
{
    assert_int_equal(write(peer->to, line, strlen(line)), (ssize_t)strlen(line));
    assert_int_equal(write(peer->to, "\n", 1), 1);
}

struct json *peer_hear(struct peer *peer)
{
    char *end;
    while (!(end = peer->input.len ? memchr(peer->input.text, '\n', peer->input.len) : NULL)) {
        struct pollfd ready = {.fd = peer->from, .events = POLLIN};
        char chunk[1000];
        if (poll(&ready, 1, PATIENCE_MS) != 1)
            fail_msg("nothing was said");
        ssize_t got = read(peer->from, chunk, sizeof chunk);
        if (got <= 0)
            return NULL;
        str_addn(&peer->input, chunk, (size_t)got);
    }
    size_t len = (size_t)(end - peer->input.text);
    struct err err = ERR_NONE;
    struct json *line = json_parse(peer->input.text, len, "trainer", &err);
    if (!line)
        fail_msg("%s", err.text);
    memmove(peer->input.text, end + 1, peer->input.len - len);
    peer->input.len -= len + 1;
    return line;
}

struct json *peer_hear_report(struct peer *peer)
{
    struct json *line = peer_hear(peer);
    while (json_get(line, "note")) {
        json_free(line);
        line = peer_hear(peer);
    }
    return line;
}

int peer_end(struct peer *peer)
{
    int status;
    close(peer->to);
    assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
    close(peer->from);
    str_fini(&peer->input);
    char *command = xasprintf("rm -r %s", peer->dir);
    assert_int_equal(system(command), 0);
    free(command);
    return status;
}
