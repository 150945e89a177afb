#include "tests/testing.h"

#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/compression.h"
#include "stages/base/cursor.h"
#include "stages/base/frame.h"
#include "stages/base/random.h"
#include "tests/scratch.h"

#include <stdlib.h>
#include <string.h>

enum { AT_KIND = 4, AT_ITEMS = 8, AT_PAYLOAD = 12, AT_STORED = 16, AT_ZERO = 20, AT_CHECKSUM = 40 };

/* Appends a frame of `count` bytes of noise, which differ for each `seed`. */
static void frame_put(struct bytes *out, uint32_t items, size_t count, uint64_t seed) {
    struct err err;
    struct random random;
    random_seed(&random, seed);
    uint8_t *payload = malloc(count + 1);
    assert_non_null(payload);
    for (size_t i = 0; i < count; i++) {
        payload[i] = (uint8_t)random_u64(&random);
    }
    struct frame frame = {FRAME_TIES, items, (int64_t)seed - 5, INT64_MAX - (int64_t)seed, count};
    MUST(frame_encode(&frame, payload, out, &err));
    free(payload);
}

static void end_put(struct bytes *out, int64_t items, int64_t frames) {
    struct err err;
    struct frame end = {.kind = FRAME_END, .first = items, .last = frames};
    MUST(frame_encode(&end, (const uint8_t *)"", out, &err));
}

/* Makes the checksum of the frame at `frame` right again, as the format's table says. */
static void checksum_mend(uint8_t *frame, size_t stored) {
    uint64_t seed = checksum_of(frame, AT_CHECKSUM, 0);
    put_u64(frame + AT_CHECKSUM, checksum_of(frame + FRAME_HEADER_BYTES, stored, seed));
}

static struct status decode(const struct bytes *bytes, struct err *err) {
    struct frame frame;
    struct bytes payload = {0};
    size_t used = 0;
    struct status status = frame_decode(bytes->data, bytes->count, &frame, &payload, &used, err);
    bytes_release(&payload);
    return status;
}

struct totals {
    uint64_t frames;
    uint64_t items;
    uint64_t payload_bytes;
    uint64_t checksum; /* of all payloads in order */
};

static struct status reader_drain(struct frame_reader *reader, struct totals *totals,
                                  struct err *err) {
    struct bytes payload = {0};
    bool more = true;
    struct status status = status_ok();
    while (more) {
        struct frame frame;
        TRY_OR(done, status, frame_reader_next(reader, &frame, &payload, NULL, NULL, &more, err));
        if (more) {
            totals->frames++;
            totals->items += frame.items;
            totals->payload_bytes += payload.count;
            totals->checksum = checksum_of(payload.data, payload.count, totals->checksum);
            assert_int_equal(payload.count, frame.payload_bytes);
        }
    }
done:
    bytes_release(&payload);
    return status;
}

/* Reads all frames of a file in memory. */
static struct status read_all(const uint8_t *data, size_t count, struct totals *totals,
                              struct err *err) {
    struct input *input;
    struct frame_reader reader;
    *totals = (struct totals){0};
    TRY(input_open_memory(&input, "test.tff", data, count, err));
    frame_reader_init(&reader, input);
    struct status status = reader_drain(&reader, totals, err);
    frame_reader_release(&reader);
    input_close(input);
    return status;
}

static void test_frame_comes_back_with_all_its_fields(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 100, 300000};
    struct err err;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct frame frame = {FRAME_EVENTS, LIMIT_FRAME_ITEMS, INT64_MIN, -1, counts[i]};
        uint8_t *payload = malloc(counts[i] + 1);
        assert_non_null(payload);
        memset(payload, 'p', counts[i]);
        struct bytes out = {0};
        MUST(frame_encode(&frame, payload, &out, &err));
        size_t whole = out.count;
        MUST(bytes_append(&out, "what follows", 12, &err));
        struct frame got;
        struct bytes unpacked = {0};
        size_t used;
        MUST(bytes_append(&unpacked, "old contents", 12, &err));
        MUST(frame_decode(out.data, out.count, &got, &unpacked, &used, &err));
        assert_int_equal(used, whole);
        assert_int_equal(got.kind, frame.kind);
        assert_int_equal(got.items, frame.items);
        assert_int_equal(got.first, frame.first);
        assert_int_equal(got.last, frame.last);
        assert_int_equal(got.payload_bytes, counts[i]);
        assert_int_equal(unpacked.count, counts[i]);
        assert_memory_equal(unpacked.data, payload, counts[i]);
        bytes_release(&unpacked);
        bytes_release(&out);
        free(payload);
    }
}

static void test_header_stands_where_the_format_says(void **state) {
    (void)state;
    struct err err;
    struct frame frame = {FRAME_ADJACENCY, 258, -2, UINT32_MAX, 5};
    struct bytes out = {0};
    MUST(frame_encode(&frame, (const uint8_t *)"abcde", &out, &err));
    struct cursor cursor = cursor_over(out.data, out.count);
    assert_memory_equal(cursor_take(&cursor, 4), "TFF1", 4);
    assert_int_equal(cursor_u32(&cursor), 3);
    assert_int_equal(cursor_u32(&cursor), 258);
    assert_int_equal(cursor_u32(&cursor), 5);
    uint32_t stored = cursor_u32(&cursor);
    assert_int_equal(stored, out.count - FRAME_HEADER_BYTES);
    assert_int_equal(cursor_u32(&cursor), 0);
    assert_int_equal(cursor_u64(&cursor), UINT64_MAX - 1);
    assert_int_equal(cursor_u64(&cursor), UINT32_MAX);
    uint64_t checksum = cursor_u64(&cursor);
    assert_int_equal(checksum, checksum_of(out.data + 48, stored, checksum_of(out.data, 40, 0)));
    char back[5];
    MUST(compression_unpack(cursor_take(&cursor, stored), stored, back, sizeof back, &err));
    assert_memory_equal(back, "abcde", 5);
    bytes_release(&out);
}

/* Files that exist must stay readable: this one was made by the first version. */
static void test_frame_of_the_first_version_is_read(void **state) {
    (void)state;
    static const uint8_t made[] = {0x54, 0x46, 0x46, 0x31, 0x01, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00,
                                   0x00, 0x1b, 0x00, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x00, 0x00, 0x00,
                                   0x00, 0x00, 0xf9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
                                   0x68, 0xe5, 0xcf, 0x8b, 0x01, 0x00, 0x00, 0x63, 0xb6, 0xdf, 0x3f,
                                   0x3d, 0x72, 0x6d, 0x64, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x1b, 0x9d,
                                   0x00, 0x00, 0x68, 0x74, 0x69, 0x65, 0x66, 0x6c, 0x6f, 0x77, 0x20,
                                   0x66, 0x72, 0x61, 0x6d, 0x65, 0x01, 0x00, 0x92, 0x8b, 0x11};
    struct err err;
    struct frame frame;
    struct bytes payload = {0};
    size_t used;
    MUST(frame_decode(made, sizeof made, &frame, &payload, &used, &err));
    assert_int_equal(used, sizeof made);
    assert_int_equal(frame.kind, FRAME_EVENTS);
    assert_int_equal(frame.items, 3);
    assert_int_equal(frame.first, -7);
    assert_int_equal(frame.last, 1700000000000);
    assert_int_equal(payload.count, 27);
    assert_memory_equal(payload.data, "tieflowtieflowtieflow frame", 27);
    bytes_release(&payload);
}

static void test_frame_cut_at_any_byte_is_truncated(void **state) {
    (void)state;
    struct err err;
    struct bytes out = {0};
    frame_put(&out, 4, 40, 1);
    size_t whole = out.count;
    for (out.count = 0; out.count < whole; out.count++) {
        MUST_FAIL(decode(&out, &err), FAILURE_DATA, "truncated");
    }
    bytes_release(&out);
}

static void test_every_flipped_bit_of_a_frame_is_found_out(void **state) {
    (void)state;
    struct err err;
    struct bytes out = {0};
    frame_put(&out, 4, 40, 1);
    for (size_t bit = 0; bit < 8 * out.count; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct status status = decode(&out, &err);
        if (status.failure != FAILURE_DATA) {
            fail_msg("bit %zu of byte %zu flipped, not noticed", bit % 8, bit / 8);
        }
        out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    MUST(decode(&out, &err));
    bytes_release(&out);
}

static void test_another_magic_is_named(void **state) {
    (void)state;
    struct err err;
    struct bytes out = {0};
    frame_put(&out, 4, 40, 1);
    memcpy(out.data, "TFF2", 4);
    MUST_FAIL(decode(&out, &err), FAILURE_DATA, "magic 54464632");
    memcpy(out.data, "PAR1", 4);
    MUST_FAIL(decode(&out, &err), FAILURE_DATA, "not a frame of tieflow");
    bytes_release(&out);
}

/* Sound checksums all over, so that the fields themselves are judged. */
static void test_fields_out_of_range_are_refused_whatever_the_checksum_says(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint32_t value;
        const char *message;
    } wrong[] = {
        {AT_KIND, FRAME_KINDS, "unknown kind 10"},
        {AT_KIND, UINT32_MAX, "unknown kind 4294967295"},
        {AT_ITEMS, LIMIT_FRAME_ITEMS + 1, "over the limits"},
        {AT_ITEMS, UINT32_MAX, "over the limits"},
        {AT_PAYLOAD, LIMIT_FRAME_BYTES + 1, "over the limits"},
        {AT_PAYLOAD, UINT32_MAX, "over the limits"},
        {AT_STORED, LIMIT_FRAME_BYTES + 1, "over the limits"},
        {AT_STORED, UINT32_MAX, "over the limits"},
        {AT_STORED, LIMIT_FRAME_BYTES, "truncated"},
        {AT_ZERO, 1, "newer tieflow"},
        {AT_PAYLOAD, 39, "damaged"},
        {AT_PAYLOAD, 41, "where 41 were promised"},
        {AT_PAYLOAD, 0, "damaged"},
    };
    struct err err;
    struct totals totals;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bytes out = {0};
        frame_put(&out, 4, 40, 1);
        put_u32(out.data + wrong[i].at, wrong[i].value);
        checksum_mend(out.data, out.count - FRAME_HEADER_BYTES);
        MUST_FAIL(decode(&out, &err), FAILURE_DATA, wrong[i].message);
        MUST_FAIL(read_all(out.data, out.count, &totals, &err), FAILURE_DATA, wrong[i].message);
        bytes_release(&out);
    }
}

static void test_fields_at_their_limit_are_accepted(void **state) {
    (void)state;
    struct err err;
    struct bytes out = {0};
    frame_put(&out, LIMIT_FRAME_ITEMS, 40, 1);
    put_u32(out.data + AT_KIND, FRAME_KINDS - 1);
    checksum_mend(out.data, out.count - FRAME_HEADER_BYTES);
    MUST(decode(&out, &err));
    put_u32(out.data + AT_PAYLOAD, LIMIT_FRAME_BYTES);
    checksum_mend(out.data, out.count - FRAME_HEADER_BYTES);
    MUST_FAIL(decode(&out, &err), FAILURE_DATA, "40 bytes where 268435456 were promised");
    bytes_release(&out);
}

/* Three frames, the last one empty, and END; `edges` are where frames begin, and the file's end. */
enum { EDGES = 5 };
static struct bytes file_make(size_t edges[EDGES]) {
    struct bytes file = {0};
    for (uint32_t i = 0; i < 3; i++) {
        edges[i] = file.count;
        frame_put(&file, 10 * i, i == 2 ? 0 : 20, i);
    }
    edges[3] = file.count;
    end_put(&file, 30, 3);
    edges[4] = file.count;
    return file;
}

static void test_file_of_frames_is_read_to_its_clean_end(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    MUST(read_all(file.data, file.count, &totals, &err));
    assert_int_equal(totals.frames, 3);
    assert_int_equal(totals.items, 30);
    assert_int_equal(totals.payload_bytes, 40);
    bytes_release(&file);
}

static void test_file_cut_at_any_byte_is_truncated(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    for (size_t cut = 0; cut < file.count; cut++) {
        MUST_FAIL(read_all(file.data, cut, &totals, &err), FAILURE_DATA, "truncated");
        size_t frame = 0;
        while (frame + 1 < EDGES && edges[frame + 1] <= cut) {
            frame++;
        }
        char where[64];
        (void)snprintf(where, sizeof where, "test.tff (frame at byte %zu): ", edges[frame]);
        if (strncmp(err.text, where, strlen(where)) != 0) {
            fail_msg("cut at %zu: \"%s\" does not begin with \"%s\"", cut, err.text, where);
        }
    }
    bytes_release(&file);
}

static void test_every_flipped_bit_of_a_file_is_found_out(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    for (size_t bit = 0; bit < 8 * file.count; bit++) {
        file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct status status = read_all(file.data, file.count, &totals, &err);
        if (status.failure != FAILURE_DATA) {
            fail_msg("bit %zu of byte %zu flipped, not noticed", bit % 8, bit / 8);
        }
        file.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    bytes_release(&file);
}

static void test_file_of_nothing_but_its_end_has_no_frames(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    struct bytes file = {0};
    end_put(&file, 0, 0);
    MUST(read_all(file.data, file.count, &totals, &err));
    assert_int_equal(totals.frames, 0);
    bytes_release(&file);
}

static void test_missing_and_doubled_frames_are_found_out_by_the_end(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    for (size_t frame = 0; frame < 3; frame++) {
        size_t size = edges[frame + 1] - edges[frame];
        struct bytes other = {0};
        MUST(bytes_append(&other, file.data, edges[frame], &err));
        MUST(bytes_append(&other, file.data + edges[frame + 1], file.count - edges[frame + 1],
                          &err));
        MUST_FAIL(read_all(other.data, other.count, &totals, &err), FAILURE_DATA,
                  "missing or doubled");
        other.count = 0;
        MUST(bytes_append(&other, file.data, edges[frame + 1], &err));
        MUST(bytes_append(&other, file.data + edges[frame], size, &err));
        MUST(bytes_append(&other, file.data + edges[frame + 1], file.count - edges[frame + 1],
                          &err));
        MUST_FAIL(read_all(other.data, other.count, &totals, &err), FAILURE_DATA,
                  "missing or doubled");
        bytes_release(&other);
    }
    bytes_release(&file);
}

static void test_right_items_in_the_wrong_number_of_frames_are_found_out(void **state) {
    (void)state;
    static const int64_t wrong[][2] = {{30, 2}, {30, 4}, {29, 3}, {31, 3}, {-30, 3}, {0, 0}};
    struct err err;
    struct totals totals;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        size_t edges[EDGES];
        struct bytes file = file_make(edges);
        file.count = edges[3];
        end_put(&file, wrong[i][0], wrong[i][1]);
        MUST_FAIL(read_all(file.data, file.count, &totals, &err), FAILURE_DATA,
                  "30 in 3 were read");
        bytes_release(&file);
    }
}

static void test_joined_files_read_as_one(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    struct bytes joined = {0};
    for (int i = 0; i < 3; i++) {
        MUST(bytes_append(&joined, file.data, file.count, &err));
        end_put(&joined, 0, 0);
    }
    MUST(read_all(joined.data, joined.count, &totals, &err));
    assert_int_equal(totals.frames, 9);
    assert_int_equal(totals.items, 90);
    bytes_release(&joined);
    bytes_release(&file);
}

static void test_joined_file_without_an_end_of_its_own_is_truncated(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    size_t count = file.count;
    frame_put(&file, 1, 1, 1);
    MUST_FAIL(read_all(file.data, file.count, &totals, &err), FAILURE_DATA,
              "without its END frame");
    file.count = count;
    MUST(bytes_append(&file, "\n", 1, &err));
    MUST_FAIL(read_all(file.data, file.count, &totals, &err), FAILURE_DATA, "truncated");
    bytes_release(&file);
}

struct skipping {
    uint32_t items; /* of the frame to skip */
    int calls;
};

static bool skip_items(void *context, const struct frame *frame) {
    struct skipping *skipping = context;
    skipping->calls++;
    assert_int_equal(frame->kind, FRAME_TIES);
    return frame->items == skipping->items;
}

static void test_skipped_frame_has_its_header_and_no_payload(void **state) {
    (void)state;
    struct err err;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    struct input *input;
    struct frame_reader reader;
    MUST(input_open_memory(&input, "test.tff", file.data, file.count, &err));
    frame_reader_init(&reader, input);
    struct skipping skipping = {.items = 10};
    struct bytes payload = {0};
    static const size_t expected[] = {20, 0, 0};
    bool more;
    for (uint32_t i = 0; i < 3; i++) {
        struct frame frame;
        MUST(frame_reader_next(&reader, &frame, &payload, skip_items, &skipping, &more, &err));
        assert_true(more);
        assert_int_equal(frame.items, 10 * i);
        assert_int_equal(frame.first, (int64_t)i - 5);
        assert_int_equal(payload.count, expected[i]);
        assert_int_equal(reader.offset, edges[i + 1]);
    }
    struct frame frame;
    MUST(frame_reader_next(&reader, &frame, &payload, skip_items, &skipping, &more, &err));
    assert_false(more);
    assert_int_equal(skipping.calls, 3);
    assert_int_equal(reader.offset, file.count);
    bytes_release(&payload);
    frame_reader_release(&reader);
    input_close(input);
    bytes_release(&file);
}

/* Reads the one frame of `file`, skipping it where its items are `items`. */
static struct status read_skipping(const struct bytes *file, uint32_t items, struct err *err) {
    struct input *input;
    struct frame_reader reader;
    TRY(input_open_memory(&input, "test.tff", file->data, file->count, err));
    frame_reader_init(&reader, input);
    struct skipping skipping = {.items = items};
    struct bytes payload = {0};
    struct frame frame;
    bool more;
    struct status status =
        frame_reader_next(&reader, &frame, &payload, skip_items, &skipping, &more, err);
    bytes_release(&payload);
    frame_reader_release(&reader);
    input_close(input);
    return status;
}

static void
test_payload_of_a_skipped_frame_is_not_unpacked_but_its_checksum_is_checked(void **state) {
    (void)state;
    struct err err;
    struct bytes file = {0};
    frame_put(&file, 4, 40, 1);
    file.data[FRAME_HEADER_BYTES] ^= 1; /* no zstd any more */
    MUST_FAIL(read_skipping(&file, 4, &err), FAILURE_DATA, "checksum is wrong");
    checksum_mend(file.data, file.count - FRAME_HEADER_BYTES);
    MUST(read_skipping(&file, 4, &err));
    MUST_FAIL(read_skipping(&file, 5, &err), FAILURE_DATA, "damaged");
    bytes_release(&file);
}

/* Passes over `items` items of an input at most, and reads the rest; says how many were passed. */
static uint64_t passed_before(struct input *input, uint64_t items, uint64_t *read) {
    struct err err;
    struct frame_reader reader;
    struct bytes payload = {0};
    struct frame frame;
    uint64_t passed;
    bool more = true;
    frame_reader_init(&reader, input);
    MUST(frame_reader_pass(&reader, items, &passed, &err));
    *read = 0;
    while (more) {
        MUST(frame_reader_next(&reader, &frame, &payload, NULL, NULL, &more, &err));
        *read += more ? frame.items : 0;
    }
    bytes_release(&payload);
    frame_reader_release(&reader);
    input_close(input);
    return passed;
}

static void test_frames_that_are_passed_over_are_whole_and_the_rest_is_read(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "passed.tff", path);
    size_t edges[EDGES];
    struct bytes file = file_make(edges); /* frames of 0, 10 and 20 items */
    for (int packed = 0; packed < 3; packed++) {
        for (uint64_t items = 0; items < 40; items++) {
            struct input *input;
            struct output *output;
            if (packed == 2) {
                MUST(input_open_memory(&input, "passed", file.data, file.count, &err));
            } else {
                MUST(output_open(&output, path, packed == 1, &err));
                MUST(output_write(output, file.data, file.count, &err));
                MUST(output_commit(output, NULL, NULL, &err));
                MUST(input_open(&input, path, &err));
            }
            uint64_t read;
            uint64_t passed = passed_before(input, items, &read);
            assert_int_equal(passed, items < 10 ? 0 : items < 30 ? 10 : 30);
            assert_int_equal(passed + read, 30);
        }
    }
    bytes_release(&file);
}

static void test_file_cut_inside_what_is_passed_over_is_truncated(void **state) {
    (void)state;
    struct err err;
    size_t edges[EDGES];
    struct bytes file = file_make(edges);
    for (size_t count = edges[0] + 1; count < edges[EDGES - 1]; count++) {
        struct input *input;
        struct frame_reader reader;
        struct bytes payload = {0};
        struct frame frame;
        uint64_t passed;
        bool more;
        MUST(input_open_memory(&input, "cut", file.data, count, &err));
        frame_reader_init(&reader, input);
        struct status status = frame_reader_pass(&reader, 30, &passed, &err);
        if (!failed(status)) {
            status = frame_reader_next(&reader, &frame, &payload, NULL, NULL, &more, &err);
        }
        assert_int_equal(status.failure, FAILURE_DATA);
        assert_non_null(strstr(err.text, "truncated"));
        bytes_release(&payload);
        frame_reader_release(&reader);
        input_close(input);
    }
    bytes_release(&file);
}

static void test_claimed_lengths_are_read_no_further_than_the_file(void **state) {
    (void)state;
    struct err err;
    struct totals totals;
    struct bytes file = {0};
    frame_put(&file, 4, 40, 1);
    put_u32(file.data + AT_STORED, LIMIT_FRAME_BYTES);
    put_u32(file.data + AT_PAYLOAD, LIMIT_FRAME_BYTES);
    MUST_FAIL(read_all(file.data, file.count, &totals, &err), FAILURE_DATA,
              "ends inside a frame: it is truncated");
    bytes_release(&file);
}

static void test_written_file_is_read_back_plain_and_packed(void **state) {
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "a.tff", path);
    for (int packed = 0; packed < 2; packed++) {
        struct output *output;
        struct frame_writer writer;
        MUST(output_open(&output, path, packed != 0, &err));
        frame_writer_init(&writer, output);
        for (uint32_t i = 0; i < 100; i++) {
            struct frame frame = {FRAME_EVENTS, i, 0, 0, 8};
            uint8_t payload[8];
            put_u64(payload, i);
            MUST(frame_writer_put(&writer, &frame, payload, &err));
        }
        MUST(frame_writer_end(&writer, &err));
        frame_writer_release(&writer);
        MUST(output_commit(output, NULL, NULL, &err));

        struct input *input;
        struct frame_reader reader;
        struct totals totals = {0};
        MUST(input_open(&input, path, &err));
        frame_reader_init(&reader, input);
        MUST(reader_drain(&reader, &totals, &err));
        assert_int_equal(totals.frames, 100);
        assert_int_equal(totals.items, 4950);
        assert_int_equal(totals.payload_bytes, 800);
        frame_reader_release(&reader);
        input_close(input);
    }
}

/* A file of three frames of as many items each, in this order, behind which the END was written of
 * frames 0, 1, 2. */
static void frames_in_order(struct bytes *file, const int order[3]) {
    struct err err;
    struct bytes frames[3] = {{0}, {0}, {0}};
    uint64_t chain = 0;
    uint8_t payload[8];
    struct frame end = {.kind = FRAME_END, .first = 21, .last = 3, .payload_bytes = sizeof payload};
    for (int i = 0; i < 3; i++) {
        frame_put(&frames[i], 7, 100, (uint64_t)i);
        chain = checksum_of(frames[i].data + AT_CHECKSUM, 8, chain);
    }
    for (int i = 0; i < 3; i++) {
        MUST(bytes_append(file, frames[order[i]].data, frames[order[i]].count, &err));
    }
    put_u64(payload, chain);
    MUST(frame_encode(&end, payload, file, &err));
    for (int i = 0; i < 3; i++) {
        bytes_release(&frames[i]);
    }
}

static void test_exchanged_and_overwritten_frames_are_found_out_by_the_chain(void **state) {
    (void)state;
    static const int orders[][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1},
                                    {0, 0, 2}, {0, 1, 1}, {2, 1, 0}};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct err err;
        struct bytes file = {0};
        struct totals totals = {0};
        struct input *input;
        struct frame_reader reader;
        uint64_t passed;
        frames_in_order(&file, orders[i]);
        MUST(input_open_memory(&input, "memory", file.data, file.count, &err));
        frame_reader_init(&reader, input);
        if (i == 0) {
            MUST(read_all(file.data, file.count, &totals, &err));
            assert_int_equal(totals.items, 21);
            MUST(frame_reader_pass(&reader, 21, &passed, &err));
        } else {
            MUST_FAIL(read_all(file.data, file.count, &totals, &err), FAILURE_DATA, "exchanged");
            MUST_FAIL(frame_reader_pass(&reader, 21, &passed, &err), FAILURE_DATA, "exchanged");
        }
        frame_reader_release(&reader);
        input_close(input);
        bytes_release(&file);
    }
}

static void test_an_end_frame_of_another_size_is_refused(void **state) {
    (void)state;
    struct err err;
    struct bytes file = {0};
    struct totals totals = {0};
    const uint8_t payload[9] = {0};
    struct frame end = {.kind = FRAME_END, .payload_bytes = sizeof payload};
    MUST(frame_encode(&end, payload, &file, &err));
    MUST_FAIL(read_all(file.data, file.count, &totals, &err), FAILURE_DATA, "END frame of 9 bytes");
    bytes_release(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_comes_back_with_all_its_fields),
        cmocka_unit_test(test_header_stands_where_the_format_says),
        cmocka_unit_test(test_frame_of_the_first_version_is_read),
        cmocka_unit_test(test_frame_cut_at_any_byte_is_truncated),
        cmocka_unit_test(test_every_flipped_bit_of_a_frame_is_found_out),
        cmocka_unit_test(test_another_magic_is_named),
        cmocka_unit_test(test_fields_out_of_range_are_refused_whatever_the_checksum_says),
        cmocka_unit_test(test_fields_at_their_limit_are_accepted),
        cmocka_unit_test(test_file_of_frames_is_read_to_its_clean_end),
        cmocka_unit_test(test_file_cut_at_any_byte_is_truncated),
        cmocka_unit_test(test_every_flipped_bit_of_a_file_is_found_out),
        cmocka_unit_test(test_file_of_nothing_but_its_end_has_no_frames),
        cmocka_unit_test(test_missing_and_doubled_frames_are_found_out_by_the_end),
        cmocka_unit_test(test_right_items_in_the_wrong_number_of_frames_are_found_out),
        cmocka_unit_test(test_exchanged_and_overwritten_frames_are_found_out_by_the_chain),
        cmocka_unit_test(test_an_end_frame_of_another_size_is_refused),
        cmocka_unit_test(test_joined_files_read_as_one),
        cmocka_unit_test(test_joined_file_without_an_end_of_its_own_is_truncated),
        cmocka_unit_test(test_skipped_frame_has_its_header_and_no_payload),
        cmocka_unit_test(
            test_payload_of_a_skipped_frame_is_not_unpacked_but_its_checksum_is_checked),
        cmocka_unit_test_setup_teardown(
            test_frames_that_are_passed_over_are_whole_and_the_rest_is_read, scratch_make,
            scratch_remove),
        cmocka_unit_test(test_file_cut_inside_what_is_passed_over_is_truncated),
        cmocka_unit_test(test_claimed_lengths_are_read_no_further_than_the_file),
        cmocka_unit_test_setup_teardown(test_written_file_is_read_back_plain_and_packed,
                                        scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
