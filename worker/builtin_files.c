#include "worker/builtin_files.h"

#include <stdlib.h>

#include "common/file.h"
#include "common/mem.h"
#include "worker/nn/checkpoint.h"
#include "worker/nn/image.h"

int attempt_files_save(struct attempt_files *files, const struct training *training,
                       const struct epoch_metrics *metrics, struct err *err)
{
    checkpoint_name(files->trial, training->epoch, metrics->val_acc, files->newest);
    char *path = path_join(files->dir, files->newest);
    int rc = checkpoint_write(training, metrics, path, err);
    free(path);
    return rc;
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
