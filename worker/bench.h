/* bench: GPUs that sit out. A broken one fails fast, and would be free for the next trial before all others. What
 * master/quarantine.c does with a worker among workers this does with a GPU among those of a worker, where the master cannot
 * see it: to it another slot's success makes up for the failure. Three failures in a row while others do well, and the GPU
 * gets trials one at a time, with rests in between that grow, until one succeeds; what fails then is no failure of the trial.
 *
 * A seat is a GPU, or several that a slot has together; slots that share one share its seat. A worker with one seat never
 * benches it. Pure.
 */
#ifndef HONE_WORKER_BENCH_H
#define HONE_WORKER_BENCH_H

#include <stdbool.h>
#include <stdint.h>

struct bench_seat {
    int failed_in_row;
    int rests;                             /* since it is out; 0: it is not */
    int64_t failing_since_ms, did_well_ms; /* monotonic; 0: not yet */
    int64_t rest_until_ms;
};

void bench_did_well(struct bench_seat *seat, int64_t now_ms);
/* It has trained an epoch: no end of a row of failures, but beside it others' are their own. */
void bench_works(struct bench_seat *seat, int64_t now_ms);
/* True: it was out already, and the failure is the seat's. */
bool bench_did_badly(struct bench_seat *seats, int count, int which, int64_t now_ms);

static inline bool bench_is_out(const struct bench_seat *seat)
{
    return seat->rests > 0;
}

#endif
