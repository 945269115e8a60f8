#include "worker/nn/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/mem.h"

enum { VERSION = 1, FRONT = 16, TAIL = HASH_HEX - 1, HEADER_MAX = 1 << 20 };

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");

static const char magic[8] = {'H', 'O', 'N', 'E', 'C', 'K', 'P', 'T'};
static const int64_t file_max = (int64_t)8 << 30;

void checkpoint_name(int64_t trial, int epoch, double val_acc, char out[64])
{
    snprintf(out, 64, "t%05lld.e%03d.v%.4f.ckpt", (long long)trial, epoch, isfinite(val_acc) ? val_acc : 0.0);
}

/* ---- writing ---- */

struct source {
    const char *name;
    const float *values;
    size_t count;
};

static int sources(const struct training *t, struct source out[CHECKPOINT_ARRAYS])
{
    const struct net *net = t->net;
    const struct data_norm *norm = &t->data->norm;
    size_t channels = (size_t)norm->channels;
    const struct source all[] = {
        {"params", net->params, net->param_count},
        {"states", net->states, net->state_count},
        {"first", t->optimizer.first, net->param_count},
        {"second", t->optimizer.second, net->param_count},
        {"ema", t->ema, net->param_count},
        {"norm_mean", norm->mean, channels},
        {"norm_scale", norm->scale, channels},
    };
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i].values && all[i].count)
            out[count++] = all[i];
    return count;
}

static void write_metrics(struct jw *w, const struct epoch_metrics *m)
{
    jw_object(w, "metrics");
    jw_num(w, "train_loss", m->train_loss);
    jw_num(w, "train_acc", m->train_acc);
    jw_num(w, "val_loss", m->val_loss);
    jw_num(w, "val_acc", m->val_acc);
    jw_num(w, "lr", m->lr);
    jw_close_object(w);
}

static void write_plateau(struct jw *w, const struct plateau *plateau)
{
    jw_object(w, "plateau");
    jw_num(w, "best", plateau->best);
    jw_int(w, "waited", plateau->waited);
    jw_int(w, "drops", plateau->drops);
    jw_close_object(w);
}

static void write_shape(struct jw *w, const struct training *t)
{
    jw_array(w, "shape");
    jw_int(w, NULL, t->net->in.c);
    jw_int(w, NULL, t->net->in.h);
    jw_int(w, NULL, t->net->in.w);
    jw_close_array(w);
    jw_int(w, "classes", t->net->classes);
    if (!t->data->labels)
        return;
    jw_array(w, "labels");
    for (int i = 0; i < t->net->classes; i++)
        jw_text(w, NULL, t->data->labels[i]);
    jw_close_array(w);
}

static void write_header(const struct training *t, const struct epoch_metrics *metrics,
                         const struct source *arrays, int array_count, struct str *out)
{
    struct jw w = jw_to(out);
    jw_object(&w, NULL);
    jw_int(&w, "epoch", t->epoch);
    jw_num(&w, "epochs", t->options.schedule.epochs);
    jw_int(&w, "seed", (int64_t)t->seed);
    jw_int(&w, "steps", t->optimizer.steps);
    write_shape(&w, t);
    write_metrics(&w, metrics);
    write_plateau(&w, &t->plateau);
    jw_node(&w, "options", t->resolved);
    jw_array(&w, "arrays");
    for (int i = 0; i < array_count; i++) {
        jw_object(&w, NULL);
        jw_text(&w, "name", arrays[i].name);
        jw_int(&w, "count", (int64_t)arrays[i].count);
        jw_close_object(&w);
    }
    jw_close_array(&w);
    jw_close_object(&w);
    while (out->len % sizeof(float))
        str_addc(out, ' ');
}

int checkpoint_write(const struct training *training, const struct epoch_metrics *metrics, const char *path,
                     struct err *err)
{
    struct source arrays[CHECKPOINT_ARRAYS];
    int array_count = sources(training, arrays);
    struct str header = {0}, bytes = {0};
    write_header(training, metrics, arrays, array_count, &header);
    uint32_t front[2] = {VERSION, (uint32_t)header.len};
    str_addn(&bytes, magic, sizeof magic);
    str_addn(&bytes, front, sizeof front);
    str_addn(&bytes, header.text, header.len);
    for (int i = 0; i < array_count; i++)
        str_addn(&bytes, arrays[i].values, arrays[i].count * sizeof(float));
    char hex[HASH_HEX];
    hash_bytes(bytes.text, bytes.len, hex);
    str_addn(&bytes, hex, TAIL);
    int rc = file_write_whole(path, bytes.text, bytes.len, err);
    str_fini(&header);
    str_fini(&bytes);
    return rc;
}

/* ---- reading ---- */

static int check_front(const struct checkpoint *c, const char *path, uint32_t *header_len, struct err *err)
{
    uint32_t front[2];
    if (c->bytes.len < FRONT + TAIL)
        return err_set(err, ERR_BAD, "%s: %zu bytes: too short for a checkpoint (at least %d)", path,
                       c->bytes.len, FRONT + TAIL);
    if (memcmp(c->bytes.text, magic, sizeof magic) != 0)
        return err_set(err, ERR_BAD, "%s: offset 0: expected \"HONECKPT\": this is no checkpoint", path);
    memcpy(front, c->bytes.text + sizeof magic, sizeof front);
    if (front[0] != VERSION)
        return err_set(err, ERR_BAD, "%s: offset 8: expected version %d, found %u", path, VERSION, front[0]);
    size_t room = c->bytes.len - FRONT - TAIL;
    if (front[1] > HEADER_MAX || front[1] > room || front[1] % sizeof(float))
        return err_set(err, ERR_BAD, "%s: offset 12: expected a header of at most %zu bytes, found %u", path,
                       room < HEADER_MAX ? room : (size_t)HEADER_MAX, front[1]);
    *header_len = front[1];
    return 0;
}

static int check_fingerprint(const struct checkpoint *c, const char *path, struct err *err)
{
    char hex[HASH_HEX];
    const char *stored = c->bytes.text + c->bytes.len - TAIL;
    hash_bytes(c->bytes.text, c->bytes.len - TAIL, hex);
    if (memcmp(hex, stored, TAIL) == 0)
        return 0;
    char found[TAIL + 1] = "";
    memcpy(found, stored, TAIL);
    bool is_one = strspn(found, "0123456789abcdef") == TAIL;
    err_set(err, ERR_BAD,
            "%s: offset %zu: expected fingerprint %s, found %s: the file is damaged or cut short", path,
            c->bytes.len - TAIL, hex, is_one ? found : "none");
    return err_hint(err, "resume from an older checkpoint of the trial");
}

/* Points the arrays at their places in the file; they must fill it exactly. */
static int find_arrays(struct checkpoint *c, const char *path, uint32_t header_len, struct err *err)
{
    struct jcur root = jcur_root(c->header, path);
    struct jcur list = jcur_get(&root, "arrays");
    int rc = jcur_array(&list, 1, CHECKPOINT_ARRAYS, err);
    size_t at = FRONT + header_len, end = c->bytes.len - TAIL;
    for (int i = 0; !rc && i < (int)json_count(list.node); i++) {
        struct jcur item = jcur_at(&list, i), name = jcur_get(&item, "name"),
                    count = jcur_get(&item, "count");
        struct checkpoint_array *array = &c->arrays[i];
        int64_t values = 0;
        rc = jcur_text(&name, 32, &array->name, err);
        if (!rc)
            rc = jcur_int(&count, 1, (int64_t)((end - at) / sizeof(float)), &values, err);
        array->values = (const float *)(const void *)(c->bytes.text + at);
        array->count = (size_t)values;
        at += array->count * sizeof(float);
        c->array_count = i + 1;
    }
    if (!rc && at != end)
        rc = err_set(err, ERR_BAD,
                     "%s: offset %zu: expected the fingerprint after the arrays, found %zu more bytes", path,
                     at, end - at);
    return rc;
}

static int parse(struct checkpoint *c, const char *path, struct err *err)
{
    uint32_t header_len = 0;
    int rc = check_front(c, path, &header_len, err);
    if (!rc)
        rc = check_fingerprint(c, path, err);
    if (rc)
        return rc;
    c->header = json_parse(c->bytes.text + FRONT, header_len, path, err);
    if (!c->header)
        return ERR_BAD;
    return find_arrays(c, path, header_len, err);
}

int checkpoint_load(const char *path, struct checkpoint *out, struct err *err)
{
    *out = (struct checkpoint){0};
    int rc = file_read(path, (size_t)file_max, &out->bytes, err);
    if (!rc)
        rc = parse(out, path, err);
    if (rc)
        checkpoint_fini(out);
    return rc;
}

void checkpoint_fini(struct checkpoint *checkpoint)
{
    str_fini(&checkpoint->bytes);
    json_free(checkpoint->header);
    *checkpoint = (struct checkpoint){0};
}

const struct checkpoint_array *checkpoint_array(const struct checkpoint *checkpoint, const char *name)
{
    for (int i = 0; i < checkpoint->array_count; i++)
        if (strcmp(checkpoint->arrays[i].name, name) == 0)
            return &checkpoint->arrays[i];
    return NULL;
}

/* ---- restoring ---- */

static int same_option(const struct json *a, const struct json *b, const char *key, const char *path,
                       struct err *err)
{
    if (json_same(json_get(a, key), json_get(b, key), NULL))
        return 0;
    struct str mine = {0}, found = {0};
    json_print(json_get(a, key), &mine);
    if (json_get(b, key))
        json_print(json_get(b, key), &found);
    err_set(err, ERR_BAD, "%s: options.%s: expected %.200s, found %.200s: a checkpoint of another network",
            path, key, str_text(&mine), str_text(&found));
    str_fini(&mine);
    str_fini(&found);
    return ERR_BAD;
}

static int copy_array(const struct checkpoint *c, const char *name, float *to, size_t count, const char *path,
                      struct err *err)
{
    const struct checkpoint_array *array = checkpoint_array(c, name);
    size_t found = array ? array->count : 0;
    if (!to || !count)
        return 0;
    if (found != count)
        return err_set(err, ERR_BAD, "%s: array %s: expected %zu values, found %zu", path, name, count,
                       found);
    memcpy(to, array->values, count * sizeof *to);
    return 0;
}

struct position {
    int64_t epoch, steps, waited, drops;
    double best;
};

static int read_position(const struct checkpoint *c, const char *path, struct position *out, struct err *err)
{
    struct jcur root = jcur_root(c->header, path);
    struct jcur epoch = jcur_get(&root, "epoch"), steps = jcur_get(&root, "steps");
    struct jcur plateau = jcur_get(&root, "plateau");
    struct jcur waited = jcur_get(&plateau, "waited"), drops = jcur_get(&plateau, "drops");
    struct jcur best = jcur_get(&plateau, "best");
    int rc = jcur_int(&epoch, 0, INT32_MAX, &out->epoch, err);
    if (!rc)
        rc = jcur_int(&steps, 0, (int64_t)1 << 53, &out->steps, err);
    if (!rc)
        rc = jcur_int(&waited, 0, INT32_MAX, &out->waited, err);
    if (!rc)
        rc = jcur_int(&drops, 0, INT32_MAX, &out->drops, err);
    out->best = INFINITY; /* null: no epoch was finite yet */
    if (!rc && jcur_has(&best) && json_type(best.node) != JSON_NULL)
        rc = jcur_num(&best, -INFINITY, INFINITY, &out->best, err);
    return rc;
}

static int copy_arrays(struct training *t, const struct checkpoint *c, const char *path, struct err *err)
{
    size_t count = t->net->param_count;
    int rc = copy_array(c, "params", t->net->params, count, path, err);
    if (!rc)
        rc = copy_array(c, "states", t->net->states, t->net->state_count, path, err);
    if (!rc)
        rc = copy_array(c, "first", t->optimizer.first, count, path, err);
    if (!rc)
        rc = copy_array(c, "second", t->optimizer.second, count, path, err);
    if (!rc)
        rc = copy_array(c, "ema", t->ema, count, path, err);
    return rc;
}

int training_restore(struct training *training, const struct checkpoint *checkpoint, const char *path,
                     struct err *err)
{
    struct position position;
    const struct json *options = json_get(checkpoint->header, "options");
    int rc = same_option(training->resolved, options, "layers", path, err);
    if (!rc)
        rc = same_option(training->resolved, options, "optimizer", path, err);
    if (!rc)
        rc = read_position(checkpoint, path, &position, err);
    if (!rc)
        rc = copy_arrays(training, checkpoint, path, err);
    if (rc)
        return rc;
    training->epoch = (int)position.epoch;
    training->optimizer.steps = position.steps;
    training->plateau = (struct plateau){position.best, (int)position.waited, (int)position.drops};
    return 0;
}
