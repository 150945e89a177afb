/* A seeded R-MAT graph (Chakrabarti, Zhan and Faloutsos, 2004) with the parameters of Graph500, as
 * an insert-only connection log: the stress test of graph benchmarks, with hubs and dense cores
 * that no degree limit tames.
 *
 * Edges are drawn independently, a = 0.57, b = 0.19, c = 0.19, d = 0.05 at each of `scale` steps;
 * self-loops and pairs drawn before are drawn again, and vertices are numbered at random. The time
 * order is that in which the pairs were first drawn.
 *
 * Invariants: the same options give the same events on every machine, whatever the capacities asked
 * for; `ties` connects, each of another pair.
 *
 * Memory: 1 byte per tie.
 */
#ifndef TIEFLOW_STAGES_GENERATE_RMAT_H
#define TIEFLOW_STAGES_GENERATE_RMAT_H

#include "schemas/event.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RMAT_SCALE_MAX = 28 };

struct rmat_options {
    uint64_t seed;
    uint64_t ties;    /* at least 1 */
    unsigned scale;   /* 1..RMAT_SCALE_MAX: 2^scale vertices, not all of which get an edge */
    int64_t start_ms; /* first instant; events spread evenly over [start, start + span) */
    int64_t span_ms;
    bool ids_are_random; /* ids: spread over all 64 bits, else 1..2^scale */
};

struct rmat;

/* Copies the options. FAILURE_USAGE where they are out of range, or ask for more than a quarter of
 * all pairs. */
FALLIBLE rmat_new(struct rmat **rmat, const struct rmat_options *options, struct err *err);

/* Accepts NULL. */
void rmat_free(struct rmat *rmat);

/* Fills up to `capacity` (at least 1) events in time order; *count is 0 only at the end.
 * FAILURE_USAGE where new pairs have become so rare that the draws would not end in reasonable
 * time; *count is then 0, and the graph is good for nothing but rmat_free. */
FALLIBLE rmat_next(struct rmat *rmat, struct event *events, size_t capacity, size_t *count,
                   struct err *err);

#endif
