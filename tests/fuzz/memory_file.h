/* Bytes as a file that has a path and no place on a disk: for what reads files by name. */
#ifndef TIEFLOW_TESTS_FUZZ_MEMORY_FILE_H
#define TIEFLOW_TESTS_FUZZ_MEMORY_FILE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_file {
    int descriptor;
    char path[64];
};

static inline struct memory_file memory_file_open(const uint8_t *data, size_t size) {
    struct memory_file file = {.descriptor = memfd_create("fuzz", MFD_CLOEXEC)};
    if (file.descriptor < 0 || write(file.descriptor, data, size) != (ssize_t)size) {
        abort();
    }
    (void)snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
    return file;
}

static inline void memory_file_close(struct memory_file *file) {
    (void)close(file->descriptor);
}

#endif
