#include "worker/note.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"

char *note_folder(const struct transit *t)
{
    return xasprintf("%s/%.8s", t->scratch, t->store);
}

char *note_path(const struct offer *offer)
{
    return xasprintf("%s.offer", offer->path);
}

char *note_lock_path(const struct transit *t, const char *uuid)
{
    return xasprintf("%s/%.8s/.worker-%.32s", t->scratch, t->store, uuid);
}

int note_lock(const struct transit *t, const char *uuid)
{
    char *path = note_lock_path(t, uuid);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    free(path);
    if (fd < 0 || !flock(fd, LOCK_EX | LOCK_NB))
        return fd;
    close(fd);
    return -1;
}

void offer_write(const struct offer *offer, struct jw *w)
{
    jw_text(w, "study", offer->study);
    jw_int(w, "trial", (int64_t)offer->trial);
    jw_int(w, "attempt", (int64_t)offer->attempt);
    jw_text(w, "token", offer->token);
    jw_int(w, "epoch", (int64_t)offer->epoch);
}

static void write_file(const struct transit *t, const struct offer *offer)
{
    struct str text = {0};
    struct err err = ERR_NONE;
    struct jw w = jw_to(&text);
    char *path = note_path(offer);
    jw_object(&w, NULL);
    jw_text(&w, "store", t->store);
    jw_text(&w, "by", t->uuid);
    offer_write(offer, &w);
    jw_close_object(&w);
    if (file_write_whole(path, text.text, text.len, &err))
        log_warn("%s: the checkpoint is lost if this worker is killed", err.text);
    str_fini(&text);
    free(path);
}

void note_write(struct transit *t, const struct offer *offer)
{
    if (!t->scratch || !t->store[0])
        return;
    if (t->lock_fd < 0)
        t->lock_fd = note_lock(t, t->uuid);
    write_file(t, offer);
}

void note_delete(const struct offer *offer)
{
    char *path = note_path(offer);
    unlink(path);
    free(path);
}
