/* The files of a log, in log order.
 *
 * Paths are taken in the order given; a folder stands for the log files in it, in byte order of
 * their names: names that end in .csv, .ndjson, .tfp, .avro, each also with .zst behind it. The
 * name of a file in the state is its base name, so that logs can move; no two files may share one.
 */
#ifndef TIEFLOW_STAGES_SOURCE_FILE_SET_H
#define TIEFLOW_STAGES_SOURCE_FILE_SET_H

#include "schemas/status.h"
#include "stages/base/files.h"

#include <stddef.h>
#include <stdint.h>

struct file_set {
    struct names paths;
    uint64_t *bytes; /* size of each file */
    uint64_t total_bytes;
};

/* Zero-initialised storage is an empty set. */
void file_set_release(struct file_set *set);

/* Finds the files. FAILURE_IO where a path does not exist, FAILURE_CONFIG where two files share a
 * name, or one is not UTF-8. "-" is standard input, of 0 bytes. */
FALLIBLE file_set_find(struct file_set *set, const struct names *paths, struct err *err);

/* The index of the file with this name; set->paths.count where there is none. */
size_t file_set_index_of(const struct file_set *set, const char *name);

#endif
