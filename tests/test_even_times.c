#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/generate/even_times.h"

#include <string.h>

static void times_rise_with_events_and_parts_and_stay_inside(void **state) {
    (void)state;
    struct err err;
    const struct {
        int64_t start_ms;
        int64_t span_ms;
        uint64_t events;
    } cases[] = {
        {0, 1, 1}, {0, 1, 1000}, {-500, 1000, 1000}, {7, 157766400000, 2000000000}, {0, 9999, 7},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct even_times times;
        MUST(even_times_init(&times, cases[c].start_ms, cases[c].span_ms, cases[c].events, &err));
        assert_int_equal(even_times_at(&times, 0, 0), cases[c].start_ms);
        int64_t before_ms = cases[c].start_ms;
        uint64_t step = cases[c].events / 1000 + 1;
        for (uint64_t event = 0; event < cases[c].events; event += step) {
            const double parts[] = {0, even_times_part(0), even_times_part(UINT32_MAX), 0.5, 0.999};
            for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
                int64_t at_ms = even_times_at(&times, event, parts[p]);
                assert_true(at_ms >= before_ms);
                before_ms = at_ms;
            }
        }
        int64_t last_ms = even_times_at(&times, cases[c].events - 1, 0.999);
        assert_true(last_ms >= before_ms && last_ms < cases[c].start_ms + cases[c].span_ms);
    }
}

static void spans_that_are_none_are_refused(void **state) {
    (void)state;
    struct err err;
    struct even_times times;
    MUST_FAIL(even_times_init(&times, 0, 0, 1, &err), FAILURE_USAGE, "span");
    MUST_FAIL(even_times_init(&times, 0, LIMIT_TIME_MAX_MS + 1, 1, &err), FAILURE_USAGE, "span");
    MUST_FAIL(even_times_init(&times, LIMIT_TIME_MIN_MS - 1, 1, 1, &err), FAILURE_USAGE, "years");
    MUST(even_times_init(&times, 0, LIMIT_TIME_MAX_MS, 1, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_rise_with_events_and_parts_and_stay_inside),
        cmocka_unit_test(spans_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
