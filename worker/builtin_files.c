#include "worker/builtin_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/mem.h"
#include "worker/nn/checkpoint.h"
#include "worker/nn/image.h"

void attempt_files_fini(struct attempt_files *files)
{
    free(files->list);
    files->list = NULL;
    files->count = files->room = 0;
}

static double value_of(const char *metric, const struct epoch_metrics *m)
{
    if (strcmp(metric, "val_loss") == 0)
        return -m->val_loss;
    if (strcmp(metric, "ema_val_loss") == 0)
        return -m->ema_val_loss;
    return strcmp(metric, "ema_val_acc") == 0 ? m->ema_val_acc : m->val_acc;
}

int attempt_files_save(struct attempt_files *files, const struct training *training,
                       const struct epoch_metrics *metrics, struct err *err)
{
    GROW(files->list, files->room, files->count + 1);
    struct attempt_file *file = &files->list[files->count];
    checkpoint_name(files->trial, training->epoch, metrics->val_acc, file->name);
    file->value = value_of(files->metric, metrics);
    char *path = path_join(files->dir, file->name);
    int rc = checkpoint_write(training, metrics, path, err);
    free(path);
    files->count += !rc;
    return rc;
}

const char *attempt_files_newest(const struct attempt_files *files)
{
    PRE(files->count > 0);
    return files->list[files->count - 1].name;
}

static void delete_file(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    unlink(path);
    free(path);
}

void attempt_files_thin_out(struct attempt_files *files)
{
    size_t best = 0, left = 0;
    for (size_t i = 1; i < files->count; i++)
        best = files->list[i].value > files->list[best].value ? i : best;
    for (size_t i = 0; i < files->count; i++) {
        bool stays = !files->newest || i + files->newest >= files->count || i == best;
        if (stays)
            files->list[left++] = files->list[i];
        else
            delete_file(files->dir, files->list[i].name);
    }
    files->count = left;
}

/* NAME in the folder, t00042.e007.KIND. */
static void write_beside(const struct attempt_files *files, int epoch, const char *kind,
                         const struct str *bytes)
{
    char *name = xasprintf("t%05lld.e%03d.%s", (long long)files->trial, epoch, kind);
    char *path = path_join(files->dir, name);
    file_write_whole(path, bytes->text, bytes->len, NULL);
    free(path);
    free(name);
}

void attempt_files_watch(const struct attempt_files *files, const struct training *training,
                         const struct watch *watch)
{
    struct str json = {0}, png = {0};
    struct jw w = jw_to(&json);
    struct image image;
    watch_write(watch, NULL, &w);
    write_beside(files, training->epoch, "watch.json", &json);
    if (!watch_picture(training->net, &image, NULL)) {
        image_png(&image, &png);
        write_beside(files, training->epoch, "weights.png", &png);
        image_fini(&image);
    }
    str_fini(&json);
    str_fini(&png);
}
