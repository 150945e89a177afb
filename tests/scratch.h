/* A folder of its own for each test that needs files: made before it, removed after it whatever
 * happened. Raw system calls only, so that a test does not lean on the code that it tests.
 *
 *     cmocka_unit_test_setup_teardown(test_x, scratch_make, scratch_remove)
 */
#ifndef TIEFLOW_TESTS_SCRATCH_H
#define TIEFLOW_TESTS_SCRATCH_H

#include "tests/testing.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRATCH_PATH_BYTES = 512 };

static inline int scratch_make(void **state) {
    const char *parent = getenv("TMPDIR");
    char *folder = NULL;
    if (asprintf(&folder, "%s/tieflow-test-XXXXXX", parent == NULL ? "/tmp" : parent) < 0) {
        return -1;
    }
    *state = folder;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static inline int scratch_remove_entry(const char *path, const struct stat *stat_buffer, int kind,
                                       struct FTW *walk) {
    (void)stat_buffer;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline int scratch_remove(void **state) {
    int failure = nftw(*state, scratch_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return failure;
}

/* "folder/name" at `path`. */
static inline void scratch_path(void **state, const char *name, char path[SCRATCH_PATH_BYTES]) {
    int length = snprintf(path, SCRATCH_PATH_BYTES, "%s/%s", (const char *)*state, name);
    assert_in_range(length, 1, SCRATCH_PATH_BYTES - 1);
}

static inline bool file_exists(const char *path) {
    struct stat stat_buffer;
    return stat(path, &stat_buffer) == 0 && !S_ISDIR(stat_buffer.st_mode);
}

static inline bool folder_exists(const char *path) {
    struct stat stat_buffer;
    return stat(path, &stat_buffer) == 0 && S_ISDIR(stat_buffer.st_mode);
}

/* Makes the file with these bytes in it. */
static inline void scratch_put(const char *path, const void *data, size_t count) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (descriptor < 0 || write(descriptor, data, count) != (ssize_t)count ||
        close(descriptor) != 0) {
        fail_msg("%s: the test cannot write it", path);
    }
}

/* Reads up to `capacity` bytes of the file; returns how many. */
static inline size_t scratch_get(const char *path, void *data, size_t capacity) {
    int descriptor = open(path, O_RDONLY);
    ssize_t count = descriptor < 0 ? -1 : read(descriptor, data, capacity);
    if (count < 0 || close(descriptor) != 0) {
        fail_msg("%s: the test cannot read it", path);
    }
    return (size_t)count;
}

/* The file holds this text and nothing else. */
static inline void assert_file_holds(const char *path, const char *text) {
    char got[256];
    size_t count = scratch_get(path, got, sizeof got - 1);
    got[count] = '\0';
    assert_string_equal(got, text);
}

static inline void scratch_put_text(const char *path, const char *text) {
    scratch_put(path, text, strlen(text));
}

#endif
