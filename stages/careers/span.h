/* A date that is known to a unit: the interval [lo, hi) of definitions, section 3. */
#ifndef TIEFLOW_STAGES_CAREERS_SPAN_H
#define TIEFLOW_STAGES_CAREERS_SPAN_H

#include "schemas/facts.h"

#include <stdbool.h>
#include <stdint.h>

struct span {
    int64_t lo_ms;
    int64_t hi_ms;
};

/* Before every date ("before records"), and after every date (no start, no end). */
#define SPAN_EVER ((struct span){INT64_MIN, INT64_MIN})
#define SPAN_NEVER ((struct span){INT64_MAX, INT64_MAX})

static inline bool span_before(struct span a, struct span b) {
    return a.hi_ms <= b.lo_ms;
}

/* at + by, held at the ends of the range; EVER and NEVER stay what they are. `by` >= 0. */
static inline int64_t time_plus(int64_t at_ms, int64_t by_ms) {
    return at_ms == INT64_MIN || at_ms == INT64_MAX ? at_ms
           : at_ms > INT64_MAX - 1 - by_ms          ? INT64_MAX - 1
                                                    : at_ms + by_ms;
}

/* a is at least `least_ms` before b. */
static inline bool span_before_by(struct span a, struct span b, int64_t least_ms) {
    return span_before(a, b) && time_plus(a.lo_ms, least_ms) <= b.lo_ms;
}

static inline bool span_equal(struct span a, struct span b) {
    return a.lo_ms == b.lo_ms && a.hi_ms == b.hi_ms;
}

/* The UTC unit of `precision` that holds the time; SPAN_EVER for a time at or before 0. */
struct span position_span(int64_t at_ms, enum position_precision precision);

/* The precision of a span that position_span made and that is not SPAN_EVER. */
enum position_precision span_precision(struct span span);

/* First instant of the UTC calendar month that holds the time, and of the month after. */
struct span month_span(int64_t at_ms);

#endif
