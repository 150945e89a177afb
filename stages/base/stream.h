/* Files as streams of bytes, plain or zstd, and files that appear whole or not at all.
 *
 * An input recognises zstd by its first bytes, never by its name, and checks that the stream does
 * not end early. An output writes to a temporary name, counts and checksums what it writes, and
 * takes its final name only in output_commit, after fsync.
 */
#ifndef TIEFLOW_STAGES_BASE_STREAM_H
#define TIEFLOW_STAGES_BASE_STREAM_H

#include "schemas/status.h"

#include <stddef.h>
#include <stdint.h>

struct input;

/* Opens a file; `path` is copied. "-" is standard input. FAILURE_IO where it cannot be read. */
FALLIBLE input_open(struct input **input, const char *path, struct err *err);

/* The same over memory, for tests and records: borrows `data` until the close; `name` is for
 * messages and is copied. */
FALLIBLE input_open_memory(struct input **input, const char *name, const void *data, size_t count,
                           struct err *err);
void input_close(struct input *input);

/* Fills up to `capacity` bytes; *count is short only at the end of the stream, 0 behind it. */
FALLIBLE input_read(struct input *input, void *data, size_t capacity, size_t *count,
                    struct err *err);

/* Passes over `count` bytes of an input that is not summed up; a plain file is not read for it.
 * That the stream ends before is told by the next read, which gives nothing. */
FALLIBLE input_skip(struct input *input, uint64_t count, struct err *err);

/* Lent until input_close. */
const char *input_name(const struct input *input);

/* Bytes taken from the file so far, as stored: for progress. */
uint64_t input_stored_bytes(const struct input *input);

/* Before the first read: from now on all of the file is summed up as it comes by. Once it has been
 * read to its end, input_checksum is the XXH64 of the file as stored. */
FALLIBLE input_sum(struct input *input, struct err *err);
uint64_t input_checksum(const struct input *input);

struct output;

/* Starts `path`.tmp, replacing what an earlier crash left there. With `packed` the bytes are
 * written as one zstd stream. "-" is standard output, which is not staged. */
FALLIBLE output_open(struct output **output, const char *path, bool packed, struct err *err);
FALLIBLE output_write(struct output *output, const void *data, size_t count, struct err *err);

/* Flushes, fsyncs, closes and renames to the final name; frees the output whatever happens.
 * `bytes` and `checksum` (XXH64 of the file as stored) may be NULL. */
FALLIBLE output_commit(struct output *output, uint64_t *bytes, uint64_t *checksum, struct err *err);

/* The same without fsync: for scratch, and for one of many files that are made durable together
 * (disk_sync). */
FALLIBLE output_commit_unsynced(struct output *output, uint64_t *bytes, uint64_t *checksum,
                                struct err *err);

/* Closes, removes the temporary file, frees. Accepts NULL. */
void output_discard(struct output *output);

#endif
