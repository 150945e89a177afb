#include "stages/generate/even_times.h"

#include "schemas/event.h"
#include "schemas/limits.h"

#include <assert.h>
#include <inttypes.h>

struct status even_times_init(struct even_times *times, int64_t start_ms, int64_t span_ms,
                              uint64_t events, struct err *err) {
    assert(events >= 1);
    if (!event_time_is_valid(start_ms)) {
        return err_set(err, FAILURE_USAGE, "start %" PRId64 " ms is not within the years 1 to 9999",
                       start_ms);
    }
    if (span_ms < 1 || span_ms > LIMIT_TIME_MAX_MS - start_ms) {
        return err_set(err, FAILURE_USAGE,
                       "a span of %" PRId64
                       " ms; give at least 1, and no more than ends before the year 10000",
                       span_ms);
    }
    *times = (struct even_times){start_ms, (double)span_ms / (double)events};
    return status_ok();
}
