#include "stages/decode/avro_file.h"

#include "schemas/limits.h"
#include "stages/base/compression.h"
#include "stages/base/files.h"
#include "stages/decode/record_encoder.h"
#include "tests/avro_testing.h"

#include <stdio.h>
#include <stdlib.h>

static struct err err;

enum { SYNC_BYTES = 16 };
static const char sync[] = "0123456789abcdef";

/* Reads all of it through the log reader in batches; appends to `events` and gives their count, and
 * the last malformed record with how many there were. */
struct reading {
    struct event events[20000];
    size_t count;
    size_t malformed_count;
    uint64_t malformed_line;
    char malformed_reason[MALFORMED_REASON_BYTES];
    char malformed_content[AVRO_CONTENT_BYTES + 1];
};

static struct status read_all(const struct bytes *file, enum log_format format, size_t capacity,
                              struct reading *reading) {
    struct input *input;
    struct log_reader *reader;
    const struct log_reader_options options = {.format = format};
    *reading = (struct reading){0};
    MUST(input_open_memory(&input, "night.avro", file->data, file->count, &err));
    TRY(log_reader_open(&reader, input, &options, &err));
    assert_int_equal(log_reader_format(reader), LOG_AVRO);
    struct status status = status_ok();
    bool more = true;
    while (more) {
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        status = log_reader_next(reader, reading->events + reading->count, capacity, &count,
                                 &is_malformed, &malformed, &err);
        if (failed(status)) {
            break;
        }
        more = count > 0 || is_malformed;
        reading->count += count;
        if (is_malformed) {
            assert_int_equal(count, 0);
            reading->malformed_count++;
            reading->malformed_line = malformed.line;
            (void)snprintf(reading->malformed_reason, MALFORMED_REASON_BYTES, "%s",
                           malformed.reason);
            (void)snprintf(reading->malformed_content, sizeof reading->malformed_content, "%.*s",
                           (int)malformed.content_bytes, malformed.content);
        }
    }
    log_reader_close(reader);
    return status;
}

static void expect_events(const struct bytes *file, const struct event *events, size_t count) {
    static const size_t capacities[] = {1, 3, 100, 5000};
    struct reading *reading = malloc(sizeof *reading);
    assert_non_null(reading);
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        MUST(read_all(file, i % 2 == 0 ? LOG_AUTO : LOG_AVRO, capacities[i], reading));
        assert_int_equal(reading->malformed_count, 0);
        assert_int_equal(reading->count, count);
        for (size_t k = 0; k < count; k++) {
            assert_same_event(&reading->events[k], &events[k]);
        }
    }
    free(reading);
}

static void expect_damage(const struct bytes *file, const char *part) {
    struct reading *reading = malloc(sizeof *reading);
    assert_non_null(reading);
    for (size_t capacity = 1; capacity <= 1000; capacity *= 10) {
        MUST_FAIL(read_all(file, LOG_AVRO, capacity, reading), FAILURE_DATA, part);
        assert_non_null(strstr(err.text, "night.avro ("));
        assert_non_null(strstr(err.text, "byte "));
    }
    free(reading);
}

static void golden(const char *name, struct bytes *file) {
    char path[128];
    (void)snprintf(path, sizeof path, "tests/golden/%s", name);
    MUST(file_read_all(path, file, &err));
}

static void test_files_of_an_independent_implementation_are_read(void **state) {
    (void)state;
    static const char *const names[] = {"connections_null.avro", "connections_deflate.avro",
                                        "connections_zstandard.avro", "foreign_deflate.avro"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bytes file = {0};
        golden(names[i], &file);
        expect_events(&file, golden_events, GOLDEN_EVENTS);
        bytes_release(&file);
    }
}

static void test_datum_that_is_no_event_is_handed_out_with_its_number_and_bytes(void **state) {
    (void)state;
    struct bytes file = {0};
    struct reading *reading = malloc(sizeof *reading);
    assert_non_null(reading);
    golden("connections_unfit.avro", &file);
    for (size_t capacity = 1; capacity < 5; capacity++) {
        MUST(read_all(&file, LOG_AUTO, capacity, reading));
        assert_int_equal(reading->count, 2);
        assert_same_event(&reading->events[0], &golden_events[0]);
        assert_same_event(&reading->events[1], &golden_events[3]);
        assert_int_equal(reading->malformed_count, 1);
        assert_int_equal(reading->malformed_line, 2);
        assert_non_null(strstr(reading->malformed_reason, "at is 253402300800000: outside"));
        assert_string_equal(reading->malformed_content, "80f0fea1fa9d7302040200");
    }
    free(reading);
    bytes_release(&file);
}

/* ---- files by hand ---- */

static void put_header(struct bytes *file, const char *codec, const char *schema) {
    put_raw(file, avro_file_magic, sizeof avro_file_magic);
    put_long(file, codec == NULL ? 1 : 2);
    put_string(file, "avro.schema");
    put_string(file, schema);
    if (codec != NULL) {
        put_string(file, "avro.codec");
        put_string(file, codec);
    }
    put_long(file, 0);
    put_raw(file, sync, SYNC_BYTES);
}

static void put_block(struct bytes *file, int64_t count, const void *data, size_t bytes) {
    put_long(file, count);
    put_long(file, (int64_t)bytes);
    put_raw(file, data, bytes);
    put_raw(file, sync, SYNC_BYTES);
}

static void put_data(struct bytes *data, const struct event *events, size_t count) {
    for (size_t i = 0; i < count; i++) {
        MUST(avro_datum_encode(&events[i], data, &err));
    }
}

static void test_header_may_come_in_blocks_with_more_in_it_and_without_a_codec(void **state) {
    (void)state;
    struct bytes file = {0};
    struct bytes data = {0};
    put_raw(&file, avro_file_magic, sizeof avro_file_magic);
    put_long(&file, 1);
    put_string(&file, "made.by");
    put_string(&file, "hand");
    put_long(&file, -1); /* a block with its size */
    put_long(&file, 1);
    put_string(&file, "avro.schema");
    put_string(&file, connections_schema);
    put_long(&file, 0);
    put_raw(&file, sync, SYNC_BYTES);
    expect_events(&file, NULL, 0);
    put_block(&file, 0, "", 0);
    put_data(&data, golden_events, GOLDEN_EVENTS);
    put_block(&file, GOLDEN_EVENTS, data.data, data.count);
    put_block(&file, 0, "", 0);
    expect_events(&file, golden_events, GOLDEN_EVENTS);
    bytes_release(&data);
    bytes_release(&file);
}

static void test_random_events_come_back_through_every_codec(void **state) {
    (void)state;
    enum { COUNT = 10000, BLOCK = 1500 };
    static const char *const codecs[] = {"null", "deflate", "zstandard"};
    struct event *events = calloc(COUNT, sizeof *events);
    assert_non_null(events);
    avro_events(events, COUNT, 5);
    for (size_t codec = 0; codec < 3; codec++) {
        struct bytes file = {0};
        put_header(&file, codecs[codec], connections_schema);
        for (size_t at = 0; at < COUNT; at += BLOCK) {
            size_t count = COUNT - at < BLOCK ? COUNT - at : BLOCK;
            struct bytes data = {0};
            struct bytes packed = {0};
            put_data(&data, events + at, count);
            if (codec == 1) {
                MUST(deflate_pack(data.data, data.count, &packed, &err));
            } else if (codec == 2) {
                MUST(compression_pack(data.data, data.count, &packed, &err));
            } else {
                put_raw(&packed, data.data, data.count);
            }
            put_block(&file, (int64_t)count, packed.data, packed.count);
            bytes_release(&packed);
            bytes_release(&data);
        }
        expect_events(&file, events, COUNT);
        bytes_release(&file);
    }
    free(events);
}

static void test_files_that_are_written_read_back(void **state) {
    (void)state;
    enum { COUNT = 2 * AVRO_BLOCK_EVENTS + 1 };
    struct event *events = calloc(COUNT, sizeof *events);
    assert_non_null(events);
    avro_events(events, COUNT, 6);
    struct bytes file = {0};
    struct bytes again = {0};
    MUST(avro_file_put_header(&file, &err));
    for (size_t at = 0; at < COUNT; at += AVRO_BLOCK_EVENTS) {
        size_t left = COUNT - at;
        MUST(avro_file_put_block(events + at, left < AVRO_BLOCK_EVENTS ? left : AVRO_BLOCK_EVENTS,
                                 &file, &err));
    }
    expect_events(&file, events, COUNT);
    MUST(avro_file_put_header(&again, &err));
    MUST(avro_file_put_block(events, AVRO_BLOCK_EVENTS, &again, &err));
    assert_memory_equal(again.data, file.data, again.count); /* the same events, the same bytes */
    bytes_release(&again);
    bytes_release(&file);
    free(events);
}

static void test_headers_that_are_wrong_are_errors(void **state) {
    (void)state;
    struct bytes file = {0};
    put_raw(&file, "Obj\2", 4);
    expect_damage(&file, "does not begin as an Avro container file does");
    file.count = 0;
    put_header(&file, "snappy", connections_schema);
    expect_damage(&file, "its codec is \"snappy\": null, deflate and zstandard can be read");
    file.count = 0;
    put_header(&file, "null", "{\"type\":\"record\"}");
    expect_damage(&file, "its schema: ");
    file.count = 0;
    put_header(&file, "null", "\"long\"");
    expect_damage(&file, "its schema: it is of type long: a record");
    file.count = 0;
    put_raw(&file, avro_file_magic, sizeof avro_file_magic);
    put_long(&file, 0);
    put_raw(&file, sync, SYNC_BYTES);
    expect_damage(&file, "it has no schema");
    bytes_release(&file);
}

static void test_headers_that_claim_too_much_are_errors(void **state) {
    (void)state;
    struct bytes file = {0};
    put_raw(&file, avro_file_magic, sizeof avro_file_magic);
    size_t start = file.count;
    put_long(&file, 1);
    put_long(&file, INT64_C(1) << 40);
    expect_damage(&file, "it claims a length of 1099511627776 bytes: the limit is 4096");
    file.count = start;
    put_long(&file, 1);
    put_long(&file, -1);
    expect_damage(&file, "it claims a length of -1 bytes");
    file.count = start;
    put_long(&file, INT64_MIN);
    put_long(&file, 0);
    for (size_t i = 0; i < 2000; i++) {
        put_string(&file, "k");
        put_string(&file, "v");
    }
    expect_damage(&file, "it has more than 1024 entries");
    file.count = start;
    put_hex(&file, "ffffffffffffffffffff01");
    expect_damage(&file, "an integer of over 64 bits");
    bytes_release(&file);
}

/* A whole file of two blocks of two events each. */
static void whole(struct bytes *file, const char *codec) {
    put_header(file, codec, connections_schema);
    for (size_t i = 0; i < GOLDEN_EVENTS; i += 2) {
        struct bytes data = {0};
        struct bytes packed = {0};
        put_data(&data, golden_events + i, 2);
        if (strcmp(codec, "deflate") == 0) {
            MUST(deflate_pack(data.data, data.count, &packed, &err));
        } else {
            put_raw(&packed, data.data, data.count);
        }
        put_block(file, 2, packed.data, packed.count);
        bytes_release(&packed);
        bytes_release(&data);
    }
}

static void test_file_cut_anywhere_but_between_blocks_is_an_error(void **state) {
    (void)state;
    struct bytes header = {0};
    struct bytes file = {0};
    struct reading *reading = malloc(sizeof *reading);
    assert_non_null(reading);
    put_header(&header, "null", connections_schema);
    whole(&file, "null");
    size_t first_end = header.count + 2 + (10 + 5) + SYNC_BYTES;
    size_t last = file.count;
    for (file.count = 0; file.count < last; file.count++) {
        if (file.count == header.count || file.count == first_end) {
            MUST(read_all(&file, LOG_AVRO, 100, reading));
            assert_int_equal(reading->count, file.count == header.count ? 0 : 2);
        } else {
            expect_damage(&file, "it is truncated");
        }
    }
    free(reading);
    bytes_release(&header);
    bytes_release(&file);
}

static void test_flipped_bits_are_errors_or_other_events_and_do_no_harm(void **state) {
    (void)state;
    static const char *const codecs[] = {"null", "deflate"};
    struct reading *reading = malloc(sizeof *reading);
    assert_non_null(reading);
    for (size_t codec = 0; codec < 2; codec++) {
        struct bytes file = {0};
        whole(&file, codecs[codec]);
        for (size_t bit = 0; bit < 8 * file.count; bit++) {
            file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct status status = read_all(&file, LOG_AVRO, 100, reading);
            assert_true(!failed(status) || status.failure == FAILURE_DATA);
            for (size_t i = 0; i < reading->count; i++) {
                assert_true(event_time_is_valid(reading->events[i].at_ms));
            }
            file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        bytes_release(&file);
    }
    free(reading);
}

static void test_blocks_that_are_wrong_are_errors_at_their_place(void **state) {
    (void)state;
    struct bytes file = {0};
    struct bytes data = {0};
    char place[64];
    put_header(&file, "null", connections_schema);
    put_data(&data, golden_events, GOLDEN_EVENTS);
    put_block(&file, GOLDEN_EVENTS, data.data, data.count);
    size_t good = file.count;
    (void)snprintf(place, sizeof place, "night.avro (block at byte %zu)", good);
    put_block(&file, GOLDEN_EVENTS, data.data, data.count);
    file.data[file.count - 1] ^= 1;
    expect_damage(&file, "the sync marker behind it is wrong");
    assert_non_null(strstr(err.text, place));
    file.count = good;
    put_block(&file, GOLDEN_EVENTS - 1, data.data, data.count);
    expect_damage(&file, "19 bytes are left behind its last record");
    file.count = good;
    put_block(&file, 0, data.data, data.count);
    expect_damage(&file, "63 bytes are left behind its last record");
    file.count = good;
    put_block(&file, GOLDEN_EVENTS + 1, data.data, data.count);
    expect_damage(&file, "record 9 cannot be read: the Avro datum is cut off");
    assert_non_null(strstr(err.text, place));
    file.count = good;
    put_long(&file, -1);
    expect_damage(&file, "it claims -1 records: the limit is");
    file.count = good;
    put_long(&file, (int64_t)LIMIT_FRAME_ITEMS + 1);
    expect_damage(&file, "it claims 4194305 records");
    file.count = good;
    put_long(&file, 1);
    put_long(&file, (int64_t)LIMIT_FRAME_BYTES + 1);
    expect_damage(&file, "it claims a length of 268435457 bytes");
    file.count = good;
    put_long(&file, 1);
    put_long(&file, LIMIT_FRAME_BYTES); /* within the limit, and not there */
    expect_damage(&file, "it is truncated");
    bytes_release(&data);
    bytes_release(&file);
}

static void test_blocks_that_do_not_unpack_are_errors(void **state) {
    (void)state;
    static const char *const codecs[] = {"deflate", "zstandard"};
    for (size_t i = 0; i < 2; i++) {
        struct bytes file = {0};
        put_header(&file, codecs[i], connections_schema);
        put_block(&file, 1, "\xff\xff\xff noise", 9);
        expect_damage(&file, i == 0 ? "deflate data are damaged" : "zstd data are damaged");
        bytes_release(&file);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_of_an_independent_implementation_are_read),
        cmocka_unit_test(test_datum_that_is_no_event_is_handed_out_with_its_number_and_bytes),
        cmocka_unit_test(test_header_may_come_in_blocks_with_more_in_it_and_without_a_codec),
        cmocka_unit_test(test_random_events_come_back_through_every_codec),
        cmocka_unit_test(test_files_that_are_written_read_back),
        cmocka_unit_test(test_headers_that_are_wrong_are_errors),
        cmocka_unit_test(test_headers_that_claim_too_much_are_errors),
        cmocka_unit_test(test_file_cut_anywhere_but_between_blocks_is_an_error),
        cmocka_unit_test(test_flipped_bits_are_errors_or_other_events_and_do_no_harm),
        cmocka_unit_test(test_blocks_that_are_wrong_are_errors_at_their_place),
        cmocka_unit_test(test_blocks_that_do_not_unpack_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
