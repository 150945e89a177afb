/* A seeded, study-shaped connection log: members with employers, past employers, schools and
 * regions, lognormal activity, members joining over time, closure of triangles; in time order.
 *
 * Which member connects is drawn by activity among those who have joined; to whom: with
 * probability `closure` a neighbour's neighbour, else a member of one of the ego's groups. On
 * request the log also holds what real logs hold: disconnects and re-connections, duplicates,
 * self-loops, orphans.
 *
 * Invariants: the same options give the same events on every machine, whatever the capacities
 * asked for. Exactly `ties` connects make a tie (re-connections included; repeats come on top), and
 * each part of the log does the same whether its equal times are taken in log order or in the
 * strict order of event_compare.
 *
 * Memory: about 10 bytes per tie and 65 per member; the adjacency is kept for closure.
 */
#ifndef TIEFLOW_STAGES_GENERATE_STUDY_H
#define TIEFLOW_STAGES_GENERATE_STUDY_H

#include "schemas/event.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct study_options {
    uint64_t seed;
    uint64_t ties;    /* ties to make, at least 1 */
    uint64_t members; /* at least 2; mean degree is 2 * ties / members */
    int64_t start_ms; /* first instant; events spread over [start, start + span) */
    int64_t span_ms;
    double closure;          /* wanted share of ties that close a triangle, e.g. 0.3 */
    uint32_t degree_max;     /* e.g. 30000 */
    double disconnect_share; /* disconnects per tie made, e.g. 0.01 */
    double wart_share;       /* duplicates, orphans and self-loops per tie made, e.g. 0.001 */
    bool ids_are_random;     /* member ids: spread over all 64 bits, else 1..members */
};

/* The options for five years from 2015-01-01 with `ties` ties at the given mean degree (2 ties /
 * members), every share at its example above. A mean degree that no graph has (not above 0, above
 * members - 1) gives options that study_new refuses. */
struct study_options study_defaults(uint64_t ties, double mean_degree);

struct study;

/* Copies the options. FAILURE_USAGE where they contradict each other (more ties than pairs or
 * degree_max allow, a share outside 0..1, times out of range, ...). */
FALLIBLE study_new(struct study **study, const struct study_options *options, struct err *err);

/* Accepts NULL. */
void study_free(struct study *study);

/* Fills up to `capacity` (at least 1) events in time order; *count is 0 only at the end. Fails only
 * for want of memory; *count is then 0 and the study is good for nothing but study_free. Where the
 * span is so short that ties crowd into one millisecond, endings that would share the instant of
 * the tie they end are put off, and may not come at all. */
FALLIBLE study_next(struct study *study, struct event *events, size_t capacity, size_t *count,
                    struct err *err);

#endif
