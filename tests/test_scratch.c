#include "stages/base/scratch.h"

#include "stages/base/random.h"
#include "tests/scratch.h"
#include "tests/testing.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

enum { FILE_BYTES = 1 << 20, PIECE_BYTES = 1 << 14 };

static size_t entries_of(const char *path) {
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    (void)closedir(folder);
    return count - 2; /* "." and ".." */
}

static void what_was_written_is_read_back_in_any_order(void **folder) {
    struct err err;
    struct random random;
    struct scratch *scratch;
    uint8_t *image = calloc(1, FILE_BYTES);
    uint8_t *piece = malloc(PIECE_BYTES);
    assert_true(image != NULL && piece != NULL);
    random_seed(&random, 1);
    MUST(scratch_open(&scratch, *folder, &err));
    MUST(scratch_write(scratch, 0, image, FILE_BYTES, &err));
    for (size_t i = 0; i < 2000; i++) {
        size_t bytes = (size_t)random_below(&random, PIECE_BYTES);
        size_t offset = (size_t)random_below(&random, FILE_BYTES - bytes);
        for (size_t k = 0; k < bytes; k++) {
            piece[k] = (uint8_t)(i + k);
        }
        memcpy(image + offset, piece, bytes);
        MUST(scratch_write(scratch, offset, piece, bytes, &err));
        bytes = (size_t)random_below(&random, PIECE_BYTES);
        offset = (size_t)random_below(&random, FILE_BYTES - bytes);
        MUST(scratch_read(scratch, offset, piece, bytes, &err));
        assert_memory_equal(piece, image + offset, bytes);
    }
    scratch_uncache(scratch);
    for (size_t offset = 0; offset < FILE_BYTES; offset += PIECE_BYTES) {
        MUST(scratch_read(scratch, offset, piece, PIECE_BYTES, &err));
        assert_memory_equal(piece, image + offset, PIECE_BYTES);
    }
    scratch_close(scratch);
    free(image);
    free(piece);
}

static void it_has_no_name(void **folder) {
    struct err err;
    struct scratch *scratch;
    MUST(scratch_open(&scratch, *folder, &err));
    MUST(scratch_write(scratch, 0, "abc", 3, &err));
    assert_int_equal(entries_of(*folder), 0);
    scratch_close(scratch);
    assert_int_equal(entries_of(*folder), 0);
}

static void what_is_forgotten_harms_nothing_beside_it(void **folder) {
    struct err err;
    struct scratch *scratch;
    uint8_t *image = malloc(FILE_BYTES);
    uint8_t *got = malloc(FILE_BYTES);
    assert_true(image != NULL && got != NULL);
    memset(image, 7, FILE_BYTES);
    MUST(scratch_open(&scratch, *folder, &err));
    MUST(scratch_write(scratch, 0, image, FILE_BYTES, &err));
    scratch_forget(scratch, 1000, 100000);
    scratch_forget(scratch, 0, 0);
    MUST(scratch_read(scratch, 0, got, 1000, &err));
    assert_memory_equal(image, got, 1000);
    MUST(scratch_read(scratch, 101000, got, FILE_BYTES - 101000, &err));
    assert_memory_equal(image, got, FILE_BYTES - 101000);
    scratch_close(scratch);
    free(image);
    free(got);
}

static void reading_behind_its_end_fails(void **folder) {
    struct err err;
    struct scratch *scratch;
    char data[8];
    MUST(scratch_open(&scratch, *folder, &err));
    MUST(scratch_write(scratch, 0, "abc", 3, &err));
    MUST_FAIL(scratch_read(scratch, 1, data, 3, &err), FAILURE_IO, "byte 3: it has been cut");
    scratch_close(scratch);
}

static void a_folder_that_is_not_there_is_named(void **folder) {
    struct err err;
    struct scratch *scratch;
    char path[SCRATCH_PATH_BYTES];
    scratch_path(folder, "nowhere", path);
    MUST_FAIL(scratch_open(&scratch, path, &err), FAILURE_IO, path);
}

static void a_file_that_may_not_grow_says_what_was_wanted(void **folder) {
    struct err err;
    struct scratch *scratch;
    struct rlimit before;
    static const uint8_t data[10000];
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limited = {.rlim_cur = 15000, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    MUST(scratch_open(&scratch, *folder, &err));
    MUST(scratch_write(scratch, 0, data, sizeof data, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limited), 0);
    struct status status = scratch_write(scratch, 10000, data, sizeof data, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status.failure, FAILURE_IO);
    assert_non_null(strstr(err.text, "20000 bytes"));
    assert_non_null(strstr(err.text, "ulimit -f"));
    assert_non_null(strstr(err.text, *folder));
    scratch_close(scratch);
}

static void a_full_disk_is_told_as_one(void **folder) {
    (void)folder;
    struct err err;
    struct scratch *scratch = NULL;
    if (access("/dev/full", W_OK) != 0) {
        print_message("/dev/full cannot be written here\n");
        skip();
    }
    MUST(scratch_open(&scratch, *folder, &err));
    /* The file's descriptor is the newest: put the full device in its place. */
    int full = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_true(full > 0);
    assert_true(dup2(full, full - 1) == full - 1);
    (void)close(full);
    MUST_FAIL(scratch_write(scratch, 0, "abc", 3, &err), FAILURE_IO, "make room");
    scratch_close(scratch);
}

struct reader {
    const struct scratch *scratch;
    bool is_right;
};

static void *reader_main(void *argument) {
    struct reader *reader = argument;
    reader->is_right = true;
    for (uint32_t i = 0; i < 4096; i++) {
        uint32_t got = 0;
        struct status status =
            scratch_read(reader->scratch, i * sizeof got, &got, sizeof got, NULL);
        reader->is_right &= !failed(status) && got == i;
    }
    return NULL;
}

static void several_threads_read_at_once(void **folder) {
    enum { READERS = 4 };
    struct err err;
    struct scratch *scratch;
    struct reader readers[READERS];
    pthread_t threads[READERS];
    MUST(scratch_open(&scratch, *folder, &err));
    for (uint32_t i = 0; i < 4096; i++) {
        MUST(scratch_write(scratch, i * sizeof i, &i, sizeof i, &err));
    }
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.scratch = scratch};
        assert_int_equal(pthread_create(&threads[i], NULL, reader_main, &readers[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(readers[i].is_right);
    }
    scratch_close(scratch);
}

static void closing_nothing_is_fine(void **folder) {
    (void)folder;
    scratch_close(NULL);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(what_was_written_is_read_back_in_any_order),
        SCRATCH_TEST(it_has_no_name),
        SCRATCH_TEST(what_is_forgotten_harms_nothing_beside_it),
        SCRATCH_TEST(reading_behind_its_end_fails),
        SCRATCH_TEST(a_folder_that_is_not_there_is_named),
        SCRATCH_TEST(a_file_that_may_not_grow_says_what_was_wanted),
        SCRATCH_TEST(a_full_disk_is_told_as_one),
        SCRATCH_TEST(several_threads_read_at_once),
        cmocka_unit_test(closing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
