/* Units of time are compared with the C library's calendar. */
#include "schemas/limits.h"
#include "stages/base/random.h"
#include "stages/careers/span.h"
#include "tests/testing.h"

#include <time.h>

/* The first instant of the unit `steps` units behind the one that holds the time. */
static int64_t unit_start(int64_t at_ms, enum position_precision precision, int steps) {
    time_t seconds = (time_t)(at_ms / 1000 - (at_ms % 1000 < 0));
    struct tm tm;
    assert_non_null(gmtime_r(&seconds, &tm));
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    switch (precision) {
    case PRECISION_DAY:
        tm.tm_mday += steps;
        break;
    case PRECISION_MONTH:
        tm.tm_mday = 1;
        tm.tm_mon += steps;
        break;
    case PRECISION_YEAR:
        tm.tm_mday = 1;
        tm.tm_mon = 0;
        tm.tm_year += steps;
        break;
    }
    return (int64_t)timegm(&tm) * 1000;
}

static void assert_units(int64_t at_ms) {
    struct span month = month_span(at_ms);
    assert_true(month.lo_ms == unit_start(at_ms, PRECISION_MONTH, 0));
    assert_true(month.hi_ms == unit_start(at_ms, PRECISION_MONTH, 1));
    for (int precision = 0; precision < 3; precision++) {
        enum position_precision unit = (enum position_precision)precision;
        struct span span = position_span(at_ms, unit);
        if (at_ms <= 0) {
            assert_true(span_equal(span, SPAN_EVER));
            continue;
        }
        assert_true(span.lo_ms <= at_ms && at_ms < span.hi_ms);
        assert_true(span.lo_ms == unit_start(at_ms, unit, 0));
        assert_true(span.hi_ms == unit_start(at_ms, unit, 1));
        assert_int_equal(span_precision(span), unit);
    }
}

static void units_are_those_of_the_calendar(void **state) {
    (void)state;
    struct random random;
    random_seed(&random, 1);
    uint64_t range = (uint64_t)(LIMIT_TIME_MAX_MS - LIMIT_TIME_MIN_MS) + 1;
    for (int i = 0; i < 200000; i++) {
        assert_units(LIMIT_TIME_MIN_MS + (int64_t)random_below(&random, range));
    }
    for (int64_t month_ms = 1; month_ms < INT64_C(20000000000000);) { /* beyond the year 2600 */
        assert_units(month_ms - 1);
        assert_units(month_ms);
        month_ms = unit_start(month_ms, PRECISION_MONTH, 1);
    }
    static const int64_t edges[] = {LIMIT_TIME_MIN_MS, LIMIT_TIME_MAX_MS, -1, 0, 1, 86399999};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        assert_units(edges[i]);
    }
}

static void before_is_strict_in_units_and_holds_for_the_ends_of_time(void **state) {
    (void)state;
    const struct span a = {0, 10};
    const struct span b = {10, 20};
    const struct span within = {5, 6};
    assert_true(span_before(a, b));
    assert_false(span_before(b, a));
    assert_false(span_before(a, a));
    assert_false(span_before(a, within) || span_before(within, a));
    assert_true(span_before(SPAN_EVER, a) && span_before(a, SPAN_NEVER));
    assert_true(span_before(SPAN_EVER, SPAN_NEVER));
    assert_false(span_before(SPAN_NEVER, a) || span_before(a, SPAN_EVER));
}

static void at_least_so_long_before_counts_from_the_units_beginnings(void **state) {
    (void)state;
    const struct span a = {0, 10};
    const struct span b = {10, 20};
    assert_true(span_before_by(a, b, 0) && span_before_by(a, b, 10));
    assert_false(span_before_by(a, b, 11));
    assert_false(span_before_by(a, (struct span){9, 30}, 0));
    assert_true(span_before_by(SPAN_EVER, b, INT64_C(1) << 40));
    assert_false(span_before_by(SPAN_NEVER, b, 0));
}

static void times_do_not_run_over(void **state) {
    (void)state;
    assert_true(time_plus(INT64_MIN, 5) == INT64_MIN);
    assert_true(time_plus(INT64_MAX, 5) == INT64_MAX);
    assert_true(time_plus(INT64_MAX - 3, 5) == INT64_MAX - 1);
    assert_true(time_plus(INT64_MAX - 6, 5) == INT64_MAX - 1);
    assert_true(time_plus(-3, 5) == 2);
    assert_true(time_plus(0, INT64_MAX) == INT64_MAX - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_those_of_the_calendar),
        cmocka_unit_test(before_is_strict_in_units_and_holds_for_the_ends_of_time),
        cmocka_unit_test(at_least_so_long_before_counts_from_the_units_beginnings),
        cmocka_unit_test(times_do_not_run_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
