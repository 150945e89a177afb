/* What the tests of the state's files share: writing a file and having its bytes, reading bytes. */
#ifndef TIEFLOW_TESTS_STATE_TESTING_H
#define TIEFLOW_TESTS_STATE_TESTING_H

#include "stages/base/files.h"
#include "stages/base/stream.h"
#include "tests/scratch.h"

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

static inline struct output *state_file_start(void **folder, const char *name) {
    char path[SCRATCH_PATH_BYTES];
    struct output *output;
    struct err err;
    scratch_path(folder, name, path);
    MUST(output_open(&output, path, false, &err));
    return output;
}

/* Commits the output and returns the bytes of its file, which the caller releases. */
static inline struct bytes state_file_finish(void **folder, const char *name,
                                             struct output *output) {
    char path[SCRATCH_PATH_BYTES];
    struct bytes bytes = {0};
    struct err err;
    MUST(output_commit(output, NULL, NULL, &err));
    scratch_path(folder, name, path);
    MUST(file_read_all(path, &bytes, &err));
    return bytes;
}

/* An input over bytes, under the name "memory.tff". */
static inline struct input *state_file_input(const struct bytes *bytes) {
    struct input *input;
    struct err err;
    MUST(input_open_memory(&input, "memory.tff", bytes->data, bytes->count, &err));
    return input;
}

/* Both are the same bytes; releases the second. */
static inline void assert_same_bytes(const struct bytes *expected, struct bytes *got) {
    assert_int_equal(got->count, expected->count);
    assert_memory_equal(got->data, expected->data, expected->count);
    bytes_release(got);
}

#endif
