/* A point as people and JSON have it. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "master/search/param_parse.h"
#include "master/search/point.h"
#include "master/search/space.h"

void point_text(const struct space *space, const struct point *point, struct str *out)
{
    const char *gap = "";
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        struct value v = point->v[i];
        if (v.kind == VALUE_OFF)
            continue;
        str_addf(out, "%s%s=", gap, p->name);
        if (v.kind == VALUE_CHOICE)
            str_add(out, p->choices[v.choice].text);
        else
            str_add_num(out, v.num);
        gap = " ";
    }
}

static void write_choice(const struct choice *choice, struct jw *w, const char *key)
{
    switch (choice->kind) {
    case CHOICE_TEXT: jw_text(w, key, choice->text); break;
    case CHOICE_NUM: jw_num(w, key, choice->num); break;
    case CHOICE_BOOL: jw_bool(w, key, choice->num != 0); break;
    }
}

void point_write(const struct space *space, const struct point *point, struct jw *w, const char *key)
{
    jw_object(w, key);
    for (int i = 0; i < space->count; i++) {
        const struct param *p = &space->params[i];
        struct value v = point->v[i];
        if (v.kind == VALUE_CHOICE)
            write_choice(&p->choices[v.choice], w, p->name);
        else if (v.kind == VALUE_NUM && param_is_int(p))
            jw_int(w, p->name, (int64_t)v.num);
        else if (v.kind == VALUE_NUM)
            jw_num(w, p->name, v.num);
    }
    jw_close_object(w);
}

static int check_names(const struct space *space, const struct jcur *params, struct err *err)
{
    const char **names = xcalloc((size_t)space->count + 1, sizeof *names);
    for (int i = 0; i < space->count; i++)
        names[i] = space->params[i].name;
    int rc = jcur_known(params, names, err);
    free(names);
    return rc;
}

static int read_one(const struct space *space, const struct jcur *params, int i, struct point *out,
                    struct err *err)
{
    const struct param *p = &space->params[i];
    struct jcur at = jcur_get(params, p->name);
    bool is_active = space_is_active(space, out, i);
    if (is_active && !jcur_has(&at))
        return jcur_fail(&at, err, "is missing");
    if (!is_active && jcur_has(&at)) {
        jcur_fail(&at, err, "is not active here");
        return err_hint(err, "leave it out: its \"when\" names %s", space->params[p->when[0].parent].name);
    }
    return is_active ? value_parse(p, &at, &out->v[i], err) : 0;
}

int point_read(const struct space *space, const struct jcur *params, struct point *out, struct err *err)
{
    if (jcur_object(params, SPACE_MAX_PARAMS, err) || check_names(space, params, err))
        return ERR_BAD;
    memset(out->v, 0, (size_t)out->count * sizeof *out->v);
    for (int k = 0; k < space->count; k++)
        if (read_one(space, params, space->order[k], out, err))
            return ERR_BAD;
    return 0;
}
