/* builtin_files: what the built-in trainer leaves in its attempt's folder. A checkpoint per epoch; and for an epoch that
 * was looked into, the numbers and a picture of the first layer's weights.
 *
 * It deletes nothing: which checkpoints stay is the master's to decide, in its store first, and a file deleted here may
 * be one that a row names. */
#ifndef HONE_WORKER_BUILTIN_FILES_H
#define HONE_WORKER_BUILTIN_FILES_H

#include "common/err.h"
#include "worker/nn/train.h"
#include "worker/nn/watch.h"

struct attempt_files {
    const char *dir; /* borrowed */
    int64_t trial;
    char newest[64]; /* name of the newest checkpoint */
};

/* Writes the checkpoint of the epoch just done. */
int attempt_files_save(struct attempt_files *files, const struct training *training,
                       const struct epoch_metrics *metrics, struct err *err);

/* t00042.e007.watch.json and t00042.e007.weights.png. A disk that refuses them does not stop a training. */
void attempt_files_watch(const struct attempt_files *files, const struct training *training,
                         const struct watch *watch);

#endif
