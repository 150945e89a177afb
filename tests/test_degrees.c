#include "stages/state/degrees.h"

#include "stages/base/frame.h"
#include "stages/base/random.h"
#include "tests/state_testing.h"

#include <stdlib.h>

/* Rows of [first, end) of which `lengths` tells all; the entries do not matter. */
static void rows_make(struct arrival_rows *rows, const uint32_t *lengths, uint32_t first,
                      uint32_t end) {
    struct err err;
    *rows = (struct arrival_rows){.first = first, .end = end};
    MUST(pages_grow(&rows->offsets, (end - first + 1) * sizeof(uint64_t), "rows", &err));
    uint64_t *offsets = rows->offsets.data;
    for (uint32_t i = 0; i < end - first; i++) {
        offsets[i + 1] = offsets[i] + lengths[first + i];
    }
}

/* The file of these degrees, put in slices. */
static struct bytes file_make(void **folder, const uint32_t *lengths, uint32_t count,
                              uint32_t slice) {
    struct err err;
    struct degrees_writer *writer;
    struct output *output = state_file_start(folder, "degrees.tff");
    MUST(degrees_writer_new(&writer, output, &err));
    for (uint32_t first = 0; first < count; first += slice) {
        struct arrival_rows rows;
        rows_make(&rows, lengths, first, count - first < slice ? count : first + slice);
        MUST(degrees_writer_put(writer, &rows, &err));
        arrival_rows_release(&rows);
    }
    MUST(degrees_writer_end(writer, &err));
    degrees_writer_free(writer);
    return state_file_finish(folder, "degrees.tff", output);
}

static struct status file_load(const struct bytes *file, size_t count, struct pages *degrees,
                               struct err *err) {
    struct input *input = state_file_input(file);
    struct status status = degrees_load(degrees, input, count, err);
    input_close(input);
    return status;
}

static uint32_t *lengths_make(uint32_t count) {
    struct random random;
    random_seed(&random, count);
    uint32_t *lengths = calloc(count + 1, sizeof *lengths);
    assert_non_null(lengths);
    for (uint32_t i = 0; i < count; i++) {
        lengths[i] =
            (uint32_t)random_below(&random, random_below(&random, 8) == 0 ? count : 3) % count;
    }
    return lengths;
}

static void degrees_load_back_equal_whatever_the_slices(void **folder) {
    static const uint32_t counts[] = {0,
                                      1,
                                      2,
                                      1000,
                                      DEGREES_FRAME_NODES - 1,
                                      DEGREES_FRAME_NODES,
                                      DEGREES_FRAME_NODES + 1,
                                      3 * DEGREES_FRAME_NODES + 7};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct err err;
        uint32_t count = counts[i];
        uint32_t *lengths = lengths_make(count);
        struct bytes whole = file_make(folder, lengths, count, count + 1);
        struct bytes sliced = file_make(folder, lengths, count, 777);
        struct pages degrees = {0};
        assert_same_bytes(&whole, &sliced);
        MUST(file_load(&whole, count, &degrees, &err));
        if (count != 0) {
            assert_memory_equal(degrees.data, lengths, count * sizeof *lengths);
        }
        pages_release(&degrees);
        bytes_release(&whole);
        free(lengths);
    }
}

static void files_of_another_graph_or_with_damage_are_refused(void **folder) {
    enum { COUNT = 300 };
    struct err err;
    uint32_t *lengths = lengths_make(COUNT);
    lengths[7] = COUNT - 1;
    struct bytes file = file_make(folder, lengths, COUNT, COUNT);
    static const size_t others[] = {0, 1, COUNT - 1, COUNT + 1, DEGREES_FRAME_NODES + COUNT};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct pages degrees = {0};
        MUST_FAIL(file_load(&file, others[i], &degrees, &err), FAILURE_DATA, "memory.tff");
        pages_release(&degrees);
    }
    for (size_t at = 0; at < file.count; at++) {
        struct pages degrees = {0};
        file.data[at] ^= 8;
        MUST_FAIL(file_load(&file, COUNT, &degrees, &err), FAILURE_DATA, "memory.tff");
        file.data[at] ^= 8;
        pages_release(&degrees);
    }
    bytes_release(&file);
    lengths[7] = COUNT; /* more neighbours than there are others */
    file = file_make(folder, lengths, COUNT, COUNT);
    struct pages degrees = {0};
    MUST_FAIL(file_load(&file, COUNT, &degrees, &err), FAILURE_DATA, "another generation");
    pages_release(&degrees);
    bytes_release(&file);
    free(lengths);
}

static void a_file_that_ends_early_with_a_whole_frame_is_refused(void **folder) {
    struct err err;
    uint32_t *lengths = lengths_make(DEGREES_FRAME_NODES);
    struct bytes file = file_make(folder, lengths, DEGREES_FRAME_NODES, DEGREES_FRAME_NODES);
    struct pages degrees = {0};
    MUST_FAIL(file_load(&file, 2 * DEGREES_FRAME_NODES, &degrees, &err), FAILURE_DATA,
              "degrees of");
    pages_release(&degrees);
    bytes_release(&file);
    free(lengths);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(degrees_load_back_equal_whatever_the_slices),
        SCRATCH_TEST(files_of_another_graph_or_with_damage_are_refused),
        SCRATCH_TEST(a_file_that_ends_early_with_a_whole_frame_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
