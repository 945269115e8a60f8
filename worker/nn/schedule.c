#include "worker/nn/schedule.h"

#include <math.h>

#include "common/check.h"

struct plateau plateau_new(void)
{
    return (struct plateau){.best = INFINITY};
}

void plateau_see(struct plateau *plateau, const struct schedule *schedule, double val_loss)
{
    if (val_loss < plateau->best) {
        plateau->best = val_loss;
        plateau->waited = 0;
    } else if (++plateau->waited >= schedule->patience) {
        plateau->waited = 0;
        plateau->drops++;
    }
}

static double cosine(const struct schedule *schedule, double t)
{
    double length = schedule->epochs - schedule->warmup, u = length > 0 ? (t - schedule->warmup) / length : 1;
    u = fmin(fmax(u, 0), 1);
    return schedule->lr_min + (schedule->lr - schedule->lr_min) * 0.5 * (1 + cos(M_PI * u));
}

static double law(const struct schedule *schedule, const struct plateau *plateau, double t)
{
    switch (schedule->law) {
    case SCHEDULE_CONST: return schedule->lr;
    case SCHEDULE_STEP: return schedule->lr * pow(schedule->decay, floor(t / schedule->step));
    case SCHEDULE_EXP: return schedule->lr * exp(-schedule->decay * t);
    case SCHEDULE_INV_T: return schedule->lr / (1 + schedule->decay * t);
    case SCHEDULE_COSINE: return cosine(schedule, t);
    case SCHEDULE_PLATEAU: return schedule->lr * pow(schedule->decay, plateau->drops);
    }
    UNREACHABLE();
    return 0;
}

double schedule_lr(const struct schedule *schedule, const struct plateau *plateau, double t, double dt)
{
    double climb = schedule->warmup > 0 ? fmin(1, (t + dt) / schedule->warmup) : 1;
    return climb * law(schedule, plateau, t);
}

double schedule_momentum(const struct schedule *schedule, double t)
{
    double u = schedule->epochs > 0 ? fmin(1, t / schedule->epochs) : 1;
    return schedule->momentum_start + (schedule->momentum - schedule->momentum_start) * u;
}
