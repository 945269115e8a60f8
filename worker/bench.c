#include "worker/bench.h"

enum {
    BENCH_AFTER = 3,
    REST_MS = 250,
    DOUBLINGS = 7
}; /* a quarter of a second to half a minute, as of workers */

void bench_did_well(struct bench_seat *seat, int64_t now_ms)
{
    *seat = (struct bench_seat){.did_well_ms = now_ms};
}

void bench_works(struct bench_seat *seat, int64_t now_ms)
{
    seat->did_well_ms = now_ms;
}

static bool others_do_well(const struct bench_seat *seats, int count, int which)
{
    for (int i = 0; i < count; i++)
        if (i != which && !bench_is_out(&seats[i]) && seats[i].did_well_ms &&
            seats[i].did_well_ms >= seats[which].failing_since_ms)
            return true;
    return false;
}

bool bench_did_badly(struct bench_seat *seats, int count, int which, int64_t now_ms)
{
    struct bench_seat *seat = &seats[which];
    bool was_out = bench_is_out(seat);
    if (!seat->failed_in_row++)
        seat->failing_since_ms = now_ms;
    if (!others_do_well(seats, count, which)) { /* it is as good as any */
        seat->rests = 0;
        seat->rest_until_ms = 0;
        return false;
    }
    if (seat->failed_in_row >= BENCH_AFTER) {
        seat->rest_until_ms =
            now_ms + ((int64_t)REST_MS << (seat->rests < DOUBLINGS ? seat->rests : DOUBLINGS));
        seat->rests++;
    }
    return was_out;
}
