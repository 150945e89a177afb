#include "tests/framing.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include "stages/base/files.h"
#include "stages/base/random.h"
#include "stages/sink/outbox.h"

#include <signal.h>
#include <sys/resource.h>

static const struct outbox_head ties_head = {
    .name = "ties",
    .date_ms = INT64_C(1767225600000),
    .run_id = UINT64_C(0xfedcba9876543210),
    .schema = "{\"type\": \"string\"}",
};

static const struct kafka_header two_headers[] = {
    {.name = "__connect.errors.topic", .value = "connections", .value_bytes = 11},
    {.name = "", .value = NULL},
};

/* Every kind of absence: no key, an empty key, no value, an empty value, a null header. */
static const struct outbox_record edges[] = {
    {.key = "1:2", .key_bytes = 3, .value = "\0\xff", .value_bytes = 2},
    {.key = NULL, .value = "v", .value_bytes = 1},
    {.key = "", .value = "", .headers = two_headers, .header_count = 2},
    {.key = "k", .key_bytes = 1, .value = NULL, .headers = two_headers + 1, .header_count = 1},
    {.key = NULL, .value = NULL},
};
enum { EDGES = sizeof edges / sizeof edges[0] };

static struct outbox_writer *writer_open(const char *path, const struct outbox_head *head,
                                         struct output **output) {
    struct err err;
    struct outbox_writer *writer;
    MUST(output_open(output, path, false, &err));
    MUST(outbox_writer_new(&writer, *output, head, &err));
    return writer;
}

static void writer_close(struct outbox_writer *writer, struct output *output) {
    struct err err;
    MUST(outbox_end(writer, &err));
    outbox_writer_free(writer);
    MUST(output_commit(output, NULL, NULL, &err));
}

static struct outbox_reader *reader_open(const char *path) {
    struct err err;
    struct input *input;
    struct outbox_reader *reader;
    MUST(input_open(&input, path, &err));
    MUST(outbox_reader_open(&reader, input, &err));
    return reader;
}

static void assert_piece_is(const void *got, size_t got_bytes, const void *expected,
                            size_t expected_bytes) {
    assert_int_equal(got == NULL, expected == NULL);
    assert_int_equal(got_bytes, expected_bytes);
    if (expected_bytes != 0) {
        assert_memory_equal(got, expected, expected_bytes);
    }
}

static void assert_record_is(const struct outbox_record *got,
                             const struct outbox_record *expected) {
    assert_piece_is(got->key, got->key_bytes, expected->key, expected->key_bytes);
    assert_piece_is(got->value, got->value_bytes, expected->value, expected->value_bytes);
    assert_int_equal(got->header_count, expected->header_count);
    for (size_t i = 0; i < expected->header_count; i++) {
        assert_string_equal(got->headers[i].name, expected->headers[i].name);
        assert_piece_is(got->headers[i].value, got->headers[i].value_bytes,
                        expected->headers[i].value, expected->headers[i].value_bytes);
    }
}

static void test_records_come_back_with_every_kind_of_absence(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "ties.outbox", path);
    struct output *output;
    struct outbox_writer *writer = writer_open(path, &ties_head, &output);
    for (size_t i = 0; i < EDGES; i++) {
        MUST(outbox_put(writer, &edges[i], &err));
    }
    writer_close(writer, output);
    struct outbox_reader *reader = reader_open(path);
    const struct outbox_head *head = outbox_reader_head(reader);
    assert_string_equal(head->name, ties_head.name);
    assert_int_equal(head->date_ms, ties_head.date_ms);
    assert_int_equal(head->run_id, ties_head.run_id);
    assert_string_equal(head->schema, ties_head.schema);
    struct outbox_record record;
    bool more;
    for (size_t i = 0; i < EDGES; i++) {
        MUST(outbox_next(reader, &record, &more, &err));
        assert_true(more);
        assert_record_is(&record, &edges[i]);
    }
    MUST(outbox_next(reader, &record, &more, &err));
    assert_false(more);
    outbox_reader_close(reader);
    outbox_reader_close(NULL);
    outbox_writer_free(NULL);
}

static void test_outbox_without_records_or_schema_has_a_head(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "dead_letters.outbox", path);
    struct output *output;
    struct outbox_head head = {.name = outbox_dead_letters, .date_ms = 0, .run_id = 0};
    struct outbox_writer *writer = writer_open(path, &head, &output);
    writer_close(writer, output);
    struct outbox_reader *reader = reader_open(path);
    struct outbox_record record;
    bool more;
    assert_string_equal(outbox_reader_head(reader)->name, "dead_letters");
    assert_null(outbox_reader_head(reader)->schema);
    MUST(outbox_next(reader, &record, &more, &err));
    assert_false(more);
    outbox_reader_close(reader);
}

enum { MANY = 150000, BIG_BYTES = 3 << 20 };

/* The i-th of many records; `text` is written to. One of them is larger than a frame is meant to
 * be. */
static struct outbox_record many_record(size_t i, char text[32], const uint8_t *big) {
    int length = snprintf(text, 32, "%zu", i);
    struct outbox_record record = {.key = text, .key_bytes = (size_t)length, .value = big};
    record.value_bytes = i == MANY / 2 ? BIG_BYTES : i % 20;
    return record;
}

static void test_many_records_fill_frames_and_are_counted(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    char text[32];
    uint8_t *big = calloc(1, BIG_BYTES);
    scratch_path(state, "ties.outbox", path);
    struct output *output;
    struct outbox_writer *writer = writer_open(path, &ties_head, &output);
    for (size_t i = 0; i < MANY; i++) {
        struct outbox_record record = many_record(i, text, big);
        MUST(outbox_put(writer, &record, &err));
    }
    writer_close(writer, output);
    struct outbox_reader *reader = reader_open(path);
    struct outbox_record record;
    bool more;
    for (size_t i = 0; i < MANY; i++) {
        struct outbox_record expected = many_record(i, text, big);
        MUST(outbox_next(reader, &record, &more, &err));
        assert_true(more);
        assert_record_is(&record, &expected);
    }
    MUST(outbox_next(reader, &record, &more, &err));
    assert_false(more);
    outbox_reader_close(reader);
    reader = reader_open(path);
    uint64_t records;
    MUST(outbox_count(reader, &records, &err));
    assert_int_equal(records, MANY);
    MUST(outbox_next(reader, &record, &more, &err));
    assert_false(more);
    outbox_reader_close(reader);
    free(big);
}

static void test_record_over_a_limit_is_refused_and_those_around_it_are_kept(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "ties.outbox", path);
    struct output *output;
    struct outbox_writer *writer = writer_open(path, &ties_head, &output);
    struct kafka_header headers[LIMIT_OUTBOX_HEADERS + 1];
    for (size_t i = 0; i <= LIMIT_OUTBOX_HEADERS; i++) {
        headers[i] = two_headers[0];
    }
    struct outbox_record long_one = {.value = path, .value_bytes = LIMIT_OUTBOX_RECORD_BYTES};
    struct outbox_record wide_one = {.headers = headers, .header_count = LIMIT_OUTBOX_HEADERS + 1};
    MUST(outbox_put(writer, &edges[0], &err));
    MUST_FAIL(outbox_put(writer, &long_one, &err), FAILURE_DATA, "134217740 bytes cannot be sent");
    MUST_FAIL(outbox_put(writer, &wide_one, &err), FAILURE_DATA, "65 headers cannot be sent");
    wide_one.header_count--;
    MUST(outbox_put(writer, &wide_one, &err));
    writer_close(writer, output);
    struct outbox_reader *reader = reader_open(path);
    struct outbox_record record;
    bool more;
    MUST(outbox_next(reader, &record, &more, &err));
    assert_record_is(&record, &edges[0]);
    MUST(outbox_next(reader, &record, &more, &err));
    assert_record_is(&record, &wide_one);
    outbox_reader_close(reader);
}

static void test_full_disk_is_an_io_error(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "ties.outbox", path);
    struct output *output;
    struct outbox_writer *writer = writer_open(path, &ties_head, &output);
    struct random random;
    uint8_t noise[1000];
    random_seed(&random, 5);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 100000, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct status status = status_ok();
    for (int i = 0; i < 10000 && !failed(status); i++) {
        for (size_t k = 0; k < sizeof noise; k++) {
            noise[k] = (uint8_t)random_u64(&random);
        }
        struct outbox_record record = {.value = noise, .value_bytes = sizeof noise};
        status = outbox_put(writer, &record, &err);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    MUST_FAIL(status, FAILURE_IO, "ties.outbox");
    outbox_writer_free(writer);
    output_discard(output);
}

/* --- files that tieflow would not write --- */

/* A payload in the making. */
struct payload {
    uint8_t data[512];
    size_t count;
};

static void payload_u32(struct payload *payload, uint32_t value) {
    put_u32(payload->data + payload->count, value);
    payload->count += 4;
}

static void payload_piece(struct payload *payload, const void *data, size_t count) {
    payload_u32(payload, (uint32_t)count);
    memcpy(payload->data + payload->count, data, count);
    payload->count += count;
}

static struct payload head_payload(const char *name, size_t name_bytes, int64_t date_ms,
                                   const char *schema, size_t schema_bytes) {
    struct payload payload = {.count = 0};
    payload_piece(&payload, name, name_bytes);
    put_u64(payload.data + payload.count, (uint64_t)date_ms);
    put_u64(payload.data + payload.count + 8, 1);
    payload.count += 16;
    payload_piece(&payload, schema, schema_bytes);
    return payload;
}

static void frame_put(struct framing *framing, uint32_t items, int64_t first,
                      const struct payload *payload) {
    struct frame frame = {
        .kind = FRAME_OUTBOX,
        .items = items,
        .first = first,
        .last = items == 0 ? 0 : first + items - 1,
        .payload_bytes = payload->count,
    };
    framing_put(framing, frame, payload->data);
}

/* Reads the finished file to its end, or to the failure that comes. */
static struct status file_read(struct framing *framing, struct err *err) {
    struct input *input;
    struct outbox_reader *reader;
    framing_end(framing);
    struct status status =
        input_open_memory(&input, "hostile.outbox", framing->file.data, framing->file.count, err);
    assert_false(failed(status));
    status = outbox_reader_open(&reader, input, err);
    assert_int_equal(reader == NULL, failed(status));
    bool more = true;
    while (more && !failed(status)) {
        struct outbox_record record;
        status = outbox_next(reader, &record, &more, err);
    }
    outbox_reader_close(reader);
    framing_release(framing);
    return status;
}

#define MUST_REFUSE(framing, part)                                                                 \
    do {                                                                                           \
        struct err err;                                                                            \
        MUST_FAIL(file_read(framing, &err), FAILURE_DATA, "hostile.outbox");                       \
        assert_non_null(strstr(err.text, part));                                                   \
    } while (0)

static void test_head_that_is_none_is_refused(void **state) {
    (void)state;
    char long_name[OUTBOX_NAME_BYTES];
    memset(long_name, 'n', sizeof long_name);
    const struct payload heads[] = {
        head_payload("", 0, 0, "", 0),
        head_payload("Ties", 4, 0, "", 0),
        head_payload("../ties", 7, 0, "", 0),
        head_payload("ties\0", 5, 0, "", 0),
        head_payload(long_name, sizeof long_name, 0, "", 0),
        head_payload("ties", 4, INT64_MAX, "", 0),
        head_payload("ties", 4, 0, "\0", 1),
        {.data = {255, 255, 255, 255}, .count = 24},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        for (size_t cut = 0; cut < 2; cut++) {
            struct framing framing = {0};
            struct payload payload = heads[i];
            payload.count -= cut;
            frame_put(&framing, 0, 0, &payload);
            MUST_REFUSE(&framing, "no sound head");
        }
    }
    struct framing empty = {0};
    MUST_REFUSE(&empty, "no sound head");
    struct framing records = {0};
    struct payload head = head_payload("ties", 4, 0, "", 0);
    frame_put(&records, 1, 0, &head);
    MUST_REFUSE(&records, "no sound head");
}

static void test_frames_that_do_not_follow_are_refused(void **state) {
    (void)state;
    struct payload head = head_payload("ties", 4, 0, "", 0);
    struct payload record = {.count = 0};
    payload_u32(&record, OUTBOX_NULL);
    payload_u32(&record, OUTBOX_NULL);
    payload_u32(&record, 0);
    static const int64_t firsts[][2] = {{0, 0}, {0, 2}, {1, 2}, {-1, 0}};
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        struct framing framing = {0};
        frame_put(&framing, 0, 0, &head);
        frame_put(&framing, 1, firsts[i][0], &record);
        frame_put(&framing, 1, firsts[i][1], &record);
        MUST_REFUSE(&framing, "do not follow");
    }
    struct framing joined = {0}; /* as `cat` would join two outboxes */
    frame_put(&joined, 0, 0, &head);
    frame_put(&joined, 0, 0, &head);
    MUST_REFUSE(&joined, "do not follow");
    struct framing other = {0};
    frame_put(&other, 0, 0, &head);
    framing_put(&other, (struct frame){.kind = FRAME_TIES, .items = 1, .payload_bytes = 12},
                record.data);
    MUST_REFUSE(&other, "do not follow");
}

/* A record with a key, a value and one header, whose name is given. */
static struct payload record_payload(const char *header_name, size_t name_bytes) {
    struct payload payload = {.count = 0};
    payload_piece(&payload, "key", 3);
    payload_piece(&payload, "value", 5);
    payload_u32(&payload, 1);
    payload_piece(&payload, header_name, name_bytes);
    payload_piece(&payload, "x", 1);
    return payload;
}

static struct framing framing_of_record(const struct payload *payload, uint32_t items) {
    struct framing framing = {0};
    struct payload head = head_payload("ties", 4, 0, "", 0);
    frame_put(&framing, 0, 0, &head);
    frame_put(&framing, items, 0, payload);
    return framing;
}

static void test_record_that_is_none_is_refused(void **state) {
    (void)state;
    struct payload whole = record_payload("name", 5);
    for (size_t count = 0; count < whole.count; count++) {
        struct payload cut = whole;
        cut.count = count;
        struct framing framing = framing_of_record(&cut, 1);
        MUST_REFUSE(&framing, "a record is none");
    }
    struct payload longer = whole;
    longer.count++;
    const struct payload others[] = {
        longer,
        record_payload("name", 4),
        record_payload("na\0me", 6),
        record_payload("", 0),
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct framing framing = framing_of_record(&others[i], 1);
        MUST_REFUSE(&framing, "a record is none");
    }
    struct payload crowd = {.count = 0};
    payload_u32(&crowd, OUTBOX_NULL);
    payload_u32(&crowd, OUTBOX_NULL);
    payload_u32(&crowd, LIMIT_OUTBOX_HEADERS + 1);
    struct framing crowded = framing_of_record(&crowd, 1);
    MUST_REFUSE(&crowded, "a record is none");
    struct framing fewer = framing_of_record(&whole, 2);
    MUST_REFUSE(&fewer, "a record is none");
    struct framing sound = framing_of_record(&whole, 1);
    struct err err;
    MUST(file_read(&sound, &err));
}

static void test_truncated_and_damaged_files_are_refused_by_reading_and_by_counting(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "ties.outbox", path);
    struct output *output;
    struct outbox_writer *writer = writer_open(path, &ties_head, &output);
    MUST(outbox_put(writer, &edges[0], &err));
    writer_close(writer, output);
    struct bytes file = {0};
    MUST(file_read_all(path, &file, &err));
    for (size_t cut = 0; cut < file.count; cut++) {
        for (int damaged = 0; damaged < 2; damaged++) {
            struct input *input;
            struct outbox_reader *reader;
            uint64_t records;
            file.data[cut] ^= damaged == 1 ? 0x40 : 0;
            MUST(input_open_memory(&input, "t.outbox", file.data, damaged == 1 ? file.count : cut,
                                   &err));
            struct status status = outbox_reader_open(&reader, input, &err);
            if (!failed(status)) {
                status = outbox_count(reader, &records, &err);
            }
            MUST_FAIL(status, FAILURE_DATA, "t.outbox");
            outbox_reader_close(reader);
            file.data[cut] ^= damaged == 1 ? 0x40 : 0;
        }
    }
    bytes_release(&file);
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_records_come_back_with_every_kind_of_absence),
        IN_SCRATCH(test_outbox_without_records_or_schema_has_a_head),
        IN_SCRATCH(test_many_records_fill_frames_and_are_counted),
        IN_SCRATCH(test_record_over_a_limit_is_refused_and_those_around_it_are_kept),
        IN_SCRATCH(test_full_disk_is_an_io_error),
        cmocka_unit_test(test_head_that_is_none_is_refused),
        cmocka_unit_test(test_frames_that_do_not_follow_are_refused),
        cmocka_unit_test(test_record_that_is_none_is_refused),
        IN_SCRATCH(test_truncated_and_damaged_files_are_refused_by_reading_and_by_counting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
