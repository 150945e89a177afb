/* Events to log files in tieflow's own formats: CSV, NDJSON, packed frames; and to Avro.
 *
 * Lifecycle: log_writer_open, log_writer_put, then log_writer_commit or log_writer_discard, either
 * of which frees the writer. The file appears under its name only when it is complete.
 */
#ifndef TIEFLOW_STAGES_DECODE_LOG_WRITER_H
#define TIEFLOW_STAGES_DECODE_LOG_WRITER_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/decode/log_reader.h"

#include <stddef.h>
#include <stdint.h>

struct log_writer;

/* The format that a file's name asks for: .csv, .ndjson (each also .zst), .tfp (packed) or .avro;
 * -1 for other endings. *zstd tells whether the name ends in .zst. */
int log_format_of_name(const char *path, bool *zstd);

/* `format` is LOG_CSV, LOG_NDJSON, LOG_PACKED or LOG_AVRO; with `zstd` text is written as a zstd
 * stream. */
FALLIBLE log_writer_open(struct log_writer **writer, const char *path, enum log_format format,
                         bool zstd, struct err *err);
FALLIBLE log_writer_put(struct log_writer *writer, const struct event *events, size_t count,
                        struct err *err);

/* `bytes` and `checksum` as in output_commit; each may be NULL. */
FALLIBLE log_writer_commit(struct log_writer *writer, uint64_t *bytes, uint64_t *checksum,
                           struct err *err);
void log_writer_discard(struct log_writer *writer);

#endif
