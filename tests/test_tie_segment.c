#include "schemas/tie.h"
#include "stages/base/random.h"
#include "stages/tie_store/tie_segment.h"
#include "tests/framing.h"
#include "tests/state_testing.h"

#include <signal.h>
#include <sys/resource.h>

enum { FRAME_ITEMS = TIE_SEGMENT_FRAME_ITEMS };

/* What a segment holds: all ties and all endings, in order. */
struct content {
    struct stored_tie *ties;
    size_t tie_count;
    struct tie_ending *endings;
    size_t ending_count;
};

static void content_release(struct content *content) {
    free(content->ties);
    free(content->endings);
    *content = (struct content){0};
}

static int64_t random_time(struct random *random) {
    uint64_t range = (uint64_t)LIMIT_TIME_MAX_MS - (uint64_t)LIMIT_TIME_MIN_MS + 1;
    return (int64_t)((uint64_t)LIMIT_TIME_MIN_MS + random_below(random, range));
}

static uint32_t random_node(struct random *random) {
    return (uint32_t)random_below(random, LIMIT_NODES);
}

static struct content content_make(size_t tie_count, size_t ending_count, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    struct content content = {
        .ties = calloc(tie_count + 1, sizeof *content.ties),
        .tie_count = tie_count,
        .endings = calloc(ending_count + 1, sizeof *content.endings),
        .ending_count = ending_count,
    };
    assert_true(content.ties != NULL && content.endings != NULL);
    for (size_t i = 0; i < tie_count; i++) {
        uint32_t degree = random_node(&random);
        content.ties[i] = (struct stored_tie){
            .created_at_ms = random_time(&random),
            .from = random_node(&random),
            .to = random_node(&random),
            .mutual = (uint32_t)random_below(&random, degree + UINT64_C(1)),
            .degree_from = degree,
            .degree_to = degree + (uint32_t)random_below(&random, 9),
            .origin = (uint8_t)random_below(&random, EVENT_ORIGINS),
        };
    }
    for (size_t i = 0; i < ending_count; i++) {
        content.endings[i] = (struct tie_ending){
            .from = random_node(&random),
            .to = random_node(&random),
            .ended_at_ms = random_time(&random),
            .ties_before = random_u64(&random) >> 1,
        };
    }
    if (tie_count > 1) { /* the widest step in time, both ways, and the largest node */
        content.ties[0].created_at_ms = LIMIT_TIME_MAX_MS;
        content.ties[1].created_at_ms = LIMIT_TIME_MIN_MS;
        content.ties[1].from = LIMIT_NODES - 1;
        content.ties[tie_count - 1].created_at_ms = LIMIT_TIME_MAX_MS;
    }
    return content;
}

/* Writes ties and endings in turns, as a run does. */
static struct bytes content_write(void **folder, const struct content *content, uint64_t first_tie,
                                  unsigned threads) {
    struct err err;
    struct tie_segment_writer *writer;
    struct output *output = state_file_start(folder, "ties.tff");
    MUST(tie_segment_writer_new(&writer, output, first_tie, threads, &err));
    for (size_t i = 0; i < content->tie_count || i < content->ending_count; i++) {
        if (i < content->tie_count) {
            MUST(tie_segment_put_tie(writer, &content->ties[i], &err));
        }
        if (i < content->ending_count) {
            MUST(tie_segment_put_ending(writer, &content->endings[i], &err));
        }
    }
    MUST(tie_segment_end(writer, &err));
    tie_segment_writer_free(writer);
    return state_file_finish(folder, "ties.tff", output);
}

/* Reads a segment and compares it with `content`. */
static void content_compare(const struct bytes *file, const struct content *content,
                            uint64_t first_tie, unsigned threads) {
    struct err err;
    struct tie_segment_reader *reader;
    size_t tie_count = 0;
    size_t ending_count = 0;
    MUST(tie_segment_reader_new(&reader, state_file_input(file), threads, &err));
    for (;;) {
        const struct tie_columns *ties;
        const struct tie_ending *endings;
        uint64_t first = UINT64_MAX;
        size_t count;
        MUST(tie_segment_next(reader, LIMIT_NODES, &ties, &first, &endings, &count, &err));
        if (ties == NULL && endings == NULL) {
            break;
        }
        assert_true(ties == NULL || endings == NULL);
        assert_true(ties == NULL || (ties->count > 0 && first == first_tie + tie_count));
        assert_true(endings == NULL ? count == 0 : count > 0);
        for (size_t i = 0; ties != NULL && i < ties->count; i++) {
            assert_true(tie_count < content->tie_count);
            const struct stored_tie *expected = &content->ties[tie_count++];
            assert_true(ties->created_at_ms[i] == expected->created_at_ms);
            assert_int_equal(ties->from[i], expected->from);
            assert_int_equal(ties->to[i], expected->to);
            assert_int_equal(ties->mutual[i], expected->mutual);
            assert_int_equal(ties->degree_from[i], expected->degree_from);
            assert_int_equal(ties->degree_to[i], expected->degree_to);
            assert_int_equal(ties->origin[i], expected->origin);
        }
        for (size_t i = 0; i < count; i++) {
            assert_true(ending_count < content->ending_count);
            const struct tie_ending *expected = &content->endings[ending_count++];
            assert_int_equal(endings[i].from, expected->from);
            assert_int_equal(endings[i].to, expected->to);
            assert_true(endings[i].ended_at_ms == expected->ended_at_ms);
            assert_true(endings[i].ties_before == expected->ties_before);
        }
    }
    assert_int_equal(tie_count, content->tie_count);
    assert_int_equal(ending_count, content->ending_count);
    tie_segment_reader_free(reader);
}

static void a_segment_reads_back_at_every_size(void **folder) {
    static const size_t sizes[][2] = {
        {0, 0},
        {1, 0},
        {0, 1},
        {1, 1},
        {1000, 3000},
        {FRAME_ITEMS - 1, FRAME_ITEMS + 1},
        {FRAME_ITEMS, FRAME_ITEMS},
        {FRAME_ITEMS + 1, FRAME_ITEMS - 1},
        {3 * FRAME_ITEMS + 7, 2 * FRAME_ITEMS},
    };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct content content = content_make(sizes[s][0], sizes[s][1], s);
        uint64_t first_tie = s * UINT64_C(5000000000);
        struct bytes file = content_write(folder, &content, first_tie, 1);
        for (unsigned threads = 1; threads <= 3; threads++) {
            content_compare(&file, &content, first_tie, threads);
            struct bytes again = content_write(folder, &content, first_tie, threads);
            assert_same_bytes(&file, &again);
        }
        bytes_release(&file);
        content_release(&content);
    }
}

/* Ties in slices of any length are the ties one by one. */
static void slices_of_any_length_are_the_ties_one_by_one(void **folder) {
    struct err err;
    struct random random;
    struct content content = content_make(2 * FRAME_ITEMS + 99, 0, 77);
    struct bytes expected = content_write(folder, &content, 5, 1);
    struct tie_columns *columns = calloc(1, sizeof *columns);
    assert_non_null(columns);
    random_seed(&random, 78);
    struct output *output = state_file_start(folder, "ties.tff");
    struct tie_segment_writer *writer;
    MUST(tie_segment_writer_new(&writer, output, 5, 2, &err));
    for (size_t done = 0; done < content.tie_count; done += columns->count) {
        size_t left = content.tie_count - done;
        size_t most = (size_t)random_below(&random, FRAME_ITEMS + 1);
        columns->count = left < most ? left : most;
        for (size_t i = 0; i < columns->count; i++) {
            const struct stored_tie *tie = &content.ties[done + i];
            columns->created_at_ms[i] = tie->created_at_ms;
            columns->from[i] = tie->from;
            columns->to[i] = tie->to;
            columns->mutual[i] = tie->mutual;
            columns->degree_from[i] = tie->degree_from;
            columns->degree_to[i] = tie->degree_to;
            columns->origin[i] = tie->origin;
        }
        const struct tie_slice slice = {
            columns->count,  columns->created_at_ms, columns->from,      columns->to,
            columns->mutual, columns->degree_from,   columns->degree_to, columns->origin,
        };
        MUST(tie_segment_put_ties(writer, &slice, &err));
    }
    MUST(tie_segment_end(writer, &err));
    tie_segment_writer_free(writer);
    struct bytes got = state_file_finish(folder, "ties.tff", output);
    assert_same_bytes(&expected, &got);
    bytes_release(&expected);
    free(columns);
    content_release(&content);
}

/* The disk is as good as full behind the first bytes of a file, while other threads work. */
static void a_full_disk_is_an_io_error(void **folder) {
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct err err;
        struct content content = content_make(8 * FRAME_ITEMS, 0, 79);
        struct output *output = state_file_start(folder, "ties.tff");
        struct tie_segment_writer *writer;
        struct rlimit old;
        MUST(tie_segment_writer_new(&writer, output, 0, threads, &err));
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
        (void)signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        struct status status = status_ok();
        for (size_t i = 0; i < content.tie_count && !failed(status); i++) {
            status = tie_segment_put_tie(writer, &content.ties[i], &err);
        }
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        MUST_FAIL(status, FAILURE_IO, "ties.tff");
        tie_segment_writer_free(writer);
        output_discard(output);
        content_release(&content);
    }
}

/* --- files made by hand, by the table of bytes in the header --- */

/* Writes byte k of the item at planes[k * count]. */
static void plane_put(uint8_t *planes, size_t count, unsigned width, uint64_t item) {
    for (unsigned k = 0; k < width; k++) {
        planes[k * count] = (uint8_t)(item >> (8 * k));
    }
}

static uint64_t zigzag(int64_t before, int64_t now) {
    int64_t difference = (int64_t)((uint64_t)now - (uint64_t)before);
    return difference >= 0 ? (uint64_t)difference * 2 : ~(uint64_t)difference * 2 + 1;
}

enum { TIE_BYTES = 29, ENDING_BYTES = 24, HAND_MAX = 4 };

/* A frame compressed as the tie store does it. */
static void fast_put(struct framing *framing, struct frame frame, const uint8_t *payload) {
    struct err err;
    struct compressor compressor = {.level = COMPRESSION_LEVEL_FAST};
    size_t start = framing->file.count;
    MUST(frame_encode_with(&compressor, &frame, payload, &framing->file, &err));
    framing_count(framing, &frame, start);
    compressor_release(&compressor);
}

static void ties_put(struct framing *framing, int64_t first, const struct stored_tie *ties,
                     size_t count) {
    uint8_t payload[HAND_MAX * TIE_BYTES];
    assert_true(count <= HAND_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct stored_tie *tie = &ties[i];
        plane_put(payload + i, count, 8,
                  zigzag(i == 0 ? 0 : tie[-1].created_at_ms, tie->created_at_ms));
        plane_put(payload + 8 * count + i, count, 4, tie->from);
        plane_put(payload + 12 * count + i, count, 4, tie->to);
        plane_put(payload + 16 * count + i, count, 4, tie->mutual);
        plane_put(payload + 20 * count + i, count, 4, tie->degree_from);
        plane_put(payload + 24 * count + i, count, 4, tie->degree_to);
        payload[28 * count + i] = tie->origin;
    }
    struct frame frame = {FRAME_TIES, (uint32_t)count, first, first + (int64_t)count - 1,
                          count * TIE_BYTES};
    fast_put(framing, frame, payload);
}

static void endings_put(struct framing *framing, const struct tie_ending *endings, size_t count) {
    uint8_t payload[HAND_MAX * ENDING_BYTES];
    assert_true(count <= HAND_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct tie_ending *ending = &endings[i];
        plane_put(payload + i, count, 8,
                  zigzag(i == 0 ? 0 : ending[-1].ended_at_ms, ending->ended_at_ms));
        plane_put(
            payload + 8 * count + i, count, 8,
            zigzag(i == 0 ? 0 : (int64_t)ending[-1].ties_before, (int64_t)ending->ties_before));
        plane_put(payload + 16 * count + i, count, 4, ending->from);
        plane_put(payload + 20 * count + i, count, 4, ending->to);
    }
    struct frame frame = {FRAME_ENDINGS, (uint32_t)count, endings[0].ended_at_ms,
                          endings[count - 1].ended_at_ms, count * ENDING_BYTES};
    fast_put(framing, frame, payload);
}

static const struct stored_tie hand_ties[3] = {
    {.created_at_ms = 1000, .from = 1, .to = 2, .degree_from = 1, .degree_to = 1, .mutual = 1},
    {.created_at_ms = 1000, .from = 9, .to = 0, .degree_from = 4, .degree_to = 2, .mutual = 2},
    {.created_at_ms = 999, .from = 3, .to = 4, .origin = ORIGIN_IMPORT},
};

static const struct tie_ending hand_endings[2] = {
    {.from = 1, .to = 2, .ended_at_ms = -5, .ties_before = UINT64_C(1) << 40},
    {.from = 9, .to = 0, .ended_at_ms = 7, .ties_before = 3},
};

/* Reads all of the segment of ten nodes; the status of the first failure. */
static struct status segment_read(const struct bytes *file, unsigned threads, struct err *err) {
    struct tie_segment_reader *reader;
    const struct tie_columns *ties;
    const struct tie_ending *endings;
    assert_false(failed(tie_segment_reader_new(&reader, state_file_input(file), threads, NULL)));
    struct status status;
    do {
        uint64_t first;
        size_t count;
        status = tie_segment_next(reader, 10, &ties, &first, &endings, &count, err);
    } while (!failed(status) && (ties != NULL || endings != NULL));
    tie_segment_reader_free(reader);
    return status;
}

/* Ends and releases the file, which must not be read. */
static void must_not_read(struct framing *framing, const char *part) {
    struct err err;
    framing_end(framing);
    for (unsigned threads = 1; threads <= 3; threads++) {
        MUST_FAIL(segment_read(&framing->file, threads, &err), FAILURE_DATA, part);
        assert_non_null(strstr(err.text, "memory.tff"));
    }
    framing_release(framing);
}

static void the_bytes_are_those_of_the_table_in_the_header(void **folder) {
    struct content content = {
        .ties = (struct stored_tie *)(uintptr_t)hand_ties,
        .tie_count = 3,
        .endings = (struct tie_ending *)(uintptr_t)hand_endings,
        .ending_count = 2,
    };
    struct framing framing = {0};
    ties_put(&framing, 77, hand_ties, 3);
    endings_put(&framing, hand_endings, 2);
    framing_end(&framing);
    content_compare(&framing.file, &content, 77, 1);
    struct bytes written = content_write(folder, &content, 77, 2);
    assert_same_bytes(&framing.file, &written);
    framing_release(&framing);
}

static void frames_of_both_kinds_may_come_in_any_mixture(void **folder) {
    (void)folder;
    struct content content = {
        .ties = (struct stored_tie *)(uintptr_t)hand_ties,
        .tie_count = 3,
        .endings = (struct tie_ending *)(uintptr_t)hand_endings,
        .ending_count = 2,
    };
    struct framing framing = {0};
    endings_put(&framing, hand_endings, 1);
    ties_put(&framing, 5, hand_ties, 1);
    endings_put(&framing, hand_endings + 1, 1);
    ties_put(&framing, 6, hand_ties + 1, 2);
    framing_end(&framing);
    content_compare(&framing.file, &content, 5, 1);
    content_compare(&framing.file, &content, 5, 2);
    framing_release(&framing);
}

/* Frames that are sound come before what is wrong behind them, however far ahead it was read. */
static void what_is_sound_is_handed_out_before_what_is_not(void **folder) {
    (void)folder;
    for (unsigned threads = 1; threads <= 3; threads++) {
        struct err err;
        struct framing framing = {0};
        for (int64_t i = 0; i < 6; i++) {
            ties_put(&framing, i, hand_ties, 1);
        }
        framing.file.data[framing.file.count - 1] ^= 1; /* in the last frame */
        framing_end(&framing);
        struct tie_segment_reader *reader;
        MUST(tie_segment_reader_new(&reader, state_file_input(&framing.file), threads, &err));
        const struct tie_columns *ties;
        const struct tie_ending *endings;
        uint64_t first;
        size_t count;
        for (uint64_t i = 0; i < 5; i++) {
            MUST(tie_segment_next(reader, 10, &ties, &first, &endings, &count, &err));
            assert_non_null(ties);
            assert_int_equal(first, i);
        }
        MUST_FAIL(tie_segment_next(reader, 10, &ties, &first, &endings, &count, &err), FAILURE_DATA,
                  "checksum");
        tie_segment_reader_free(reader);
        framing_release(&framing);
    }
}

static void a_gap_or_an_overlap_in_the_numbers_of_ties_is_refused(void **folder) {
    (void)folder;
    static const int64_t wrong_firsts[] = {0, 5, 6, 8, -7, INT64_MAX - 1};
    for (size_t i = 0; i < sizeof wrong_firsts / sizeof *wrong_firsts; i++) {
        struct framing framing = {0};
        ties_put(&framing, 5, hand_ties, 2);
        endings_put(&framing, hand_endings, 1);
        ties_put(&framing, wrong_firsts[i], hand_ties + 2, 1);
        must_not_read(&framing, "damaged");
    }
}

/* One wrong field in an otherwise sound tie, the second of three. */
static void tie_must_be_refused(struct stored_tie wrong) {
    struct framing framing = {0};
    const struct stored_tie ties[3] = {hand_ties[0], wrong, hand_ties[2]};
    ties_put(&framing, 0, ties, 3);
    must_not_read(&framing, "damaged");
}

static void a_tie_that_cannot_be_is_refused(void **folder) {
    (void)folder;
    struct stored_tie wrong = hand_ties[1];
    wrong.from = 10;
    tie_must_be_refused(wrong);
    wrong = hand_ties[1];
    wrong.to = UINT32_MAX;
    tie_must_be_refused(wrong);
    wrong = hand_ties[1];
    wrong.created_at_ms = LIMIT_TIME_MAX_MS + 1;
    tie_must_be_refused(wrong);
    wrong.created_at_ms = LIMIT_TIME_MIN_MS - 1;
    tie_must_be_refused(wrong);
    wrong = hand_ties[1];
    wrong.origin = EVENT_ORIGINS;
    tie_must_be_refused(wrong);
    wrong = hand_ties[1];
    wrong.mutual = 3; /* of the two neighbours of `to` */
    tie_must_be_refused(wrong);
    wrong.degree_to = 3;
    wrong.degree_from = 2;
    tie_must_be_refused(wrong);
}

static void an_ending_that_cannot_be_is_refused(void **folder) {
    (void)folder;
    for (int field = 0; field < 4; field++) {
        struct tie_ending endings[2] = {hand_endings[0], hand_endings[1]};
        switch (field) {
        case 0:
            endings[1].from = 10;
            break;
        case 1:
            endings[0].to = UINT32_MAX;
            break;
        case 2:
            endings[1].ended_at_ms = TIE_OPEN_MS;
            break;
        default:
            endings[0].ended_at_ms = LIMIT_TIME_MIN_MS - 1;
        }
        struct framing framing = {0};
        endings_put(&framing, endings, 2);
        must_not_read(&framing, "damaged");
    }
}

static void counts_that_do_not_fit_the_payload_are_refused(void **folder) {
    (void)folder;
    static const uint8_t payload[TIE_BYTES * ENDING_BYTES] = {0};
    static const enum frame_kind kinds[] = {FRAME_TIES, FRAME_ENDINGS};
    static const uint32_t items[] = {0, 1, 23, 30, FRAME_ITEMS + 1, LIMIT_FRAME_ITEMS};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
            struct framing framing = {0};
            struct frame frame = {kinds[k], items[i], 0, 0, sizeof payload};
            framing_put(&framing, frame, payload);
            must_not_read(&framing, "damaged");
        }
        struct framing framing = {0};
        struct frame empty = {kinds[k], 0, 0, -1, 0};
        framing_put(&framing, empty, payload);
        must_not_read(&framing, "damaged");
    }
}

static void a_frame_of_more_items_than_a_reader_has_room_for_is_refused(void **folder) {
    (void)folder;
    size_t count = FRAME_ITEMS + 1;
    uint8_t *payload = calloc(count, TIE_BYTES);
    assert_non_null(payload);
    struct framing framing = {0};
    framing_put(&framing, (struct frame){FRAME_TIES, (uint32_t)count, 0, 0, count * TIE_BYTES},
                payload);
    must_not_read(&framing, "damaged");
    framing_put(&framing,
                (struct frame){FRAME_ENDINGS, (uint32_t)count, 0, 0, count * ENDING_BYTES},
                payload);
    must_not_read(&framing, "damaged");
    free(payload);
}

static void a_frame_of_another_kind_is_refused(void **folder) {
    (void)folder;
    static const uint8_t payload[ENDING_BYTES] = {0};
    static const enum frame_kind kinds[] = {FRAME_EVENTS, FRAME_DICTIONARY, FRAME_ADJACENCY,
                                            FRAME_HISTOGRAM};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct framing framing = {0};
        framing_put(&framing, (struct frame){kinds[i], 1, 0, 0, sizeof payload}, payload);
        must_not_read(&framing, "frame of kind");
    }
}

static void a_file_cut_anywhere_or_with_a_flipped_bit_is_refused(void **folder) {
    (void)folder;
    struct err err;
    struct framing framing = {0};
    ties_put(&framing, 0, hand_ties, 3);
    endings_put(&framing, hand_endings, 2);
    framing_end(&framing);
    struct bytes *file = &framing.file;
    MUST(segment_read(file, 1, &err));
    for (size_t count = 0; count < file->count; count++) {
        struct bytes cut = {.data = file->data, .count = count};
        MUST_FAIL(segment_read(&cut, count % 2 + 1, &err), FAILURE_DATA, "memory.tff");
    }
    for (size_t bit = 0; bit < file->count * 8; bit++) {
        uint8_t mask = (uint8_t)(1 << (bit & 7));
        file->data[bit / 8] ^= mask;
        MUST_FAIL(segment_read(file, 1, &err), FAILURE_DATA, "memory.tff");
        file->data[bit / 8] ^= mask;
    }
    framing_release(&framing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(a_segment_reads_back_at_every_size),
        SCRATCH_TEST(slices_of_any_length_are_the_ties_one_by_one),
        SCRATCH_TEST(a_full_disk_is_an_io_error),
        SCRATCH_TEST(the_bytes_are_those_of_the_table_in_the_header),
        cmocka_unit_test(what_is_sound_is_handed_out_before_what_is_not),
        cmocka_unit_test(frames_of_both_kinds_may_come_in_any_mixture),
        cmocka_unit_test(a_gap_or_an_overlap_in_the_numbers_of_ties_is_refused),
        cmocka_unit_test(a_tie_that_cannot_be_is_refused),
        cmocka_unit_test(an_ending_that_cannot_be_is_refused),
        cmocka_unit_test(counts_that_do_not_fit_the_payload_are_refused),
        cmocka_unit_test(a_frame_of_more_items_than_a_reader_has_room_for_is_refused),
        cmocka_unit_test(a_frame_of_another_kind_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_or_with_a_flipped_bit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
