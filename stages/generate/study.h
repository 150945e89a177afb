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
#include "stages/base/random.h"

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

    uint32_t employer_size;  /* members per employer on average, e.g. 30 */
    uint32_t employer_skew;  /* k from 1: sizes ~ rank^-(1 - 1/k), so 1 makes them all alike */
    uint32_t regions;        /* 0: one per 5000 members */
    double coworkers;        /* share of ties, closure apart, asked of employers, e.g. 0.55 */
    double homophily;        /* 0..1: members live where their employer is, and tie within their
                                industry and region */
    uint32_t variants;       /* of an experiment, at least 1; variant 0 is control */
    double variant_closure;  /* the last variant's closure is 1 + this times that of control, those
                                between in equal steps; held within 0..1 */
    int64_t variant_from_ms; /* first instant at which the variants differ */
};

/* The groups that members have; numbers within a kind count from 0, the greatest groups first.
 * FIELD is the industry of the employer in a region, industry * regions + region. */
enum study_group { EMPLOYER, PAST_EMPLOYER, SCHOOL, REGION, FIELD, GROUP_KINDS };

enum { STUDY_INDUSTRIES = 20 };

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

/* What the latest event changed, by member number (below options.members). */
enum study_change { CHANGE_NONE, CHANGE_MADE, CHANGE_ENDED };
enum study_change study_latest(const struct study *study, uint32_t *from, uint32_t *to);

/* Of the graph as the latest event left it. study_common takes time in proportion to the degrees.
 */
bool study_tied(const struct study *study, uint32_t a, uint32_t b);
uint32_t study_common(struct study *study, uint32_t a, uint32_t b);

/* Facts about members and groups, which never change. */
const struct study_options *study_options_of(const struct study *study);
uint64_t study_member_id(const struct study *study, uint32_t member);
uint32_t study_group_of(const struct study *study, uint32_t member, enum study_group kind);
uint32_t study_group_count(const struct study *study, enum study_group kind);
uint32_t study_industry_of(const struct study *study, uint32_t employer);
uint32_t study_variant_of(const struct study *study, uint32_t member);

/* A member drawn from those of the same industry and region, joined or not: perhaps the member
 * itself. Only with homophily. */
uint32_t study_peer(const struct study *study, uint32_t member, struct random *random);

#endif
