#include "stages/decode/record_encoder.h"

#include "stages/base/files.h"
#include "stages/base/frame.h"
#include "stages/decode/packed.h"
#include "tests/avro_testing.h"

static struct err err;

static void expect(enum record_encoding encoding, uint32_t schema_id, const struct event *event,
                   const void *expected, size_t bytes) {
    struct bytes value = {0};
    put_raw(&value, "before", 6);
    MUST(record_encode(encoding, schema_id, event, 1, &value, &err));
    assert_int_equal(value.count, 6 + bytes);
    assert_memory_equal(value.data, "before", 6);
    assert_memory_equal(value.data + 6, expected, bytes);
    bytes_release(&value);
}

static void test_schema_is_the_text_of_its_file(void **state) {
    (void)state;
    struct bytes text = {0};
    MUST(file_read_all("schemas/connections.avsc", &text, &err));
    assert_int_equal(text.count, strlen(connections_schema));
    assert_memory_equal(text.data, connections_schema, text.count);
    bytes_release(&text);
}

static void test_avro_is_that_of_an_independent_implementation(void **state) {
    (void)state;
    for (size_t i = 0; i < GOLDEN_EVENTS; i++) {
        struct bytes datum = {0};
        put_hex(&datum, golden_data[i]);
        expect(RECORD_AVRO_BARE, 0, &golden_events[i], datum.data, datum.count);
        struct bytes framed = {0};
        put_hex(&framed, "00"
                         "01020304");
        put_raw(&framed, datum.data, datum.count);
        expect(RECORD_AVRO, 0x01020304, &golden_events[i], framed.data, framed.count);
        bytes_release(&framed);
        bytes_release(&datum);
    }
}

static void test_json_is_an_object_without_a_line_break(void **state) {
    (void)state;
    static const char text[] = "{\"at\":0,\"from\":0,\"to\":18446744073709551615,"
                               "\"kind\":\"disconnect\",\"origin\":\"import\"}";
    expect(RECORD_JSON, 0, &golden_events[1], text, sizeof text - 1);
}

static void test_packed_is_one_frame(void **state) {
    (void)state;
    struct bytes value = {0};
    struct bytes payload = {0};
    struct frame frame;
    size_t used;
    struct event events[GOLDEN_EVENTS];
    MUST(record_encode(RECORD_PACKED, 0, golden_events, GOLDEN_EVENTS, &value, &err));
    MUST(frame_decode(value.data, value.count, &frame, &payload, &used, &err));
    assert_int_equal(used, value.count);
    assert_int_equal(frame.items, GOLDEN_EVENTS);
    MUST(packed_decode(&frame, &payload, events, &err));
    for (size_t i = 0; i < GOLDEN_EVENTS; i++) {
        assert_same_event(&events[i], &golden_events[i]);
    }
    bytes_release(&payload);
    bytes_release(&value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_is_the_text_of_its_file),
        cmocka_unit_test(test_avro_is_that_of_an_independent_implementation),
        cmocka_unit_test(test_json_is_an_object_without_a_line_break),
        cmocka_unit_test(test_packed_is_one_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
