#include "worker/leftovers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/mem.h"
#include "worker/note.h"

enum { NOTE_BYTES = 4096, OLD_MS = 3600000, DEPTH = 3 /* STUDY/t00042/a2 */ };

struct adopting {
    struct transit *transit;
    int64_t now_ms;
    size_t adopted;
    struct dead {
        char uuid[33];
        int fd; /* its lock, ours now; -1: it lives */
    } * processes;
    size_t count, room;
};

static bool is_dead(struct adopting *a, const char *uuid)
{
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->processes[i].uuid, uuid) == 0)
            return a->processes[i].fd >= 0;
    GROW(a->processes, a->room, a->count + 1);
    struct dead *d = &a->processes[a->count++];
    str_copy(d->uuid, sizeof d->uuid, uuid);
    d->fd = strcmp(uuid, a->transit->uuid) == 0 ? -1 : note_lock(a->transit, uuid);
    return d->fd >= 0;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t len = strlen(text), tail_len = strlen(tail);
    return len > tail_len && strcmp(text + len - tail_len, tail) == 0;
}

/* Of a dead process, for this store, and its file is there: ours from now on. */
static bool take_over(struct adopting *a, const struct json *note, char *file)
{
    struct offer offer = {.trial = (uint64_t)json_num(json_get(note, "trial")),
                          .attempt = (uint64_t)json_num(json_get(note, "attempt")),
                          .epoch = (uint64_t)json_num(json_get(note, "epoch")),
                          .path = file};
    str_copy(offer.study, sizeof offer.study, json_text(json_get(note, "study")));
    str_copy(offer.token, sizeof offer.token, json_text(json_get(note, "token")));
    if (strcmp(json_text(json_get(note, "store")), a->transit->store) != 0 ||
        !is_dead(a, json_text(json_get(note, "by"))))
        return false;
    if (!file_exists(file)) {
        note_delete(&offer);
        return false;
    }
    transit_add(a->transit, &offer);
    note_write(a->transit, &offer);
    a->adopted++;
    return true;
}

static void look_at_note(struct adopting *a, const char *path)
{
    struct str text = {0};
    struct json *note =
        file_read(path, NOTE_BYTES, &text, NULL) ? NULL : json_parse(str_text(&text), text.len, path, NULL);
    char *file = xstrdup(path);
    file[strlen(file) - strlen(".offer")] = '\0';
    if (!note || !take_over(a, note, file))
        free(file);
    json_free(note);
    str_fini(&text);
}

static void look_at(void *arg, const char *path, const struct stat *st)
{
    struct adopting *a = arg;
    if (ends_with(path, ".offer")) {
        look_at_note(a, path);
        return;
    }
    struct offer offer = {.path = (char *)(uintptr_t)path};
    char *note = note_path(&offer);
    bool old = a->now_ms - (int64_t)st->st_mtime * 1000 >= OLD_MS;
    if (old && path_is_checkpoint(path) && !file_exists(note))
        unlink(path);
    free(note);
}

size_t leftovers_adopt(struct transit *t, int64_t now_wall_ms)
{
    struct adopting a = {.transit = t, .now_ms = now_wall_ms};
    if (!t->scratch || !t->store[0])
        return 0;
    char *folder = note_folder(t);
    dir_files(folder, DEPTH, look_at, &a);
    for (size_t i = 0; i < a.count; i++) {
        char *path = note_lock_path(t, a.processes[i].uuid);
        if (a.processes[i].fd >= 0) {
            unlink(path);
            close(a.processes[i].fd);
        }
        free(path);
    }
    free(a.processes);
    free(folder);
    return a.adopted;
}
