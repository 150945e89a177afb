#include "tests/testing.h"

#include "schemas/event.h"
#include "schemas/limits.h"

#include <string.h>

static void test_every_kind_and_origin_parses_back_from_its_name(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
        const char *name = event_kind_name(kind);
        assert_int_equal(event_kind_parse(name, strlen(name)), kind);
    }
    for (unsigned origin = 0; origin < EVENT_ORIGINS; origin++) {
        const char *name = event_origin_name(origin);
        assert_int_equal(event_origin_parse(name, strlen(name)), origin);
    }
}

/* They stand in users' logs and in files on disk. */
static void test_names_and_values_are_the_published_ones(void **state) {
    (void)state;
    assert_string_equal(event_kind_name(0), "disconnect");
    assert_string_equal(event_kind_name(1), "connect");
    assert_string_equal(event_origin_name(0), "unknown");
    assert_string_equal(event_origin_name(1), "organic");
    assert_string_equal(event_origin_name(2), "recommended");
    assert_string_equal(event_origin_name(3), "import");
    assert_string_equal(simultaneous_name(SIMULTANEOUS_STRICT), "strict");
    assert_string_equal(simultaneous_name(SIMULTANEOUS_SEQUENCE), "sequence");
}

static void test_values_without_a_name_have_none(void **state) {
    (void)state;
    assert_null(event_kind_name(EVENT_KINDS));
    assert_null(event_kind_name(255));
    assert_null(event_origin_name(EVENT_ORIGINS));
    assert_null(event_origin_name(255));
    assert_null(simultaneous_name((enum simultaneous)2));
    assert_null(simultaneous_name((enum simultaneous) - 1));
}

static void test_names_end_where_their_length_says(void **state) {
    (void)state;
    assert_int_equal(event_kind_parse("connected", 7), EVENT_CONNECT);
    assert_int_equal(event_origin_parse("organic,12", 7), ORIGIN_ORGANIC);
    assert_int_equal(event_kind_parse("connect\0", 8), -1);
}

static void test_anything_else_is_no_name(void **state) {
    (void)state;
    static const char *const wrong[] = {"",         "Connect", "connec",        "connects",
                                        " connect", "1",       "dis\0connect1", "disconnect "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(event_kind_parse(wrong[i], strlen(wrong[i])), -1);
        assert_int_equal(event_origin_parse(wrong[i], strlen(wrong[i])), -1);
        assert_int_equal(simultaneous_parse(wrong[i]), -1);
    }
    assert_int_equal(simultaneous_parse("strict"), SIMULTANEOUS_STRICT);
    assert_int_equal(simultaneous_parse("sequence"), SIMULTANEOUS_SEQUENCE);
    assert_int_equal(simultaneous_parse("STRICT"), -1);
}

static void test_times_are_valid_from_the_first_to_the_last_millisecond(void **state) {
    (void)state;
    assert_true(event_time_is_valid(0));
    assert_true(event_time_is_valid(LIMIT_TIME_MIN_MS));
    assert_false(event_time_is_valid(LIMIT_TIME_MIN_MS - 1));
    assert_true(event_time_is_valid(LIMIT_TIME_MAX_MS));
    assert_false(event_time_is_valid(LIMIT_TIME_MAX_MS + 1));
    assert_false(event_time_is_valid(INT64_MIN));
    assert_false(event_time_is_valid(INT64_MAX));
}

enum { GRID_EVENTS = 3 * 2 * 3 * 3 * 2 };

/* Every combination of a few values of each field, in strict order. */
static void grid_fill(struct event events[GRID_EVENTS]) {
    static const int64_t times[] = {LIMIT_TIME_MIN_MS, 0, LIMIT_TIME_MAX_MS};
    static const uint64_t ids[] = {0, UINT64_C(1) << 63, UINT64_MAX};
    size_t count = 0;
    for (int at = 0; at < 3; at++) {
        for (uint8_t kind = 0; kind < 2; kind++) {
            for (int from = 0; from < 3; from++) {
                for (int to = 0; to < 3; to++) {
                    for (uint8_t origin = 0; origin < 2; origin++) {
                        events[count++] =
                            (struct event){times[at], {ids[from]}, {ids[to]}, kind, origin};
                    }
                }
            }
        }
    }
    assert_int_equal(count, GRID_EVENTS);
}

static int sign(int v) {
    return (v > 0) - (v < 0);
}

static void test_strict_order_is_time_kind_from_to_origin(void **state) {
    (void)state;
    struct event events[GRID_EVENTS];
    grid_fill(events);
    for (int i = 0; i < GRID_EVENTS; i++) {
        for (int j = 0; j < GRID_EVENTS; j++) {
            int order = sign(event_compare(&events[i], &events[j], SIMULTANEOUS_STRICT));
            if (order != sign(i - j)) {
                fail_msg("events %d and %d compare as %d", i, j, order);
            }
        }
    }
}

static void test_sequence_order_is_time_alone(void **state) {
    (void)state;
    struct event events[GRID_EVENTS];
    grid_fill(events);
    for (int i = 0; i < GRID_EVENTS; i++) {
        for (int j = 0; j < GRID_EVENTS; j++) {
            int expected = sign(i / (GRID_EVENTS / 3) - j / (GRID_EVENTS / 3));
            int order = sign(event_compare(&events[i], &events[j], SIMULTANEOUS_SEQUENCE));
            if (order != expected) {
                fail_msg("events %d and %d compare as %d", i, j, order);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_and_origin_parses_back_from_its_name),
        cmocka_unit_test(test_names_and_values_are_the_published_ones),
        cmocka_unit_test(test_values_without_a_name_have_none),
        cmocka_unit_test(test_names_end_where_their_length_says),
        cmocka_unit_test(test_anything_else_is_no_name),
        cmocka_unit_test(test_times_are_valid_from_the_first_to_the_last_millisecond),
        cmocka_unit_test(test_strict_order_is_time_kind_from_to_origin),
        cmocka_unit_test(test_sequence_order_is_time_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
