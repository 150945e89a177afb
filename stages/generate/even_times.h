/* Times of events that come at an even pace: event k of n at (k + part) / n of a span, 0 <= part
 * < 1, so that the order of times is that of the events, whichever parts are drawn. */
#ifndef TIEFLOW_STAGES_GENERATE_EVEN_TIMES_H
#define TIEFLOW_STAGES_GENERATE_EVEN_TIMES_H

#include "schemas/status.h"

#include <stdint.h>

struct even_times {
    int64_t start_ms;
    double gap_ms; /* from one event to the next */
};

/* For `events` (at least 1) in [start, start + span). FAILURE_USAGE where that leaves the years 1
 * to 9999, or the span is empty. */
FALLIBLE even_times_init(struct even_times *times, int64_t start_ms, int64_t span_ms,
                         uint64_t events, struct err *err);

/* Products of doubles alone: the same on every machine. */
static inline int64_t even_times_at(const struct even_times *times, uint64_t event, double part) {
    return times->start_ms + (int64_t)(((double)event + part) * times->gap_ms);
}

/* The part at which the event itself comes, from random bits: in the first eighth of its gap, so
 * that what follows from it finds room behind it, and a log spends half a byte on a time. */
static inline double even_times_part(uint32_t bits) {
    return (double)bits * (0x1p-32 / 8);
}

#endif
