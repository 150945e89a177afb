#include "tests/testing.h"

#include "stages/base/bytes.h"
#include "stages/base/checksum.h"
#include "stages/base/compression.h"
#include "stages/base/random.h"
#include "stages/base/stream.h"
#include "tests/scratch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define BIG ((size_t)700000) /* more than twice the buffers of an input and an output */

/* Half noise, half repetition; the caller frees it. */
static uint8_t *sample(size_t count, uint64_t seed) {
    struct random random;
    random_seed(&random, seed);
    uint8_t *data = malloc(count + 1);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++) {
        data[i] = random_below(&random, 2) == 0 ? (uint8_t)random_u64(&random) : 'x';
    }
    return data;
}

/* Reads the input to its end in steps of `step` bytes and appends to `out`. */
static struct status drain(struct input *input, size_t step, struct bytes *out, struct err *err) {
    for (;;) {
        size_t got;
        TRY(bytes_reserve(out, step, err));
        TRY(input_read(input, out->data + out->count, step, &got, err));
        assert_true(got <= step);
        out->count += got;
        if (got < step) {
            TRY(input_read(input, out->data, step, &got, err));
            assert_int_equal(got, 0); /* behind the end there is nothing, for ever */
            return status_ok();
        }
    }
}

static struct status read_memory(const void *data, size_t count, struct bytes *out,
                                 struct err *err) {
    struct input *input;
    out->count = 0;
    TRY(input_open_memory(&input, "a record", data, count, err));
    struct status status = drain(input, 4096, out, err);
    input_close(input);
    return status;
}

static struct status read_path(const char *path, size_t step, struct bytes *out, struct err *err) {
    struct input *input;
    out->count = 0;
    TRY(input_open(&input, path, err));
    struct status status = drain(input, step, out, err);
    input_close(input);
    return status;
}

static void assert_bytes_equal(const struct bytes *got, const void *expected, size_t count) {
    assert_int_equal(got->count, count);
    if (count != 0) {
        assert_memory_equal(got->data, expected, count);
    }
}

static void test_plain_and_packed_files_read_alike_in_steps_of_any_size(void **state) {
    static const size_t steps[] = {1, 7, 4096, 1 << 18, 1 << 20};
    struct err err;
    char plain[SCRATCH_PATH_BYTES];
    char packed[SCRATCH_PATH_BYTES];
    scratch_path(state, "plain", plain);
    scratch_path(state, "packed", packed);
    uint8_t *data = sample(BIG, 1);
    struct bytes stored = {0};
    struct bytes got = {0};
    MUST(compression_pack(data, BIG, &stored, &err));
    scratch_put(plain, data, BIG);
    scratch_put(packed, stored.data, stored.count);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        MUST(read_path(plain, steps[i], &got, &err));
        assert_bytes_equal(&got, data, BIG);
        MUST(read_path(packed, steps[i], &got, &err));
        assert_bytes_equal(&got, data, BIG);
    }
    MUST(read_memory(stored.data, stored.count, &got, &err));
    assert_bytes_equal(&got, data, BIG);
    bytes_release(&stored);
    bytes_release(&got);
    free(data);
}

static void test_files_of_zero_to_five_bytes_are_plain(void **state) {
    struct err err;
    struct bytes got = {0};
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "short", path);
    for (size_t count = 0; count <= 5; count++) {
        scratch_put(path, "a,b\nc", count);
        MUST(read_path(path, 3, &got, &err));
        assert_bytes_equal(&got, "a,b\nc", count);
        MUST(read_memory("a,b\nc", count, &got, &err));
        assert_bytes_equal(&got, "a,b\nc", count);
    }
    MUST(read_memory(NULL, 0, &got, &err));
    assert_int_equal(got.count, 0);
    bytes_release(&got);
}

/* Three frames, one of them empty; `edges` are their beginnings and the end of the last. */
enum { EDGES = 4 };
static struct bytes frames_make(const uint8_t *data, size_t edges[EDGES], size_t ends[EDGES]) {
    struct err err;
    struct bytes stored = {0};
    ends[0] = 0;
    ends[1] = 150;
    ends[2] = 150;
    ends[3] = 400;
    for (int i = 0; i < 3; i++) {
        edges[i] = stored.count;
        MUST(compression_pack(data + ends[i], ends[i + 1] - ends[i], &stored, &err));
    }
    edges[3] = stored.count;
    return stored;
}

static void test_joined_zstd_frames_read_as_one_stream(void **state) {
    (void)state;
    struct err err;
    struct bytes got = {0};
    size_t edges[EDGES];
    size_t ends[EDGES];
    uint8_t *data = sample(400, 2);
    struct bytes stored = frames_make(data, edges, ends);
    MUST(read_memory(stored.data, stored.count, &got, &err));
    assert_bytes_equal(&got, data, 400);
    bytes_release(&got);
    bytes_release(&stored);
    free(data);
}

/* Under four bytes nothing tells zstd from plain bytes: those are served as they are. */
static void test_zstd_cut_at_any_byte_but_between_frames_is_truncated(void **state) {
    struct err err;
    struct bytes got = {0};
    size_t edges[EDGES];
    size_t ends[EDGES];
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "cut", path);
    uint8_t *data = sample(400, 2);
    struct bytes stored = frames_make(data, edges, ends);
    int frame = 0;
    for (size_t cut = 0; cut <= stored.count; cut++) {
        while (frame < EDGES - 1 && cut >= edges[frame + 1]) {
            frame++;
        }
        scratch_put(path, stored.data, cut);
        if (cut < 4) {
            MUST(read_path(path, 100, &got, &err));
            assert_bytes_equal(&got, stored.data, cut);
        } else if (cut == edges[frame]) {
            MUST(read_path(path, 100, &got, &err));
            assert_bytes_equal(&got, data, ends[frame]);
            MUST(read_memory(stored.data, cut, &got, &err));
            assert_bytes_equal(&got, data, ends[frame]);
        } else {
            MUST_FAIL(read_path(path, 100, &got, &err), FAILURE_DATA, "truncated");
            assert_non_null(strstr(err.text, path));
            MUST_FAIL(read_memory(stored.data, cut, &got, &err), FAILURE_DATA,
                      "a record: the zstd stream ends too early");
        }
    }
    bytes_release(&got);
    bytes_release(&stored);
    free(data);
}

/* What an output packs carries zstd's own checksum. */
static void test_flipped_bit_in_a_packed_file_is_found_out_or_harmless(void **state) {
    struct err err;
    struct bytes got = {0};
    struct output *output;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "flip", path);
    uint8_t *data = sample(200, 3);
    MUST(output_open(&output, path, true, &err));
    MUST(output_write(output, data, 200, &err));
    MUST(output_commit(output, NULL, NULL, &err));
    uint8_t stored[1000] = {0};
    size_t count = scratch_get(path, stored, sizeof stored);
    size_t found = 0;
    for (size_t bit = 32; bit < 8 * count; bit++) { /* without the magic it is a plain file */
        stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct status status = read_memory(stored, count, &got, &err);
        if (failed(status)) {
            assert_int_equal(status.failure, FAILURE_DATA);
            found++;
        } else {
            assert_bytes_equal(&got, data, 200);
        }
        stored[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(found > 8 * (count - 4) * 9 / 10);
    bytes_release(&got);
    free(data);
}

static void test_anything_behind_a_zstd_frame_but_another_is_damage(void **state) {
    (void)state;
    struct err err;
    struct bytes got = {0};
    struct bytes stored = {0};
    MUST(compression_pack("hello", 5, &stored, &err));
    MUST(bytes_append(&stored, "at,from,to\n", 11, &err));
    MUST_FAIL(read_memory(stored.data, stored.count, &got, &err), FAILURE_DATA,
              "a record (near stored byte ");
    bytes_release(&stored);
    bytes_release(&got);
}

/* As pzstd writes them: a skippable frame, which tells the size, before each frame. */
static void test_skippable_frames_before_and_between_are_skipped(void **state) {
    (void)state;
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'a', 'b', 'c', 'd'};
    struct err err;
    struct bytes got = {0};
    struct bytes stored = {0};
    MUST(bytes_append(&stored, skippable, sizeof skippable, &err));
    MUST(compression_pack("hello ", 6, &stored, &err));
    MUST(bytes_append(&stored, skippable, sizeof skippable, &err));
    MUST(compression_pack("world", 5, &stored, &err));
    MUST(read_memory(stored.data, stored.count, &got, &err));
    assert_bytes_equal(&got, "hello world", 11);
    bytes_release(&stored);
    bytes_release(&got);
}

/* A pipe gives what there is, here one byte at a time. */
static void test_packed_bytes_that_trickle_through_a_pipe_are_recognised(void **state) {
    struct err err;
    struct bytes stored = {0};
    struct bytes got = {0};
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    MUST(compression_pack("hello world", 11, &stored, &err));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int descriptor = open(path, O_WRONLY);
        for (size_t i = 0; i < stored.count; i++) {
            if (write(descriptor, stored.data + i, 1) != 1) {
                _exit(1);
            }
            (void)usleep(500);
        }
        _exit(0);
    }
    MUST(read_path(path, 4, &got, &err));
    assert_bytes_equal(&got, "hello world", 11);
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_int_equal(code, 0);
    bytes_release(&stored);
    bytes_release(&got);
}

static void test_missing_files_and_folders_cannot_be_read(void **state) {
    struct err err;
    struct input *input;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "none", path);
    MUST_FAIL(input_open(&input, path, &err), FAILURE_IO, "No such file");
    assert_non_null(strstr(err.text, path));
    MUST_FAIL(input_open(&input, *state, &err), FAILURE_IO, "directory");
    MUST_FAIL(input_open(&input, "", &err), FAILURE_IO, "No such file");
    input_close(NULL);
}

static void test_input_knows_its_name_and_what_it_has_taken(void **state) {
    (void)state;
    struct err err;
    struct input *input;
    char name[] = "topic-3";
    char data[10];
    size_t got;
    MUST(input_open_memory(&input, name, "0123456789", 10, &err));
    name[0] = 'X';
    assert_string_equal(input_name(input), "topic-3");
    assert_int_equal(input_stored_bytes(input), 0);
    MUST(input_read(input, data, 4, &got, &err));
    assert_int_equal(got, 4);
    assert_int_equal(input_stored_bytes(input), 4);
    MUST(input_read(input, data, 10, &got, &err));
    assert_int_equal(got, 6);
    assert_int_equal(input_stored_bytes(input), 10);
    input_close(input);
}

static void test_progress_counts_stored_bytes_up_to_the_size_of_the_file(void **state) {
    struct err err;
    struct input *input;
    struct bytes stored = {0};
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "packed", path);
    uint8_t *data = sample(BIG, 4);
    MUST(compression_pack(data, BIG, &stored, &err));
    scratch_put(path, stored.data, stored.count);
    MUST(input_open(&input, path, &err));
    uint64_t before = 0;
    size_t got = 1;
    while (got != 0) {
        MUST(input_read(input, data, 10000, &got, &err));
        assert_true(input_stored_bytes(input) >= before);
        before = input_stored_bytes(input);
    }
    assert_int_equal(before, stored.count);
    input_close(input);
    bytes_release(&stored);
    free(data);
}

/* Writes BIG bytes of sample 5 in pieces of random size; fills size and checksum. */
static void write_big(const char *path, bool packed, uint64_t *bytes, uint64_t *checksum) {
    struct err err;
    struct output *output;
    struct random random;
    random_seed(&random, 6);
    uint8_t *data = sample(BIG, 5);
    MUST(output_open(&output, path, packed, &err));
    for (size_t at = 0; at < BIG;) {
        size_t piece = random_below(&random, 40000);
        piece = piece < BIG - at ? piece : BIG - at;
        MUST(output_write(output, data + at, piece, &err));
        at += piece;
    }
    MUST(output_commit(output, bytes, checksum, &err));
    free(data);
}

static void test_committed_file_has_the_bytes_size_and_checksum_that_are_told(void **state) {
    struct err err;
    struct bytes got = {0};
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "big", path);
    uint8_t *data = sample(BIG, 5);
    uint8_t *stored = malloc(2 * BIG);
    assert_non_null(stored);
    for (int packed = 0; packed < 2; packed++) {
        uint64_t bytes;
        uint64_t checksum;
        write_big(path, packed != 0, &bytes, &checksum);
        size_t count = scratch_get(path, stored, 2 * BIG);
        assert_int_equal(bytes, count);
        assert_int_equal(checksum, checksum_of(stored, count, 0));
        assert_int_equal(compression_is_zstd(stored, count), packed);
        MUST(read_path(path, 4096, &got, &err));
        assert_bytes_equal(&got, data, BIG);
    }
    free(stored);
    free(data);
    bytes_release(&got);
}

static void test_a_summed_input_has_the_checksum_of_its_file_once_read(void **state) {
    static const size_t steps[] = {1, 5000, 1 << 18, 1 << 20};
    struct err err;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "summed", path);
    for (int packed = 0; packed < 2; packed++) {
        uint64_t bytes;
        uint64_t checksum;
        write_big(path, packed == 1, &bytes, &checksum);
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            struct input *input;
            struct bytes got = {0};
            MUST(input_open(&input, path, &err));
            MUST(input_sum(input, &err));
            MUST(drain(input, steps[i], &got, &err));
            assert_true(input_stored_bytes(input) == bytes);
            assert_true(input_checksum(input) == checksum);
            input_close(input);
            bytes_release(&got);
        }
    }
    struct input *input;
    struct bytes got = {0};
    MUST(input_open_memory(&input, "memory", "abc", 3, &err));
    MUST(input_sum(input, &err));
    MUST(drain(input, 2, &got, &err));
    assert_true(input_checksum(input) == checksum_of("abc", 3, 0));
    input_close(input);
    bytes_release(&got);
}

static void test_file_of_nothing_is_empty_or_an_empty_zstd_frame(void **state) {
    struct err err;
    struct bytes got = {0};
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "empty", path);
    for (int packed = 0; packed < 2; packed++) {
        struct output *output;
        uint64_t bytes = 99;
        MUST(output_open(&output, path, packed != 0, &err));
        MUST(output_commit(output, &bytes, NULL, &err));
        assert_int_equal(bytes != 0, packed);
        MUST(read_path(path, 10, &got, &err));
        assert_int_equal(got.count, 0);
    }
    bytes_release(&got);
}

static bool exists(const char *path) {
    struct stat stat_buffer;
    return lstat(path, &stat_buffer) == 0;
}

struct paths {
    char final[SCRATCH_PATH_BYTES];
    char temporary[SCRATCH_PATH_BYTES];
};

static struct paths paths_of(void **state) {
    struct paths paths = {.final = ""};
    scratch_path(state, "file", paths.final);
    scratch_path(state, "file.tmp", paths.temporary);
    return paths;
}

static void test_a_commit_without_sync_tells_and_leaves_the_same(void **state) {
    struct err err;
    struct output *output;
    char path[SCRATCH_PATH_BYTES];
    uint8_t stored[16] = {0};
    uint64_t bytes[2];
    uint64_t checksums[2];
    scratch_path(state, "unsynced", path);
    for (int i = 0; i < 2; i++) {
        MUST(output_open(&output, path, false, &err));
        MUST(output_write(output, "some text", 9, &err));
        MUST(i == 0 ? output_commit(output, &bytes[i], &checksums[i], &err)
                    : output_commit_unsynced(output, &bytes[i], &checksums[i], &err));
        assert_int_equal(scratch_get(path, stored, sizeof stored), 9);
        assert_memory_equal(stored, "some text", 9);
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_int_equal(checksums[0], checksums[1]);
}

static void test_name_is_taken_only_by_the_commit(void **state) {
    struct err err;
    struct output *output;
    struct paths paths = paths_of(state);
    scratch_put_text(paths.final, "old");
    MUST(output_open(&output, paths.final, false, &err));
    MUST(output_write(output, "new", 3, &err));
    assert_file_holds(paths.final, "old");
    assert_true(exists(paths.temporary));
    MUST(output_commit(output, NULL, NULL, &err));
    assert_file_holds(paths.final, "new");
    assert_false(exists(paths.temporary));
}

static void test_discarded_file_leaves_no_trace(void **state) {
    struct err err;
    struct output *output;
    struct paths paths = paths_of(state);
    for (int had_old = 0; had_old < 2; had_old++) {
        if (had_old) {
            scratch_put_text(paths.final, "old");
        }
        MUST(output_open(&output, paths.final, true, &err));
        MUST(output_write(output, "new", 3, &err));
        output_discard(output);
        assert_false(exists(paths.temporary));
        assert_int_equal(exists(paths.final), had_old);
    }
    assert_file_holds(paths.final, "old");
    output_discard(NULL);
}

static void test_rest_of_an_earlier_crash_is_replaced(void **state) {
    struct err err;
    struct output *output;
    struct paths paths = paths_of(state);
    scratch_put_text(paths.temporary, "much longer than what comes now");
    MUST(output_open(&output, paths.final, false, &err));
    MUST(output_write(output, "new", 3, &err));
    MUST(output_commit(output, NULL, NULL, &err));
    assert_file_holds(paths.final, "new");
    assert_false(exists(paths.temporary));
}

static void test_output_in_a_missing_folder_is_refused(void **state) {
    struct err err;
    struct output *output;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(state, "none/file", path);
    MUST_FAIL(output_open(&output, path, false, &err), FAILURE_IO, "No such file");
    assert_non_null(strstr(err.text, path));
    scratch_path(state, "plain", path);
    scratch_put_text(path, "in the way");
    scratch_path(state, "plain/file", path);
    MUST_FAIL(output_open(&output, path, true, &err), FAILURE_IO, "Not a directory");
}

static void
test_folder_in_the_place_of_the_name_fails_the_commit_and_leaves_no_trace(void **state) {
    struct err err;
    struct output *output;
    struct paths paths = paths_of(state);
    assert_int_equal(mkdir(paths.final, 0777), 0);
    MUST(output_open(&output, paths.final, false, &err));
    MUST_FAIL(output_commit(output, NULL, NULL, &err), FAILURE_IO, "cannot take its name");
    assert_false(exists(paths.temporary));
    assert_true(exists(paths.final));
}

/* The temporary name is a link to a device that is always full. */
static void test_full_disk_fails_a_write_or_the_commit_and_keeps_the_old_file(void **state) {
    struct err err;
    struct output *output;
    struct paths paths = paths_of(state);
    uint8_t *data = sample(BIG, 7);
    for (int packed = 0; packed < 2; packed++) {
        scratch_put_text(paths.final, "old");
        assert_int_equal(symlink("/dev/full", paths.temporary), 0);
        MUST(output_open(&output, paths.final, packed != 0, &err));
        MUST_FAIL(output_write(output, data, BIG, &err), FAILURE_IO, "No space left");
        assert_non_null(strstr(err.text, "nothing was published"));
        output_discard(output);
        assert_file_holds(paths.final, "old");
        assert_false(exists(paths.temporary));

        assert_int_equal(symlink("/dev/full", paths.temporary), 0);
        MUST(output_open(&output, paths.final, packed != 0, &err));
        MUST(output_write(output, data, 10, &err)); /* stays in the buffer */
        MUST_FAIL(output_commit(output, NULL, NULL, &err), FAILURE_IO, "No space left");
        assert_file_holds(paths.final, "old");
        assert_false(exists(paths.temporary));
    }
    free(data);
}

/* /dev/null takes every byte and cannot fsync. */
static void test_file_that_cannot_be_made_durable_is_not_published(void **state) {
    struct err err;
    struct output *output;
    struct paths paths = paths_of(state);
    scratch_put_text(paths.final, "old");
    assert_int_equal(symlink("/dev/null", paths.temporary), 0);
    MUST(output_open(&output, paths.final, false, &err));
    MUST(output_write(output, "new", 3, &err));
    MUST_FAIL(output_commit(output, NULL, NULL, &err), FAILURE_IO, "cannot be made durable");
    assert_file_holds(paths.final, "old");
    assert_false(exists(paths.temporary));
}

static void test_killed_writer_leaves_the_old_file_in_place(void **state) {
    struct paths paths = paths_of(state);
    scratch_put_text(paths.final, "old");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct output *output;
        uint8_t byte = 'n';
        if (failed(output_open(&output, paths.final, false, NULL))) {
            _exit(1);
        }
        for (size_t i = 0; i < BIG; i++) {
            if (failed(output_write(output, &byte, 1, NULL))) {
                _exit(2);
            }
        }
        (void)raise(SIGKILL);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL);
    assert_file_holds(paths.final, "old");
    assert_true(exists(paths.temporary));
}

#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_plain_and_packed_files_read_alike_in_steps_of_any_size),
        IN_SCRATCH(test_files_of_zero_to_five_bytes_are_plain),
        cmocka_unit_test(test_joined_zstd_frames_read_as_one_stream),
        IN_SCRATCH(test_zstd_cut_at_any_byte_but_between_frames_is_truncated),
        IN_SCRATCH(test_flipped_bit_in_a_packed_file_is_found_out_or_harmless),
        cmocka_unit_test(test_anything_behind_a_zstd_frame_but_another_is_damage),
        cmocka_unit_test(test_skippable_frames_before_and_between_are_skipped),
        IN_SCRATCH(test_packed_bytes_that_trickle_through_a_pipe_are_recognised),
        IN_SCRATCH(test_missing_files_and_folders_cannot_be_read),
        cmocka_unit_test(test_input_knows_its_name_and_what_it_has_taken),
        IN_SCRATCH(test_progress_counts_stored_bytes_up_to_the_size_of_the_file),
        IN_SCRATCH(test_committed_file_has_the_bytes_size_and_checksum_that_are_told),
        IN_SCRATCH(test_a_summed_input_has_the_checksum_of_its_file_once_read),
        IN_SCRATCH(test_file_of_nothing_is_empty_or_an_empty_zstd_frame),
        IN_SCRATCH(test_a_commit_without_sync_tells_and_leaves_the_same),
        IN_SCRATCH(test_name_is_taken_only_by_the_commit),
        IN_SCRATCH(test_discarded_file_leaves_no_trace),
        IN_SCRATCH(test_rest_of_an_earlier_crash_is_replaced),
        IN_SCRATCH(test_output_in_a_missing_folder_is_refused),
        IN_SCRATCH(test_folder_in_the_place_of_the_name_fails_the_commit_and_leaves_no_trace),
        IN_SCRATCH(test_full_disk_fails_a_write_or_the_commit_and_keeps_the_old_file),
        IN_SCRATCH(test_file_that_cannot_be_made_durable_is_not_published),
        IN_SCRATCH(test_killed_writer_leaves_the_old_file_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
