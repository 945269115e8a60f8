/* clock: the only place that asks what time it is. Loops and mains call it and pass `now` on; pure rooms
 * take the time as an argument. Deadlines use the monotonic clock, rows and logs the wall clock. */
#ifndef HONE_COMMON_CLOCK_H
#define HONE_COMMON_CLOCK_H

#include <stdint.h>

/* One instant on both clocks, in milliseconds. */
struct now {
    int64_t mono_ms; /* never jumps; counts from an arbitrary point */
    int64_t wall_ms; /* Unix time; may jump */
};

struct now clock_now(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void);

/* 2026-11-23T05:54:00.123Z */
void clock_iso(int64_t wall_ms, char out[32]);

#endif
