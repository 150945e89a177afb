#include "stages/decode/record_decoder.h"

#include "schemas/limits.h"
#include "stages/base/frame.h"
#include "stages/decode/record_encoder.h"
#include "tests/avro_testing.h"
#include "tests/scratch.h"

#include <stdlib.h>

static struct err err;
static char reason[MALFORMED_REASON_BYTES];

/* A decoder, and the registry of mapped files that framed Avro needs: 7 is our schema, 8 has its
 * fields in another order, 9 is no connection; 0 and 2^32-1 are ours again. */
struct setting {
    struct record_decoder *decoder;
    struct schema_registry *registry;
};

static const char other_order[] =
    "{\"type\":\"record\",\"name\":\"e\",\"fields\":[{\"name\":\"to\",\"type\":\"long\"},"
    "{\"name\":\"from\",\"type\":\"int\"},{\"name\":\"at\",\"type\":\"long\"}]}";
static const char no_connection[] =
    "{\"type\":\"record\",\"name\":\"e\",\"fields\":[{\"name\":\"at\",\"type\":\"long\"},"
    "{\"name\":\"from\",\"type\":\"string\"},{\"name\":\"to\",\"type\":\"long\"}]}";

static void map_file(void **state, struct names *maps, const char *id, const char *text) {
    char path[SCRATCH_PATH_BYTES];
    char map[SCRATCH_PATH_BYTES + 16];
    scratch_path(state, id, path);
    scratch_put_text(path, text);
    (void)snprintf(map, sizeof map, "%s=%s", id, path);
    MUST(names_add(maps, map, &err));
}

static void setting_open(void **state, struct setting *setting, enum record_encoding encoding) {
    struct names maps = {0};
    map_file(state, &maps, "7", connections_schema);
    map_file(state, &maps, "8", other_order);
    map_file(state, &maps, "9", no_connection);
    map_file(state, &maps, "0", connections_schema);
    map_file(state, &maps, "4294967295", connections_schema);
    MUST(schema_registry_open(&setting->registry, &(struct schema_registry_options){.maps = &maps},
                              &err));
    MUST(record_decoder_open(
        &setting->decoder,
        &(struct record_decoder_options){.encoding = encoding, .registry = setting->registry},
        &err));
    names_release(&maps);
}

static void setting_close(struct setting *setting) {
    record_decoder_close(setting->decoder);
    schema_registry_close(setting->registry);
}

static void expect_events(struct record_decoder *decoder, const struct bytes *value,
                          const struct event *expected, size_t expected_count) {
    const struct event *events;
    size_t count;
    bool is_malformed;
    MUST(record_decoder_decode(decoder, value->data, value->count, &events, &count, &is_malformed,
                               reason, &err));
    if (is_malformed) {
        fail_msg("malformed: %s", reason);
    }
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_same_event(&events[i], &expected[i]);
    }
}

static void expect_malformed(struct record_decoder *decoder, const void *value, size_t bytes,
                             const char *part) {
    const struct event *events;
    size_t count = 99;
    bool is_malformed = false;
    uint8_t *copy = NULL;
    if (value != NULL) {
        copy = malloc(bytes + (bytes == 0)); /* of its size: a sanitizer sees reads past it */
        assert_non_null(copy);
        memcpy(copy, value, bytes);
    }
    MUST(record_decoder_decode(decoder, copy, bytes, &events, &count, &is_malformed, reason, &err));
    assert_true(is_malformed);
    assert_int_equal(count, 0);
    if (strstr(reason, part) == NULL) {
        fail_msg("\"%s\" without \"%s\"", reason, part);
    }
    free(copy);
}

static void test_names_of_encodings_read_back(void **state) {
    (void)state;
    for (int i = 0; i < RECORD_ENCODINGS; i++) {
        assert_int_equal(record_encoding_parse(record_encoding_name((enum record_encoding)i)), i);
    }
    assert_int_equal(record_encoding_parse("Avro"), -1);
    assert_int_equal(record_encoding_parse(""), -1);
}

static void test_random_events_come_back_in_every_encoding(void **state) {
    enum { COUNT = 3000 };
    struct event *events = calloc(COUNT, sizeof *events);
    assert_non_null(events);
    avro_events(events, COUNT, 11);
    for (int encoding = 0; encoding < RECORD_ENCODINGS; encoding++) {
        struct setting setting;
        setting_open(state, &setting, (enum record_encoding)encoding);
        size_t step = encoding == RECORD_PACKED ? 100 : 1;
        for (size_t i = 0; i < COUNT; i += step) {
            struct bytes value = {0};
            MUST(record_encode((enum record_encoding)encoding, 7, events + i, step, &value, &err));
            expect_events(setting.decoder, &value, events + i, step);
            bytes_release(&value);
        }
        setting_close(&setting);
    }
    free(events);
}

static void test_tombstones_and_empty_values_are_malformed(void **state) {
    for (int encoding = 0; encoding < RECORD_ENCODINGS; encoding++) {
        struct setting setting;
        setting_open(state, &setting, (enum record_encoding)encoding);
        expect_malformed(setting.decoder, NULL, 0, "no value: a tombstone");
        expect_malformed(setting.decoder, "", 0, "an empty value");
        setting_close(&setting);
    }
}

static void test_values_cut_at_any_byte_are_malformed(void **state) {
    for (int encoding = 0; encoding < RECORD_ENCODINGS; encoding++) {
        struct setting setting;
        struct bytes value = {0};
        setting_open(state, &setting, (enum record_encoding)encoding);
        MUST(record_encode((enum record_encoding)encoding, 7, golden_events, 1, &value, &err));
        for (size_t count = 1; count < value.count; count++) {
            expect_malformed(setting.decoder, value.data, count, "");
        }
        bytes_release(&value);
        setting_close(&setting);
    }
}

static void test_flipped_bits_do_no_harm(void **state) {
    for (int encoding = 0; encoding < RECORD_ENCODINGS; encoding++) {
        struct setting setting;
        struct bytes value = {0};
        setting_open(state, &setting, (enum record_encoding)encoding);
        MUST(record_encode((enum record_encoding)encoding, 8, golden_events, 1, &value, &err));
        for (size_t bit = 0; bit < 8 * value.count; bit++) {
            const struct event *events;
            size_t count;
            bool is_malformed;
            value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct status status =
                record_decoder_decode(setting.decoder, value.data, value.count, &events, &count,
                                      &is_malformed, reason, &err);
            /* Another schema id may be one that is not mapped. */
            assert_true(!failed(status) || status.failure == FAILURE_DATA);
            for (size_t i = 0; !failed(status) && i < count; i++) {
                assert_true(event_time_is_valid(events[i].at_ms));
            }
            value.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        bytes_release(&value);
        setting_close(&setting);
    }
}

/* ---- Avro ---- */

static void test_framing_leads_to_the_schema_of_each_record(void **state) {
    static const uint32_t ids[] = {7, 8, 0, 8, UINT32_MAX, 7, 8};
    struct setting setting;
    setting_open(state, &setting, RECORD_AVRO);
    const struct event event = {.at_ms = 5, .from = {6}, .to = {7}, .kind = EVENT_CONNECT};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct bytes value = {0};
        if (ids[i] == 8) {
            put_hex(&value, "00"
                            "00000008"
                            "0e"
                            "0c"
                            "0a");
        } else {
            MUST(record_encode(RECORD_AVRO, ids[i], &event, 1, &value, &err));
        }
        expect_events(setting.decoder, &value, &event, 1);
        bytes_release(&value);
    }
    setting_close(&setting);
}

static void test_values_that_are_not_framed_are_malformed(void **state) {
    struct setting setting;
    setting_open(state, &setting, RECORD_AVRO);
    expect_malformed(setting.decoder, "{\"at\":1}", 8,
                     "not framed: first byte 0x7b; is --encoding json meant?");
    expect_malformed(setting.decoder, "\x01\0\0\0\x07", 5, "not framed: first byte 0x01");
    expect_malformed(setting.decoder, "\0\0\0\x07", 4, "cut off inside the schema id: 4 bytes");
    expect_malformed(setting.decoder, "\0\0\0\0\x07", 5, "the Avro datum is cut off");
    setting_close(&setting);
}

static void test_bytes_behind_the_datum_are_malformed(void **state) {
    static const uint8_t ours[] = {0, 0, 0, 0, 7, 2, 4, 6, 2, 0, 0xff, 0xff};
    static const uint8_t other[] = {0, 0, 0, 0, 8, 2, 4, 6, 2};
    struct setting setting;
    setting_open(state, &setting, RECORD_AVRO);
    expect_malformed(setting.decoder, ours, sizeof ours, "2 bytes are left behind the Avro datum");
    expect_malformed(setting.decoder, other, sizeof other,
                     "1 bytes are left behind the Avro datum");
    setting_close(&setting);
}

static void test_values_that_are_no_event_are_malformed(void **state) {
    static const uint8_t kind[] = {0, 0, 0, 0, 7, 2, 4, 6, 8, 0};
    static const uint8_t from[] = {0, 0, 0, 0, 8, 2, 0x80, 0x80, 0x80, 0x80, 0x20, 2};
    struct setting setting;
    setting_open(state, &setting, RECORD_AVRO);
    expect_malformed(setting.decoder, kind, sizeof kind, "kind is symbol 4");
    expect_malformed(setting.decoder, from, sizeof from, "field \"from\": an int of over 32 bits");
    setting_close(&setting);
}

static void
test_record_of_a_schema_that_cannot_be_used_is_malformed_and_the_next_is_read(void **state) {
    static const uint8_t unknown[] = {0, 0, 0, 1, 0, 2, 4, 6, 2, 0};
    static const uint8_t wrong[] = {0, 0, 0, 0, 9, 2, 4, 6, 2, 0};
    static const uint8_t good[] = {0, 0, 0, 0, 7, 2, 4, 6, 2, 0};
    struct setting setting;
    const struct event *events;
    size_t count;
    bool is_malformed;
    setting_open(state, &setting, RECORD_AVRO);
    for (size_t i = 0; i < 2; i++) {
        expect_malformed(setting.decoder, unknown, sizeof unknown, "schema 256 is not mapped");
        expect_malformed(setting.decoder, wrong, sizeof wrong,
                         "schema 9: field \"from\" is of type string: long or int");
        MUST(record_decoder_decode(setting.decoder, good, sizeof good, &events, &count,
                                   &is_malformed, reason, &err));
        assert_int_equal(count, 1);
    }
    setting_close(&setting);
}

static void test_bare_avro_is_read_by_the_schema_given(void **state) {
    (void)state;
    struct record_decoder *decoder;
    struct bytes value = {0};
    const struct event event = {.at_ms = 5, .from = {6}, .to = {7}, .kind = EVENT_CONNECT};
    put_hex(&value, "0e0c0a");
    MUST(record_decoder_open(&decoder,
                             &(struct record_decoder_options){.encoding = RECORD_AVRO_BARE,
                                                              .writer_schema = other_order},
                             &err));
    expect_events(decoder, &value, &event, 1);
    record_decoder_close(decoder);
    decoder = NULL;
    MUST_FAIL(record_decoder_open(&decoder,
                                  &(struct record_decoder_options){.encoding = RECORD_AVRO_BARE,
                                                                   .writer_schema = no_connection},
                                  &err),
              FAILURE_CONFIG, "the writer schema: field \"from\" is of type string");
    assert_null(decoder);
    record_decoder_close(NULL);
    bytes_release(&value);
}

/* ---- JSON ---- */

static void test_json_values_are_read_as_ndjson_lines_are(void **state) {
    struct setting setting;
    struct bytes value = {0};
    const struct event event = {.at_ms = 5, .from = {6}, .to = {UINT64_MAX}, .kind = EVENT_CONNECT};
    setting_open(state, &setting, RECORD_JSON);
    static const char text[] =
        "\n{\"to\":\"18446744073709551615\",\"x\":[1],\n\"from\":6,\"at\":5}\n";
    put_raw(&value, text, sizeof text - 1);
    expect_events(setting.decoder, &value, &event, 1);
    expect_malformed(setting.decoder, "[1]", 3, "the record is an array");
    expect_malformed(setting.decoder, "  ", 2, "not JSON");
    expect_malformed(setting.decoder, "{\"at\":1,\"from\":2}", 17, "the key \"to\" is missing");
    expect_malformed(setting.decoder, "{\"at\":1.5,\"from\":2,\"to\":3}", 26, "at is \"1.5\"");
    expect_malformed(setting.decoder, "{\"\xff\":1}", 7, "not UTF-8 text");
    value.count = 0;
    for (size_t i = 0; i <= LIMIT_RECORD_BYTES; i++) {
        put_raw(&value, " ", 1);
    }
    expect_malformed(setting.decoder, value.data, value.count, "longer than a record may be");
    bytes_release(&value);
    setting_close(&setting);
}

/* ---- packed ---- */

static void put_frame(struct bytes *value, const struct event *events, size_t count) {
    MUST(record_encode(RECORD_PACKED, 0, events, count, value, &err));
}

static void put_end(struct bytes *value, int64_t items, int64_t frames) {
    const struct frame end = {.kind = FRAME_END, .first = items, .last = frames};
    MUST(frame_encode(&end, (const uint8_t *)"", value, &err));
}

static void test_packed_value_may_hold_several_frames_and_their_end(void **state) {
    struct setting setting;
    struct bytes value = {0};
    struct event events[300];
    avro_events(events, 300, 12);
    setting_open(state, &setting, RECORD_PACKED);
    put_frame(&value, events, 100);
    put_frame(&value, events + 100, 150);
    expect_events(setting.decoder, &value, events, 250);
    put_end(&value, 250, 2);
    expect_events(setting.decoder, &value, events, 250);
    put_frame(&value, events + 250, 50);
    put_end(&value, 50, 1);
    expect_events(setting.decoder, &value, events, 300);
    bytes_release(&value);
    setting_close(&setting);
}

static void test_packed_value_that_is_damaged_is_malformed_as_a_whole(void **state) {
    struct setting setting;
    struct bytes value = {0};
    setting_open(state, &setting, RECORD_PACKED);
    put_frame(&value, golden_events, GOLDEN_EVENTS);
    size_t first = value.count;
    put_frame(&value, golden_events, 1);
    size_t second = value.count;
    put_end(&value, 3, 2);
    expect_malformed(setting.decoder, value.data, value.count,
                     "END frame promises 3 items in 2 frames, there are 5 in 2");
    value.count = second;
    value.data[second - 1] ^= 1;
    expect_malformed(setting.decoder, value.data, second, "frame checksum is wrong");
    expect_malformed(setting.decoder, value.data, second - 1, "is truncated");
    char place[32];
    (void)snprintf(place, sizeof place, "frame at byte %zu: ", first);
    assert_non_null(strstr(reason, place));
    value.count = 0;
    put_end(&value, 0, 0);
    expect_malformed(setting.decoder, value.data, value.count, "frames without events");
    value.count = 0;
    const struct frame ties = {.kind = FRAME_TIES, .items = 1, .payload_bytes = 1};
    MUST(frame_encode(&ties, (const uint8_t *)"x", &value, &err));
    expect_malformed(setting.decoder, value.data, value.count, "a frame of kind 4");
    expect_malformed(setting.decoder, "{\"at\":1,\"from\":2,\"to\":3}              {}            ",
                     52, "not a frame of tieflow");
    bytes_release(&value);
    setting_close(&setting);
}

static void test_packed_value_of_too_many_events_is_malformed(void **state) {
    struct setting setting;
    struct bytes value = {0};
    struct event *events = calloc(LIMIT_FRAME_ITEMS, sizeof *events);
    assert_non_null(events);
    setting_open(state, &setting, RECORD_PACKED);
    put_frame(&value, events, LIMIT_FRAME_ITEMS);
    expect_events(setting.decoder, &value, events, LIMIT_FRAME_ITEMS);
    put_frame(&value, events, 1);
    expect_malformed(setting.decoder, value.data, value.count,
                     "more than 4194304 events in one record");
    bytes_release(&value);
    setting_close(&setting);
    free(events);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

/* ---- other logs ---- */

static void test_values_of_other_logs_are_records_or_say_why_not(void **state) {
    static const char application[] =
        "{\"type\":\"record\",\"name\":\"a\",\"fields\":[{\"name\":\"member\",\"type\":\"long\"},"
        "{\"name\":\"at\",\"type\":\"long\"}]}";
    struct names maps = {0};
    struct schema_registry *registry;
    struct record_decoder *decoder;
    struct fact fact;
    bool is_malformed;
    map_file(state, &maps, "7", application);
    map_file(state, &maps, "8", connections_schema);
    MUST(schema_registry_open(&registry, &(struct schema_registry_options){.maps = &maps}, &err));
    struct record_decoder_options options = {
        .registry = registry, .is_of_facts = true, .log = FACT_APPLICATIONS};
    MUST(record_decoder_open(&decoder, &options, &err));
    static const uint8_t good[] = {0, 0, 0, 0, 7, 4, 1};
    MUST(record_decoder_decode_fact(decoder, good, 7, &fact, &is_malformed, reason, &err));
    assert_false(is_malformed);
    assert_int_equal(fact.value[APPLICATION_MEMBER], 2);
    assert_true(fact.value[APPLICATION_AT] == UINT64_MAX); /* -1 ms */
    assert_int_equal(fact.value[APPLICATION_COUNT], 1);
    const struct {
        const uint8_t *value;
        size_t bytes;
        const char *part;
    } cases[] = {
        {good, 6, "cut off"},
        {good, 3, "cut off inside the schema id"},
        {(const uint8_t[]){0, 0, 0, 0, 7, 4, 1, 0}, 8, "1 bytes are left behind the Avro datum"},
        {(const uint8_t[]){0, 0, 0, 0, 8, 2, 2, 2, 2, 0}, 10, "\"member\" is missing"},
        {(const uint8_t[]){'{'}, 1, "is --encoding json meant?"},
        {good, 0, "an empty value"},
        {NULL, 0, "a tombstone"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        MUST(record_decoder_decode_fact(decoder, cases[i].value, cases[i].bytes, &fact,
                                        &is_malformed, reason, &err));
        assert_true(is_malformed);
        if (strstr(reason, cases[i].part) == NULL) {
            fail_msg("\"%s\" without \"%s\"", reason, cases[i].part);
        }
    }
    record_decoder_close(decoder);
    options.encoding = RECORD_JSON;
    MUST(record_decoder_open(&decoder, &options, &err));
    static const char json[] = "{\"member\":3,\"at\":4,\"count\":5}";
    MUST(record_decoder_decode_fact(decoder, (const uint8_t *)json, sizeof json - 1, &fact,
                                    &is_malformed, reason, &err));
    assert_false(is_malformed);
    assert_int_equal(fact.value[APPLICATION_COUNT], 5);
    MUST(record_decoder_decode_fact(decoder, (const uint8_t *)json, sizeof json - 2, &fact,
                                    &is_malformed, reason, &err));
    assert_true(is_malformed);
    record_decoder_close(decoder);
    schema_registry_close(registry);
    names_release(&maps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_encodings_read_back),
        WITH_FOLDER(test_random_events_come_back_in_every_encoding),
        WITH_FOLDER(test_tombstones_and_empty_values_are_malformed),
        WITH_FOLDER(test_values_cut_at_any_byte_are_malformed),
        WITH_FOLDER(test_flipped_bits_do_no_harm),
        WITH_FOLDER(test_framing_leads_to_the_schema_of_each_record),
        WITH_FOLDER(test_values_that_are_not_framed_are_malformed),
        WITH_FOLDER(test_bytes_behind_the_datum_are_malformed),
        WITH_FOLDER(test_values_that_are_no_event_are_malformed),
        WITH_FOLDER(test_record_of_a_schema_that_cannot_be_used_is_malformed_and_the_next_is_read),
        cmocka_unit_test(test_bare_avro_is_read_by_the_schema_given),
        WITH_FOLDER(test_json_values_are_read_as_ndjson_lines_are),
        WITH_FOLDER(test_packed_value_may_hold_several_frames_and_their_end),
        WITH_FOLDER(test_packed_value_that_is_damaged_is_malformed_as_a_whole),
        WITH_FOLDER(test_packed_value_of_too_many_events_is_malformed),
        cmocka_unit_test_setup_teardown(test_values_of_other_logs_are_records_or_say_why_not,
                                        scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
