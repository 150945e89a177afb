/* Runs a piece of work in a process of its own, so that its peak memory is its own, and hands its
 * results back. */
#ifndef TIEFLOW_BENCH_MEASURE_H
#define TIEFLOW_BENCH_MEASURE_H

#include "schemas/status.h"

#include <stdint.h>

enum { MEASURE_STAGES = 4 };

/* What one run of a contender says. Seconds of a stage that it does not have are 0. */
struct measured {
    uint64_t records; /* of a topic */
    uint64_t bytes;   /* in them */
    uint64_t ties;
    uint64_t mutual_sum;
    uint64_t checksum;              /* XXH64 over all mutual counts in log order */
    double seconds[MEASURE_STAGES]; /* wall time, by stage; what they are the contest says */
    uint64_t peak_bytes;            /* greatest resident memory of the process */
    double cpu_seconds;             /* of all its threads, in the program and in the kernel */
};

/* Forks, calls `work(context, &measured, &err)`, and collects what it filled plus its peak memory
 * and processor time.
 * An error in the child is the error here. */
FALLIBLE measure_forked(struct status (*work)(void *context, struct measured *measured,
                                              struct err *err),
                        void *context, struct measured *measured, struct err *err);

/* Monotonic seconds. */
double measure_now(void);

#endif
