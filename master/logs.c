#include "master/logs.h"

#include <stdlib.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/stretch.h"

static const double EXACT = 9007199254740991.0; /* 2^53 - 1 */

/* Names are names, numbers are numbers: the path cannot climb. */
static int read_path(const struct jcur *args, const char *root, struct log_asked *asked, char **out,
                     struct err *err)
{
    struct jcur worker = jcur_get(args, "worker"), study = jcur_get(args, "study");
    struct jcur trial = jcur_get(args, "trial"), attempt = jcur_get(args, "attempt");
    const char *end = asked->older ? ".1" : "", *name;
    if (jcur_has(&worker)) {
        if (jcur_name(&worker, &name, err))
            return ERR_BAD;
        *out = xasprintf("%s/workers/%s.log%s", root, name, end);
        return 0;
    }
    if (jcur_name(&study, &name, err) || jcur_int(&trial, 1, UINT32_MAX, &asked->trial, err) ||
        jcur_int(&attempt, 1, 1000000, &asked->attempt, err))
        return ERR_BAD;
    str_copy(asked->study, sizeof asked->study, name);
    *out = xasprintf("%s/%s/t%05lld/a%lld/log%s", root, name, (long long)asked->trial,
                     (long long)asked->attempt, end);
    return 0;
}

static int read_asked(const struct jcur *args, const char *root, struct log_asked *out, char **path,
                      struct err *err)
{
    struct jcur offset = jcur_get(args, "offset"), bytes = jcur_get(args, "bytes"),
                older = jcur_get(args, "older");
    *out = (struct log_asked){.bytes = STRETCH_MAX};
    if ((jcur_has(&offset) && jcur_int(&offset, (int64_t)-EXACT, (int64_t)EXACT, &out->offset, err)) ||
        (jcur_has(&bytes) && jcur_int(&bytes, 0, STRETCH_MAX, &out->bytes, err)) ||
        (jcur_has(&older) && jcur_bool(&older, &out->older, err)))
        return ERR_BAD;
    return read_path(args, root, out, path, err);
}

static struct json *log_json(int64_t file, int64_t offset, int64_t size, const char *data)
{
    struct str text = {0};
    struct jw w = jw_to(&text);
    jw_object(&w, NULL);
    jw_int(&w, "file", file);
    if (file) {
        jw_int(&w, "offset", offset);
        jw_int(&w, "size", size);
        jw_text(&w, "data", data);
    }
    jw_close_object(&w);
    struct json *json = json_parse(str_text(&text), text.len, "log", NULL);
    str_fini(&text);
    return json;
}

bool logs_answer(const char *root, const struct msg_call *call, struct log_asked *asked,
                 struct msg_answer *answer)
{
    struct jcur args = jcur_root(call->args, "log");
    struct stretch stretch = {0};
    struct str data = {0};
    struct err err = ERR_NONE;
    char *path = NULL;
    int rc = read_asked(&args, root, asked, &path, &err);
    if (!rc) {
        stretch_read(path, asked->offset, asked->bytes, &stretch);
        base64_add(&data, str_text(&stretch.data), stretch.data.len);
        answer->result = log_json(stretch.file, stretch.offset, stretch.size, str_text(&data));
    }
    bool is_elsewhere = !rc && !stretch.file && asked->trial;
    msg_answer_outcome(answer, call->id, rc, &err);
    stretch_fini(&stretch);
    str_fini(&data);
    free(path);
    return !is_elsewhere;
}

void logs_pass_on(const struct msg_seen *seen, int64_t most, uint64_t call, struct msg_answer *answer)
{
    const struct err none = ERR_NONE;
    char *bytes = xmalloc(STRETCH_MAX);
    const char *data = seen && seen->data ? json_text(seen->data) : "";
    bool fits = seen && most <= STRETCH_MAX && base64_read(data, bytes, (size_t)most) >= 0;
    answer->result = fits ? log_json((int64_t)seen->file, (int64_t)seen->offset, (int64_t)seen->size, data)
                          : log_json(0, 0, 0, "");
    msg_answer_outcome(answer, call, 0, &none);
    free(bytes);
}
