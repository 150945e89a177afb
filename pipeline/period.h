/* What a run covers: one stretch of time for `tieflow ties`, a row of dates for `run` and
 * `backfill`. Tables, quality and tie segments are made per period.
 */
#ifndef TIEFLOW_PIPELINE_PERIOD_H
#define TIEFLOW_PIPELINE_PERIOD_H

#include "schemas/event.h"
#include "schemas/quality.h"
#include "stages/base/number.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The periods of a run: `count` days from `first_ms` on, or (is_whole) all of time up to and with
 * `until_ms` as one. */
struct periods {
    bool is_whole;
    int64_t until_ms; /* of is_whole only */
    int64_t first_ms; /* first instant of the first day */
    size_t count;
};

static inline struct periods periods_whole(int64_t until_ms) {
    return (struct periods){.is_whole = true, .until_ms = until_ms, .count = 1};
}

static inline struct periods periods_days(int64_t first_day_ms, int64_t last_day_ms) {
    return (struct periods){
        .first_ms = first_day_ms,
        .count = (size_t)((last_day_ms - first_day_ms) / DAY_MS) + 1,
    };
}

/* First instant of a period, for days only. */
static inline int64_t period_first_ms(const struct periods *periods, size_t index) {
    return periods->first_ms + (int64_t)index * DAY_MS;
}

static inline bool periods_are_after(const struct periods *periods, int64_t at_ms) {
    return !periods->is_whole && at_ms < periods->first_ms;
}

static inline bool periods_are_before(const struct periods *periods, int64_t at_ms) {
    return periods->is_whole ? at_ms > periods->until_ms
                             : at_ms >= period_first_ms(periods, periods->count);
}

/* The period that holds a time which the periods are neither after nor before. */
static inline size_t period_index(const struct periods *periods, int64_t at_ms) {
    return periods->is_whole ? 0 : (size_t)((at_ms - periods->first_ms) / DAY_MS);
}

/* Where the times of a period end among ascending ones: at_ms[first], and all before, are of it or
 * of earlier ones. */
static inline size_t period_end(const struct periods *periods, size_t period, const int64_t *at_ms,
                                size_t first, size_t count) {
    if (period_index(periods, at_ms[count - 1]) == period) {
        return count;
    }
    size_t end = first + 1;
    while (period_index(periods, at_ms[end]) == period) {
        end++;
    }
    return end;
}

/* What is known about one period of a run. */
struct period_facts {
    struct quality quality;
    int64_t newest_ms; /* newest event taken so far */
    bool has_newest;
    int64_t newest_connect_ms; /* newest connect taken so far; INT64_MIN: none */
    int64_t part_newest_ms;    /* the same of the files, or of one partition, for OUT_OF_ORDER */
    bool has_part_newest;
    uint64_t disconnects; /* taken, and no self-loops */
    uint64_t run_id;      /* of the settings and all events up to the period's end */
};

#endif
