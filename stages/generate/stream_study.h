/* A seeded, study-shaped connection log of any size: members with employers, past employers,
 * schools and regions, lognormal activity, members joining over time, closure of triangles; in time
 * order, in memory that does not hold the graph.
 *
 * It draws as study.h does, but knows of a member the latest neighbours only, and of a pair only
 * whether it was drawn before. So, unlike there: a triangle is closed among the latest ties; an
 * ended tie is never made again; nothing tells who is tied to whom, so that no careers can be built
 * on it; and a mean degree beyond a quarter of what members and degree_max allow is refused.
 *
 * Invariants: the same options give the same events on every machine, whatever the capacities asked
 * for. Exactly `ties` connects make a tie, each of another pair; no degree exceeds degree_max, not
 * even counting ties that have ended; the log does the same whether its equal times are taken in
 * log order or in the strict order of event_compare.
 *
 * Memory: 1 byte per tie and about 100 per member.
 */
#ifndef TIEFLOW_STAGES_GENERATE_STREAM_STUDY_H
#define TIEFLOW_STAGES_GENERATE_STREAM_STUDY_H

#include "schemas/event.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream_options {
    uint64_t seed;
    uint64_t ties;    /* ties to make, at least 1 */
    uint64_t members; /* at least 2; mean degree is 2 * ties / members */
    int64_t start_ms; /* first instant; events spread evenly over [start, start + span) */
    int64_t span_ms;
    double closure;          /* share of ties that close a triangle */
    uint32_t degree_max;     /* e.g. 30000 */
    double disconnect_share; /* disconnects per tie made */
    double wart_share;       /* duplicates, orphans and self-loops per tie made */
    bool ids_are_random;     /* member ids: spread over all 64 bits, else 1..members; either way
                                they tell nothing of when a member joined or of groups */
};

struct stream_study;

/* Copies the options. FAILURE_USAGE where they contradict each other or this model (see above). */
FALLIBLE stream_study_new(struct stream_study **study, const struct stream_options *options,
                          struct err *err);

/* Accepts NULL. */
void stream_study_free(struct stream_study *study);

/* Fills up to `capacity` (at least 1) events in time order; *count is 0 only at the end. Fails for
 * want of memory; *count is then 0 and the study is good for nothing but stream_study_free. */
FALLIBLE stream_study_next(struct stream_study *study, struct event *events, size_t capacity,
                           size_t *count, struct err *err);

#endif
