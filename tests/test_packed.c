#include "stages/decode/packed.h"

#include "schemas/limits.h"
#include "stages/base/random.h"
#include "stages/decode/log_reader.h"
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

static struct err err;

/* Events one second apart with random ids below 2^24. */
static struct event *study_events(size_t count) {
    struct event *events = calloc(count, sizeof *events);
    assert_non_null(events);
    struct random random;
    random_seed(&random, 7);
    for (size_t i = 0; i < count; i++) {
        events[i] = (struct event){.at_ms = INT64_C(1600000000000) + (int64_t)i * 1000,
                                   .from = {random_below(&random, 1 << 24)},
                                   .to = {random_below(&random, 1 << 24)},
                                   .kind = (uint8_t)random_below(&random, EVENT_KINDS),
                                   .origin = (uint8_t)random_below(&random, EVENT_ORIGINS)};
    }
    return events;
}

static void assert_same_events(const struct event *a, const struct event *b, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a[i].at_ms, b[i].at_ms);
        assert_true(a[i].from.v == b[i].from.v);
        assert_true(a[i].to.v == b[i].to.v);
        assert_int_equal(a[i].kind, b[i].kind);
        assert_int_equal(a[i].origin, b[i].origin);
    }
}

static void assert_round_trip(const struct event *events, size_t count, int64_t first,
                              int64_t last) {
    struct frame frame;
    struct bytes payload = {0};
    MUST(packed_encode(events, count, &frame, &payload, &err));
    assert_int_equal(frame.kind, FRAME_EVENTS);
    assert_int_equal(frame.items, count);
    assert_int_equal(frame.first, first);
    assert_int_equal(frame.last, last);
    assert_int_equal(frame.payload_bytes, PACKED_EVENT_BYTES * count);
    assert_int_equal(payload.count, frame.payload_bytes);
    struct event *decoded = calloc(count, sizeof *decoded);
    assert_non_null(decoded);
    MUST(packed_decode(&frame, &payload, decoded, &err));
    assert_same_events(decoded, events, count);
    free(decoded);
    bytes_release(&payload);
}

static void test_events_read_back_in_log_order_at_the_edges_of_every_range(void **state) {
    (void)state;
    static const struct event events[] = {
        {.at_ms = 5, .from = {1}, .to = {2}, .kind = EVENT_CONNECT},
        {.at_ms = LIMIT_TIME_MAX_MS, .from = {UINT64_MAX}, .to = {0}, .origin = ORIGIN_IMPORT},
        {.at_ms = LIMIT_TIME_MIN_MS, .from = {0}, .to = {UINT64_MAX}, .kind = EVENT_CONNECT},
        {.at_ms = 5, .from = {1}, .to = {1}, .origin = ORIGIN_RECOMMENDED},
    };
    assert_round_trip(events, 4, LIMIT_TIME_MIN_MS, LIMIT_TIME_MAX_MS);
    assert_round_trip(events, 1, 5, 5);
}

static void test_random_events_read_back(void **state) {
    (void)state;
    struct event *events = study_events(10000);
    assert_round_trip(events, 10000, events[0].at_ms, events[9999].at_ms);
    free(events);
}

static void test_payload_has_the_documented_layout(void **state) {
    (void)state;
    static const struct event events[] = {
        {.at_ms = 1000, .from = {0x0102}, .to = {3}, .kind = EVENT_CONNECT, .origin = 1},
        {.at_ms = 999, .from = {0x0405}, .to = {6}, .kind = EVENT_DISCONNECT, .origin = 3},
    };
    static const uint8_t expected[2 * PACKED_EVENT_BYTES] = {
        /* times: 1000 - 999 = 1 is 2, 999 - 1000 = -1 is 1 */
        2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        /* from */
        0x02, 0x05, 0x01, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        /* to */
        3, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        /* kind and origin */
        1 | 1 << 1, 3 << 1};
    struct frame frame;
    struct bytes payload = {0};
    MUST(packed_encode(events, 2, &frame, &payload, &err));
    assert_int_equal(payload.count, sizeof expected);
    assert_memory_equal(payload.data, expected, sizeof expected);
    bytes_release(&payload);
}

static void test_study_shaped_events_take_about_seven_bytes(void **state) {
    (void)state;
    struct event *events = study_events(PACKED_FRAME_EVENTS);
    struct frame frame;
    struct bytes payload = {0};
    struct bytes stored = {0};
    MUST(packed_encode(events, PACKED_FRAME_EVENTS, &frame, &payload, &err));
    MUST(frame_encode(&frame, payload.data, &stored, &err));
    assert_true(stored.count < (size_t)PACKED_FRAME_EVENTS * 7);
    bytes_release(&stored);
    bytes_release(&payload);
    free(events);
}

/* A good frame of two events, for a test to damage. */
struct damaged {
    struct frame frame;
    struct bytes payload;
    struct event decoded[3];
};

static void damaged_init(struct damaged *damaged) {
    static const struct event events[] = {
        {.at_ms = 10, .from = {1}, .to = {2}, .kind = EVENT_CONNECT},
        {.at_ms = 20, .from = {3}, .to = {4}, .kind = EVENT_CONNECT},
    };
    *damaged = (struct damaged){0};
    MUST(packed_encode(events, 2, &damaged->frame, &damaged->payload, &err));
    MUST(packed_decode(&damaged->frame, &damaged->payload, damaged->decoded, &err));
}

static void expect_damage(struct damaged *damaged, const char *part) {
    MUST_FAIL(packed_decode(&damaged->frame, &damaged->payload, damaged->decoded, &err),
              FAILURE_DATA, part);
    bytes_release(&damaged->payload);
}

static void test_payload_of_the_wrong_length_is_refused(void **state) {
    (void)state;
    struct damaged damaged;
    damaged_init(&damaged);
    damaged.payload.count--;
    expect_damage(&damaged, "2 events take 50 bytes, the frame holds 49");
    damaged_init(&damaged);
    damaged.frame.items = 3;
    expect_damage(&damaged, "3 events take 75 bytes");
    damaged_init(&damaged);
    damaged.frame.items = 0;
    expect_damage(&damaged, "0 events take 0 bytes");
}

static void test_unknown_kind_or_origin_is_refused(void **state) {
    (void)state;
    struct damaged damaged;
    damaged_init(&damaged);
    damaged.payload.data[49] = EVENT_ORIGINS << 1;
    expect_damage(&damaged, "unknown kind or origin");
    damaged_init(&damaged);
    damaged.payload.data[48] = 0xff;
    expect_damage(&damaged, "unknown kind or origin");
}

static void test_time_outside_the_range_of_the_frame_is_refused(void **state) {
    (void)state;
    struct damaged damaged;
    damaged_init(&damaged);
    damaged.payload.data[1]++; /* code 20, +10, becomes 21, -11: before the first */
    expect_damage(&damaged, "outside the frame's range");
    damaged_init(&damaged);
    damaged.frame.last = 19;
    expect_damage(&damaged, "outside the frame's range of 10 to 19");
    damaged_init(&damaged);
    damaged.payload.data[15] = 0xff; /* wraps around 2^64 */
    expect_damage(&damaged, "outside the frame's range");
}

static void test_time_outside_the_accepted_range_is_refused(void **state) {
    (void)state;
    struct damaged damaged;
    damaged_init(&damaged);
    damaged.frame.first = INT64_MIN;
    expect_damage(&damaged, "leave the years 0001 to 9999");
    damaged_init(&damaged);
    damaged.frame.last = INT64_MAX;
    expect_damage(&damaged, "leave the years 0001 to 9999");
}

static void test_frame_of_another_kind_is_refused(void **state) {
    (void)state;
    struct damaged damaged;
    damaged_init(&damaged);
    damaged.frame.kind = FRAME_TIES;
    expect_damage(&damaged, "a frame of kind 4 stands where events are expected");
}

/* ---- logs ---- */

/* Appends a frame of the events, or of another kind with the same payload. */
static void append_frame(struct bytes *log, enum frame_kind kind, const struct event *events,
                         size_t count) {
    struct frame frame = {.kind = FRAME_EVENTS};
    struct bytes payload = {0};
    if (count > 0) {
        MUST(packed_encode(events, count, &frame, &payload, &err));
    }
    frame.kind = kind;
    MUST(frame_encode(&frame, count > 0 ? payload.data : (const uint8_t *)"", log, &err));
    bytes_release(&payload);
}

static void append_end(struct bytes *log, int64_t items, int64_t frames) {
    const struct frame end = {.kind = FRAME_END, .first = items, .last = frames};
    MUST(frame_encode(&end, (const uint8_t *)"", log, &err));
}

/* Reads a log in batches of `capacity`; *count events are appended to `events`. Returns the first
 * failure. */
static struct status read_log(const struct bytes *log, enum log_format format, size_t capacity,
                              struct event *events, size_t *count) {
    struct input *input;
    struct log_reader *reader;
    const struct log_reader_options options = {.format = format};
    *count = 0;
    MUST(input_open_memory(&input, "night.tfp", log->data, log->count, &err));
    TRY(log_reader_open(&reader, input, &options, &err));
    assert_int_equal(log_reader_format(reader), LOG_PACKED);
    size_t got = 1;
    struct status status = status_ok();
    while (!failed(status) && got != 0) {
        bool is_malformed;
        struct malformed malformed;
        status = log_reader_next(reader, events + *count, capacity, &got, &is_malformed, &malformed,
                                 &err);
        assert_false(!failed(status) && is_malformed);
        *count += failed(status) ? 0 : got;
    }
    log_reader_close(reader);
    return status;
}

static const enum log_format both_ways[] = {LOG_AUTO, LOG_PACKED};

static void test_log_of_joined_files_reads_the_same_for_any_batch(void **state) {
    (void)state;
    struct event *events = study_events(600);
    struct event *found = calloc(2000, sizeof *found);
    assert_non_null(found);
    struct bytes log = {0};
    append_frame(&log, FRAME_EVENTS, events, 300);
    append_frame(&log, FRAME_EVENTS, NULL, 0);
    append_frame(&log, FRAME_EVENTS, events + 300, 1);
    append_end(&log, 301, 3);
    append_end(&log, 0, 0);
    append_frame(&log, FRAME_EVENTS, events + 301, 299);
    append_end(&log, 299, 1);
    static const size_t capacities[] = {1, 7, 299, 300, 1000};
    for (size_t way = 0; way < 2; way++) {
        for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
            size_t count;
            MUST(read_log(&log, both_ways[way], capacities[i], found, &count));
            assert_int_equal(count, 600);
            assert_same_events(found, events, 600);
        }
    }
    bytes_release(&log);
    free(found);
    free(events);
}

/* Reads what comes behind the records that may be passed over; *passed of them were. */
static void read_behind(const struct bytes *log, enum log_format format, uint64_t records,
                        uint64_t *passed, struct event *events, size_t *count) {
    struct input *input;
    struct log_reader *reader;
    const struct log_reader_options options = {.format = format};
    size_t got = 1;
    *count = 0;
    MUST(input_open_memory(&input, "night.tfp", log->data, log->count, &err));
    MUST(log_reader_open(&reader, input, &options, &err));
    MUST(log_reader_pass(reader, records, passed, &err));
    while (got != 0) {
        bool is_malformed;
        struct malformed malformed;
        MUST(log_reader_next(reader, events + *count, 1000, &got, &is_malformed, &malformed, &err));
        *count += got;
    }
    log_reader_close(reader);
}

static void test_records_read_once_are_passed_over_by_whole_frames(void **state) {
    (void)state;
    struct event *events = study_events(600);
    struct event *found = calloc(2000, sizeof *found);
    assert_non_null(found);
    struct bytes log = {0};
    append_frame(&log, FRAME_EVENTS, events, 300);
    append_frame(&log, FRAME_EVENTS, events + 300, 1);
    append_end(&log, 301, 2);
    append_frame(&log, FRAME_EVENTS, events + 301, 299);
    append_end(&log, 299, 1);
    for (size_t way = 0; way < 2; way++) {
        for (uint64_t records = 0; records < 700; records++) {
            uint64_t passed;
            size_t count;
            read_behind(&log, both_ways[way], records, &passed, found, &count);
            assert_int_equal(passed, records < 300   ? 0
                                     : records < 301 ? 300
                                     : records < 600 ? 301
                                                     : 600);
            assert_int_equal(passed + count, 600);
            assert_same_events(found, events + passed, count);
        }
    }
    bytes_release(&log);
    free(found);
    free(events);
}

static void test_log_without_events_is_empty(void **state) {
    (void)state;
    struct bytes log = {0};
    append_end(&log, 0, 0);
    for (size_t way = 0; way < 2; way++) {
        struct event event;
        size_t count;
        MUST(read_log(&log, both_ways[way], 1, &event, &count));
        assert_int_equal(count, 0);
    }
    bytes_release(&log);
}

static void expect_broken_log(const struct bytes *log, const char *part) {
    struct event *events = calloc(1000, sizeof *events);
    assert_non_null(events);
    for (size_t way = 0; way < 2; way++) {
        size_t count;
        MUST_FAIL(read_log(log, both_ways[way], 500, events, &count), FAILURE_DATA, part);
        assert_non_null(strstr(err.text, "night.tfp"));
    }
    free(events);
}

static void test_log_with_a_frame_of_another_kind_is_an_error(void **state) {
    (void)state;
    struct event *events = study_events(10);
    struct bytes log = {0};
    append_frame(&log, FRAME_TIES, events, 10);
    append_end(&log, 10, 1);
    expect_broken_log(&log, "(frame at byte 0): a frame of kind 4");
    log.count = 0;
    append_frame(&log, FRAME_EVENTS, events, 10);
    append_frame(&log, FRAME_ADJACENCY, events, 10);
    append_end(&log, 20, 2);
    expect_broken_log(&log, "a frame of kind 3");
    bytes_release(&log);
    free(events);
}

static void test_log_cut_anywhere_is_an_error(void **state) {
    (void)state;
    struct event *events = study_events(20);
    struct bytes log = {0};
    append_frame(&log, FRAME_EVENTS, events, 10);
    append_frame(&log, FRAME_EVENTS, events + 10, 10);
    append_end(&log, 20, 2);
    size_t whole = log.count;
    for (log.count = 4; log.count < whole; log.count++) {
        expect_broken_log(&log, "truncated");
    }
    bytes_release(&log);
    free(events);
}

static void test_log_with_any_bit_flipped_is_an_error(void **state) {
    (void)state;
    struct event *events = study_events(3);
    struct bytes log = {0};
    append_frame(&log, FRAME_EVENTS, events, 3);
    append_end(&log, 3, 1);
    for (size_t bit = 32; bit < 8 * log.count; bit++) { /* behind the first magic */
        log.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        expect_broken_log(&log, "night.tfp");
        log.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    bytes_release(&log);
    free(events);
}

static void test_end_frame_that_promises_other_counts_is_an_error(void **state) {
    (void)state;
    struct event *events = study_events(3);
    struct bytes log = {0};
    append_end(&log, 3, 1);
    expect_broken_log(&log, "END frame");
    log.count = 0;
    append_frame(&log, FRAME_EVENTS, events, 3);
    append_end(&log, 4, 1);
    expect_broken_log(&log, "END frame promises 4 items");
    bytes_release(&log);
    free(events);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_read_back_in_log_order_at_the_edges_of_every_range),
        cmocka_unit_test(test_random_events_read_back),
        cmocka_unit_test(test_payload_has_the_documented_layout),
        cmocka_unit_test(test_study_shaped_events_take_about_seven_bytes),
        cmocka_unit_test(test_payload_of_the_wrong_length_is_refused),
        cmocka_unit_test(test_unknown_kind_or_origin_is_refused),
        cmocka_unit_test(test_time_outside_the_range_of_the_frame_is_refused),
        cmocka_unit_test(test_time_outside_the_accepted_range_is_refused),
        cmocka_unit_test(test_frame_of_another_kind_is_refused),
        cmocka_unit_test(test_log_of_joined_files_reads_the_same_for_any_batch),
        cmocka_unit_test(test_records_read_once_are_passed_over_by_whole_frames),
        cmocka_unit_test(test_log_without_events_is_empty),
        cmocka_unit_test(test_log_with_a_frame_of_another_kind_is_an_error),
        cmocka_unit_test(test_log_cut_anywhere_is_an_error),
        cmocka_unit_test(test_log_with_any_bit_flipped_is_an_error),
        cmocka_unit_test(test_end_frame_that_promises_other_counts_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
