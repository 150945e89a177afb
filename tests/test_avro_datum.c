#include "stages/decode/avro_datum.h"

#include "tests/avro_testing.h"

#include <stdlib.h>

static struct err err;
static char reason[MALFORMED_REASON_BYTES];

/* The bytes are copied to memory of exactly their size, so that a sanitizer sees reads past it. */
static enum datum_outcome decode(const struct bytes *data, struct event *event, size_t *used) {
    uint8_t *copy = malloc(data->count + (data->count == 0));
    assert_non_null(copy);
    if (data->count != 0) {
        memcpy(copy, data->data, data->count);
    }
    struct cursor cursor = cursor_over(copy, data->count);
    enum datum_outcome outcome = avro_datum_decode(&cursor, event, reason);
    *used = cursor.at;
    free(copy);
    return outcome;
}

static void test_data_are_those_of_an_independent_implementation(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_EVENTS; i++) {
        struct bytes golden = {0};
        struct bytes ours = {0};
        struct event event;
        size_t used;
        put_hex(&golden, golden_data[i]);
        assert_int_equal(decode(&golden, &event, &used), DATUM_EVENT);
        assert_int_equal(used, golden.count);
        assert_same_event(&event, &golden_events[i]);
        MUST(avro_datum_encode(&golden_events[i], &ours, &err));
        assert_int_equal(ours.count, golden.count);
        assert_memory_equal(ours.data, golden.data, golden.count);
        bytes_release(&golden);
        bytes_release(&ours);
    }
}

static void test_random_events_come_back_alone_and_in_a_row(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    struct event *events = calloc(COUNT, sizeof *events);
    assert_non_null(events);
    avro_events(events, COUNT, 1);
    struct bytes row = {0};
    struct event event;
    for (size_t i = 0; i < COUNT; i++) {
        struct bytes one = {0};
        size_t used;
        MUST(avro_datum_encode(&events[i], &one, &err));
        MUST(avro_datum_encode(&events[i], &row, &err));
        assert_int_equal(decode(&one, &event, &used), DATUM_EVENT);
        assert_int_equal(used, one.count);
        assert_same_event(&event, &events[i]);
        bytes_release(&one);
    }
    struct cursor cursor = cursor_over(row.data, row.count);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(avro_datum_decode(&cursor, &event, reason), DATUM_EVENT);
        assert_same_event(&event, &events[i]);
    }
    assert_int_equal(cursor_left(&cursor), 0);
    bytes_release(&row);
    free(events);
}

static void test_integers_of_every_length_come_back_at_every_place(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 64; bits++) {
        int64_t value = (int64_t)(UINT64_C(0x9e3779b97f4a7c15) >> bits);
        for (size_t behind = 0; behind < 12; behind++) {
            struct bytes data = {0};
            int64_t back;
            put_long(&data, -7);
            put_long(&data, value);
            put_raw(&data, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", behind);
            struct cursor cursor = cursor_over(data.data, data.count);
            assert_true(avro_long_take(&cursor, &back));
            assert_true(back == -7);
            assert_true(avro_long_take(&cursor, &back));
            assert_true(back == value);
            assert_int_equal(cursor_left(&cursor), behind);
            bytes_release(&data);
        }
    }
}

static void test_padded_integers_are_read(void **state) {
    (void)state;
    /* 1, 2, 3, connect, organic, each with groups of zeros behind. */
    struct bytes data = {0};
    struct event event;
    size_t used;
    put_hex(&data, "82808080808080808000"
                   "8400"
                   "86808000"
                   "8280808000"
                   "8200");
    assert_int_equal(decode(&data, &event, &used), DATUM_EVENT);
    assert_int_equal(used, data.count);
    assert_same_event(&event,
                      &(struct event){.at_ms = 1, .from = {2}, .to = {3}, .kind = 1, .origin = 1});
    bytes_release(&data);
}

static void expect(const char *digits, enum datum_outcome outcome, const char *part) {
    struct bytes data = {0};
    struct event event;
    size_t used;
    put_hex(&data, digits);
    assert_int_equal(decode(&data, &event, &used), outcome);
    if (strstr(reason, part) == NULL) {
        fail_msg("%s: \"%s\" without \"%s\"", digits, reason, part);
    }
    bytes_release(&data);
}

static void test_integer_over_64_bits_is_broken(void **state) {
    (void)state;
    expect("ffffffffffffffffff02"
           "02040200",
           DATUM_BROKEN, "over 64 bits in its field \"at\"");
    expect("00"
           "ffffffffffffffffffff01"
           "040200",
           DATUM_BROKEN, "in its field \"from\"");
    expect("000000"
           "ffffffffffffffffffffff"
           "00",
           DATUM_BROKEN, "in its field \"kind\"");
}

static void test_datum_cut_at_any_byte_is_broken(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_EVENTS; i++) {
        struct bytes data = {0};
        struct event event;
        size_t used;
        put_hex(&data, golden_data[i]);
        for (size_t cut = data.count; cut > 0; cut--) {
            data.count--;
            assert_int_equal(decode(&data, &event, &used), DATUM_BROKEN);
            assert_non_null(strstr(reason, "is cut off in its field"));
        }
        bytes_release(&data);
    }
    expect("", DATUM_BROKEN, "\"at\"");
    expect("00", DATUM_BROKEN, "\"from\"");
    expect("0000", DATUM_BROKEN, "\"to\"");
    expect("000000", DATUM_BROKEN, "\"kind\"");
    expect("00000000", DATUM_BROKEN, "\"origin\"");
}

static void test_values_that_are_no_event_have_a_reason(void **state) {
    (void)state;
    expect("0000000400", DATUM_UNFIT, "kind is symbol 2: the enum has symbols 0 to 1");
    expect("0000000100", DATUM_UNFIT, "kind is symbol -1");
    expect("0000000008", DATUM_UNFIT, "origin is symbol 4: the enum has symbols 0 to 3");
    expect("000000008280808080808080800100", DATUM_UNFIT,
           "origin is symbol"); /* not cut to 8 bits */
    expect("80f0fea1fa9d73"
           "02040200",
           DATUM_UNFIT, "at is 253402300800000: outside the years");
    expect("81e0e6a2e2a01c"
           "02040200",
           DATUM_UNFIT, "at is -62135596800001");
}

static void test_flipped_bits_never_do_harm(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_EVENTS; i++) {
        struct bytes data = {0};
        put_hex(&data, golden_data[i]);
        for (size_t bit = 0; bit < 8 * data.count; bit++) {
            struct event event;
            size_t used;
            data.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (decode(&data, &event, &used) == DATUM_EVENT) {
                assert_true(event_time_is_valid(event.at_ms));
                assert_true(event.kind < EVENT_KINDS && event.origin < EVENT_ORIGINS);
            }
            assert_true(used <= data.count);
            data.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        bytes_release(&data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_are_those_of_an_independent_implementation),
        cmocka_unit_test(test_random_events_come_back_alone_and_in_a_row),
        cmocka_unit_test(test_integers_of_every_length_come_back_at_every_place),
        cmocka_unit_test(test_padded_integers_are_read),
        cmocka_unit_test(test_integer_over_64_bits_is_broken),
        cmocka_unit_test(test_datum_cut_at_any_byte_is_broken),
        cmocka_unit_test(test_values_that_are_no_event_have_a_reason),
        cmocka_unit_test(test_flipped_bits_never_do_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
