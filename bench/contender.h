/* The contenders: each reads the same packed log and computes the mutual connections of its ties,
 * under `sequence`, in log order. A program of contenders runs one of them and prints what it found
 * as one line of JSON; bench/contest.py starts the programs and compares the lines.
 *
 * Temporal contenders count for every tie as of its making, and give the sum and a checksum of all
 * counts in log order. Static ones know the finished graph alone: of an insert-only log the
 * triangles that they count are that sum.
 *
 * What is charged: all time from before the log is opened until every count has been handed over
 * (temporal) or the triangles are known (static). In it, for everybody alike, is the stage
 * "reading": decoding the packed log, and adding the counts up. A contender's own stages are beside
 * it. Only tieflow looks member ids up in a dictionary; to the others they are indices.
 */
#ifndef TIEFLOW_BENCH_CONTENDER_H
#define TIEFLOW_BENCH_CONTENDER_H

#include "bench/measure.h"
#include "schemas/event.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a contender is asked to do. */
struct contest {
    const char *log;    /* packed; ids are 1..members */
    const char *folder; /* for scratch files */
    unsigned threads;
    uint64_t members;
};

enum { CONTENDER_VERSION_BYTES = 32 };

struct contender {
    const char *name; /* on the command line */
    bool is_static;
    const char *stages[MEASURE_STAGES]; /* of measured.seconds; NULL behind the last */
    void (*version)(char version[CONTENDER_VERSION_BYTES]); /* "CRoaring 0.2.66" */
    /* Fills ties, mutual_sum (static: triangles), checksum (temporal) and seconds. */
    struct status (*run)(const struct contest *contest, struct measured *measured, struct err *err);
};

/* Reads a log block by block; the events are lent to `take` for the call. */
FALLIBLE contest_read(const char *log, size_t block_events,
                      struct status (*take)(void *context, const struct event *events, size_t count,
                                            struct err *err),
                      void *context, struct err *err);

/* The main of a program of contenders: PROGRAM NAME LOG FOLDER THREADS MEMBERS. Returns the exit
 * code. */
int contender_main(int argc, char **argv, const struct contender *contenders, size_t count);

/* tieflow's own stages, as the engine drives them: sequence, rows, embeddedness, replay. */
extern const struct contender contender_tieflow;

/* One CRoaring bitmap per member: and_cardinality, then two adds; one thread. */
extern const struct contender contender_roaring;

/* A sorted array per member: merged or galloped through, then two inserts; one thread. */
extern const struct contender contender_sorted;

/* Static: SuiteSparse:GraphBLAS, and igraph on one thread. */
extern const struct contender contender_graphblas;
extern const struct contender contender_igraph;

#endif
