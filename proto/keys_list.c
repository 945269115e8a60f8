/* Who may come in: the files in authorized/, read again when the folder has changed. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/str.h"
#include "proto/keys_parts.h"

/* The name of the file without its ".pub"; false: none of ours. */
static bool owner_name(const char *file, char out[65])
{
    size_t len = strlen(file);
    if (len < 5 || len > 68 || strcmp(file + len - 4, ".pub") != 0)
        return false;
    memcpy(out, file, len - 4);
    out[len - 4] = '\0';
    return name_ok(out);
}

static void load_owner(struct key_list *list, const char *file)
{
    struct key_owner owner;
    struct err why = ERR_NONE;
    char *path = path_join(list->folder, file);
    if (owner_name(file, owner.name)) {
        if (key_check_mode(path, 022, "644", &why) ||
            key_read(path, KEY_PUBLIC, &owner.role, owner.key, &why)) {
            log_warn("%s; it lets nobody in", why.text);
        } else if (list->count < KEY_OWNERS_MAX && owner.role != ROLE_SERVER) {
            GROW(list->owners, list->room, list->count + 1);
            list->owners[list->count++] = owner;
        }
    }
    free(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct key_owner *)a)->name, ((const struct key_owner *)b)->name);
}

/* Two changes within one tick of the clock that stamps files look like one: until that has passed, read again. */
enum { TICK_MS = 100 };

static bool has_settled(const struct timespec *changed)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC); /* what stamps files */
    int64_t age_ms =
        (int64_t)(now.tv_sec - changed->tv_sec) * 1000 + (now.tv_nsec - changed->tv_nsec) / 1000000;
    return age_ms > TICK_MS || age_ms < 0;
}

static int read_list(struct key_list *list, struct err *err)
{
    struct stat st;
    list->count = 0;
    int rc = key_check_mode(list->folder, 022, "700", err);
    DIR *dir = rc ? NULL : opendir(list->folder);
    if (rc || !dir || stat(list->folder, &st)) {
        if (dir)
            closedir(dir);
        return rc ? rc : err_errno(err, "%s", list->folder);
    }
    list->changed = st.st_mtim;
    list->settled = has_settled(&st.st_mtim);
    for (const struct dirent *entry; (entry = readdir(dir));)
        load_owner(list, entry->d_name);
    closedir(dir);
    if (list->count)
        qsort(list->owners, list->count, sizeof *list->owners, by_name);
    return 0;
}

int key_list_load(struct key_list *list, const char *folder, struct err *err)
{
    *list = (struct key_list){.folder = path_join(folder, "authorized")};
    int rc = read_list(list, err);
    if (rc)
        key_list_fini(list);
    return rc;
}

bool key_list_refresh(struct key_list *list)
{
    struct stat st;
    bool there = stat(list->folder, &st) == 0;
    if (there && list->settled && st.st_mtim.tv_sec == list->changed.tv_sec &&
        st.st_mtim.tv_nsec == list->changed.tv_nsec)
        return false;
    struct err why = ERR_NONE;
    if (read_list(list, &why) && list->settled) {
        list->settled = false;
        log_error("%s; nobody is let in", why.text);
    }
    return true;
}

const struct key_owner *key_list_find(const struct key_list *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->owners[i].key, key) == 0)
            return &list->owners[i];
    return NULL;
}

void key_list_fini(struct key_list *list)
{
    free(list->folder);
    free(list->owners);
    *list = (struct key_list){0};
}
