/* The contenders: each reads the same packed log and computes the mutual connections of every tie
 * as of its making, under `sequence`, in log order.
 */
#ifndef TIEFLOW_BENCH_CONTENDER_H
#define TIEFLOW_BENCH_CONTENDER_H

#include "bench/measure.h"
#include "schemas/event.h"
#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

/* What a contender is asked to do. */
struct contest {
    const char *log; /* packed */
    unsigned threads;
    uint64_t members;
};

/* Reads a log block by block; the events are lent to `take` for the call. */
FALLIBLE contest_read(const char *log, size_t block_events,
                      struct status (*take)(void *context, const struct event *events, size_t count,
                                            struct err *err),
                      void *context, struct err *err);

/* tieflow's own stages: dictionary, adjacency, embeddedness (seconds[0..2]). `context` is a struct
 * contest. */
FALLIBLE contender_tieflow(void *context, struct measured *measured, struct err *err);

/* One CRoaring bitmap per member: and_cardinality, then two adds (seconds[0]); one thread. Member
 * ids are 1..members and index an array, so that no dictionary is paid for. */
FALLIBLE contender_roaring(void *context, struct measured *measured, struct err *err);

/* "CRoaring 0.2.66". */
enum { CONTENDER_NAME_BYTES = 32 };
void contender_roaring_name(char name[CONTENDER_NAME_BYTES]);

#endif
