/* How many threads the parallel regions below the glue use. The number belongs to a Lua
   state, the OpenMP setting to the host's thread: it is set on the way in and put back on
   the way out, so that a host's own OpenMP code never notices. */
#ifndef LSQ_BASE_THREADS_H
#define LSQ_BASE_THREADS_H

/* Threads that a parallel region started here would get; at least 1. */
int lsq_threads(void);

/* Uses `threads` (0: leaves the setting alone) until lsq_threads_leave; returns what was
   set before. */
int lsq_threads_enter(int threads);
void lsq_threads_leave(int previous);

/* This thread's number within a parallel region, 0 outside. */
int lsq_thread_number(void);

#endif
