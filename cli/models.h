/* models: what `hone predict`, `hone evaluate` and `hone ensemble` work with: one checkpoint, or several made into one.
 *
 * A person names it by a file (a checkpoint, or the JSON list that `hone ensemble` writes) or by a selector (17,
 * mnist/17, best, mnist/best), which is the checkpoint of the epoch that gave the trial its score. Members combine as
 * the mean of their probabilities ("average"), by majority ("vote"), or into one network with the mean of their weights
 * ("weights", batchnorm's moments anew from the training data).
 *
 * Refuses members that do not know the same classes, and members whose validation samples are not the same: what one
 * was chosen on, another may have trained on. Ownership: models_fini frees; data_split_fini what models_data gave. */
#ifndef HONE_CLI_MODELS_H
#define HONE_CLI_MODELS_H

#include "cli/source.h"
#include "worker/nn/model.h"

enum combine { COMBINE_AVERAGE, COMBINE_VOTE, COMBINE_WEIGHTS };

struct member {
    char *path;
    int weight; /* how often it counts; 0: not at all */
    int epoch;
    uint32_t trial; /* 0: not known */
};

struct models {
    struct member *list;
    int count;
    enum combine combine;
    char *base;           /* folder that relative data start from; NULL: the working folder */
    struct json *options; /* resolved trainer options of the first member */
    struct json *labels;  /* names of the classes, as the first member knows them; NULL: numbers */
    int classes;
    bool ema; /* the members' weights are the running averages that their trainings kept */
};

/* Where names are looked up. */
struct models_place {
    const char *db, *master, *study; /* as the options say */
    const char *dir;                 /* folder for relative data; NULL: the study's */
};

const char *combine_name(enum combine combine);

int models_open(const char *name, const struct models_place *place, struct models *out, struct err *err);
void models_fini(struct models *models);

struct models_trial {
    const char *study;
    uint32_t trial;
    bool all; /* every checkpoint of it that is still there, else that of its score */
};
int models_add_trial(struct models *models, struct source *source, const struct models_place *place,
                     const struct models_trial *of, struct err *err);
/* After the last member: reads what they have in common, and refuses what does not fit together. */
int models_settle(struct models *models, struct err *err);

/* The data they were trained on, split as then, unscaled. */
int models_data(const struct models *models, struct data_split *out, struct err *err);
/* Other data by its spec or a CSV file: all samples in their order are `train`; labels are those the models know. A
 * table without labels (?label=none) has the one label "". */
int models_other_data(const struct models *models, const char *spec, struct data_split *out, struct err *err);

/* Probabilities (n, classes) of one member, and of all of them together; the caller frees. `data` is for messages.
 * COMBINE_WEIGHTS and `ema` need the training data, for batchnorm's moments; they do not go together. */
int models_predict_one(const struct models *models, int member, const struct dataset *set, const char *data,
                       float **out, struct err *err);
int models_predict(const struct models *models, const struct dataset *set, const char *data, float **out,
                   struct err *err);

/* "7", or the name of class 7. */
void models_class_name(const struct models *models, int class, char out[64]);

/* {"ensemble": [{checkpoint, weight, trial, epoch}], "combine": ..., "base": ...} */
int models_write(const struct models *models, const char *path, struct err *err);

#endif
