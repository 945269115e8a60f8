/* schedule: learning rate and momentum as laws of time. Time t counts epochs of the whole training from 0 and
 * may be a fraction; the length is the job's `epochs`, never its `until`, so that a trial stopped and
 * promoted later learns exactly as one that was never stopped.
 *
 *   const    lr                              step     lr * decay^floor(t/step)
 *   exp      lr * e^(-decay t)               inv_t    lr / (1 + decay t)
 *   cosine   lr_min + (lr-lr_min)/2 (1 + cos(pi u)), u = t/epochs after the warm-up
 *   plateau  lr * decay^drops, a drop after `patience` epochs without a better val_loss
 *
 * Warm-up multiplies by (t + one step)/warmup until that is 1. Momentum ramps linearly from momentum_start to
 * momentum over the training. Plain values. */
#ifndef HONE_WORKER_NN_SCHEDULE_H
#define HONE_WORKER_NN_SCHEDULE_H

enum schedule_law {
    SCHEDULE_CONST,
    SCHEDULE_STEP,
    SCHEDULE_EXP,
    SCHEDULE_INV_T,
    SCHEDULE_COSINE,
    SCHEDULE_PLATEAU,
};

struct schedule {
    enum schedule_law law;
    double lr, decay, lr_min;
    double step, warmup, epochs; /* in epochs */
    int patience;
    double momentum_start, momentum;
};

/* What plateau remembers; part of a checkpoint. */
struct plateau {
    double best; /* least val_loss so far */
    int waited, drops;
};

struct plateau plateau_new(void);
void plateau_see(struct plateau *plateau, const struct schedule *schedule, double val_loss);

/* `t` is the time before a step that takes `dt`. */
double schedule_lr(const struct schedule *schedule, const struct plateau *plateau, double t, double dt);
double schedule_momentum(const struct schedule *schedule, double t);

#endif
