/* builtin_files: what the built-in trainer leaves in its attempt's folder. A checkpoint per epoch, of which the newest
 * and the best stay; and for an epoch that was looked into, the numbers and a picture of the first layer's weights.
 *
 * It only ever deletes files that it wrote itself in this attempt, so a checkpoint to resume from is safe.
 * Ownership: attempt_files_fini frees the list, not the files. */
#ifndef HONE_WORKER_BUILTIN_FILES_H
#define HONE_WORKER_BUILTIN_FILES_H

#include "common/err.h"
#include "worker/nn/train.h"
#include "worker/nn/watch.h"

struct attempt_file {
    char name[64];
    double value; /* higher is better */
};

struct attempt_files {
    const char *dir;    /* borrowed */
    const char *metric; /* borrowed: the study's, decides which is best */
    int64_t trial;
    size_t newest; /* how many to keep beside the best; 0: all */
    struct attempt_file *list;
    size_t count, room;
};

void attempt_files_fini(struct attempt_files *files);

/* Writes the checkpoint of the epoch just done; its name is the last in the list. */
int attempt_files_save(struct attempt_files *files, const struct training *training,
                       const struct epoch_metrics *metrics, struct err *err);
const char *attempt_files_newest(const struct attempt_files *files);

/* Deletes all checkpoints but the newest and the best. */
void attempt_files_thin_out(struct attempt_files *files);

/* t00042.e007.watch.json and t00042.e007.weights.png. A disk that refuses them does not stop a training. */
void attempt_files_watch(const struct attempt_files *files, const struct training *training,
                         const struct watch *watch);

#endif
