#include "cli/program.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"

struct answered {
    char *params;
    struct json *answer;
};

struct program {
    pid_t pid;
    FILE *in, *out; /* what it reads; what it says */
    struct answered *kept;
    size_t count, room;
};

static int spawn(struct program *p, const char *command, const int in[2], const int out[2], struct err *err)
{
    char shell[] = "sh", flag[] = "-c", *text = xstrdup(command);
    char *argv[] = {shell, flag, text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in[0], 0);
    posix_spawn_file_actions_adddup2(&files, out[1], 1);
    int failed = posix_spawnp(&p->pid, "sh", &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    free(text);
    return failed ? err_set(err, ERR_IO, "%s: cannot be started: %s", command, strerror(failed)) : 0;
}

int program_start(const char *command, struct program **out, struct err *err)
{
    int in[2], from[2];
    struct program *p = xcalloc(1, sizeof *p);
    if (pipe2(in, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) {
        free(p);
        return err_errno(err, "no pipe");
    }
    signal(SIGPIPE, SIG_IGN); /* a program that ended is an error of its own */
    int rc = spawn(p, command, in, from, err);
    close(in[0]);
    close(from[1]);
    p->in = fdopen(in[1], "w");
    p->out = fdopen(from[0], "r");
    if (rc)
        program_free(p);
    else
        *out = p;
    return rc;
}

void program_free(struct program *p)
{
    if (!p)
        return;
    fclose(p->in);
    fclose(p->out);
    if (p->pid)
        waitpid(p->pid, NULL, 0);
    for (size_t i = 0; i < p->count; i++) {
        free(p->kept[i].params);
        json_free(p->kept[i].answer);
    }
    free(p->kept);
    free(p);
}

/* NULL and err: there is none. */
static struct json *exchange(struct program *p, const char *params, struct err *err)
{
    char *line = NULL;
    size_t room = 0;
    fprintf(p->in, "%s\n", params);
    fflush(p->in);
    ssize_t len = getline(&line, &room, p->out);
    struct json *answer = len > 0 ? json_parse(line, (size_t)len, "the program's answer", err) : NULL;
    if (len <= 0)
        err_set(err, ERR_IO, "the program ended before it answered %.200s", params);
    if (len <= 0)
        err_hint(err, "it gets a line of params after the other, and answers each with a line of metrics");
    else if (!answer)
        err_hint(err, "it said: %.*s", (int)strcspn(line, "\n"), line);
    free(line);
    return answer;
}

static const struct json *answer_to(struct program *p, const char *params, struct err *err)
{
    for (size_t i = p->count; i-- > 0;) /* mostly one of the newest */
        if (strcmp(p->kept[i].params, params) == 0)
            return p->kept[i].answer;
    struct json *answer = exchange(p, params, err);
    if (!answer)
        return NULL;
    GROW(p->kept, p->room, p->count + 1);
    p->kept[p->count++] = (struct answered){xstrdup(params), answer};
    return answer;
}

static double at_epoch(const struct json *values, int epoch)
{
    if (json_type(values) == JSON_ARRAY) {
        size_t count = json_count(values);
        values = count ? json_at(values, (size_t)epoch < count ? (size_t)epoch - 1 : count - 1) : NULL;
    }
    return values && json_type(values) == JSON_NUM ? json_num(values) : NAN;
}

double program_ask(struct program *p, const struct json *params, const char *metric, int epoch,
                   struct err *err)
{
    struct str text = {0}, said = {0};
    double value = NAN;
    json_print(params, &text);
    const struct json *answer = answer_to(p, str_text(&text), err);
    const struct json *values = answer ? json_get(answer, metric) : NULL;
    if (values) {
        value = at_epoch(values, epoch);
    } else if (answer) {
        json_print(answer, &said);
        err_set(err, ERR_BAD, "the program's answer has no \"%s\": %.200s", metric, str_text(&said));
    }
    str_fini(&text);
    str_fini(&said);
    return value;
}
