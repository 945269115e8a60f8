#include "master/unreadable.h"

#include <stdlib.h>

#include "common/mem.h"
#include "common/str.h"

static const char hint[] =
    "nothing of it is changed: use the hone that wrote it, or mend that column with sqlite3 while no "
    "master runs; the next master tries again";

void unreadables_add(struct unreadables *list, int64_t id, const char *name, const struct err *why)
{
    GROW(list->all, list->room, list->count + 1);
    size_t at = list->count++;
    for (; at && list->all[at - 1].id > id; at--)
        list->all[at] = list->all[at - 1];
    struct unreadable *u = &list->all[at];
    *u = (struct unreadable){.id = id, .why = *why};
    u->why.code = ERR_BAD;
    str_copy(u->name, sizeof u->name, name);
    str_copy(u->why.hint, sizeof u->why.hint, hint);
}

void unreadables_fini(struct unreadables *list)
{
    free(list->all);
    *list = (struct unreadables){0};
}

const struct unreadable *unreadables_find(const struct unreadables *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_same_nocase(list->all[i].name, name))
            return &list->all[i];
    return NULL;
}

int unreadable_refuse(const struct unreadable *study, struct err *err)
{
    if (!err)
        return ERR_BAD;
    *err = study->why;
    return unreadable_say(err, study->name);
}

int unreadable_say(struct err *err, const char *name)
{
    err_prefix(err, "study \"%s\" is unreadable: ", name);
    err_hint(err, "%s", hint);
    return ERR_BAD;
}
