#ifndef LSQ_BASE_CLOCK_H
#define LSQ_BASE_CLOCK_H

/* Seconds of a clock that only goes forwards, from an arbitrary start. */
double lsq_clock_seconds(void);

#endif
