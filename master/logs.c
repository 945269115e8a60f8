#include "master/logs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"

static const double EXACT = 9007199254740991.0; /* 2^53 - 1 */

struct asked {
    char *path;
    int64_t offset; /* of its first byte; negative: so many bytes before its end */
    int64_t bytes;
};

/* Names are names, numbers are numbers: the path cannot climb. */
static int read_path(const struct jcur *args, const char *root, bool older, char **out, struct err *err)
{
    struct jcur worker = jcur_get(args, "worker"), study = jcur_get(args, "study");
    struct jcur trial = jcur_get(args, "trial"), attempt = jcur_get(args, "attempt");
    const char *end = older ? ".1" : "", *name;
    int64_t number, which;
    if (jcur_has(&worker)) {
        if (jcur_name(&worker, &name, err))
            return ERR_BAD;
        *out = xasprintf("%s/workers/%s.log%s", root, name, end);
        return 0;
    }
    if (jcur_name(&study, &name, err) || jcur_int(&trial, 1, UINT32_MAX, &number, err) ||
        jcur_int(&attempt, 1, 1000000, &which, err))
        return ERR_BAD;
    *out = xasprintf("%s/%s/t%05lld/a%lld/log%s", root, name, (long long)number, (long long)which, end);
    return 0;
}

static int read_asked(const struct jcur *args, const char *root, struct asked *out, struct err *err)
{
    struct jcur offset = jcur_get(args, "offset"), bytes = jcur_get(args, "bytes"),
                older = jcur_get(args, "older");
    bool is_older = false;
    *out = (struct asked){.bytes = LOG_READ_MAX};
    if ((jcur_has(&offset) && jcur_int(&offset, (int64_t)-EXACT, (int64_t)EXACT, &out->offset, err)) ||
        (jcur_has(&bytes) && jcur_int(&bytes, 0, LOG_READ_MAX, &out->bytes, err)) ||
        (jcur_has(&older) && jcur_bool(&older, &is_older, err)))
        return ERR_BAD;
    return read_path(args, root, is_older, &out->path, err);
}

static void read_stretch(int fd, const struct stat *st, const struct asked *asked, struct jw *w)
{
    struct str data = {0};
    int64_t from = asked->offset < 0 ? st->st_size + asked->offset : asked->offset;
    from = from < 0 ? 0 : from > st->st_size ? st->st_size : from;
    char *bytes = xmalloc((size_t)asked->bytes + 1);
    ssize_t got = pread(fd, bytes, (size_t)asked->bytes, from);
    base64_add(&data, bytes, got > 0 ? (size_t)got : 0);
    jw_int(w, "offset", from);
    jw_int(w, "size", st->st_size);
    jw_text(w, "data", str_text(&data));
    free(bytes);
    str_fini(&data);
}

static void read_log(const struct asked *asked, struct jw *w)
{
    struct stat st = {0};
    int fd = open(asked->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    jw_int(w, "file", is_file ? (int64_t)(st.st_ino & (uint64_t)EXACT) : 0);
    if (is_file)
        read_stretch(fd, &st, asked, w);
    if (fd >= 0)
        close(fd);
}

void logs_answer(const char *root, const struct msg_call *call, struct msg_answer *answer)
{
    struct jcur args = jcur_root(call->args, "log");
    struct asked asked;
    struct err err = ERR_NONE;
    int rc = read_asked(&args, root, &asked, &err);
    if (!rc) {
        struct str text = {0};
        struct jw w = jw_to(&text);
        jw_object(&w, NULL);
        read_log(&asked, &w);
        jw_close_object(&w);
        answer->result = json_parse(str_text(&text), text.len, "log", NULL);
        str_fini(&text);
        free(asked.path);
    }
    msg_answer_outcome(answer, call->id, rc, &err);
}
