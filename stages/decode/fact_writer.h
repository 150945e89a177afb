/* Records of the logs beside the connections to CSV files that fact readers take.
 *
 * Lifecycle: fact_writer_open, fact_writer_put, then fact_writer_commit or fact_writer_discard,
 * either of which frees the writer. The file appears under its name only when it is complete.
 */
#ifndef TIEFLOW_STAGES_DECODE_FACT_WRITER_H
#define TIEFLOW_STAGES_DECODE_FACT_WRITER_H

#include "schemas/facts.h"
#include "schemas/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fact_writer;

/* Writes the header, the names of the shape's fields. The shape is borrowed until the end; with
 * `zstd` the file is one zstd stream. */
FALLIBLE fact_writer_open(struct fact_writer **writer, const char *path,
                          const struct fact_shape *shape, bool zstd, struct err *err);

/* One line per record: numbers in decimal, choices by name, what is not known left empty. The
 * values fit their fields. */
FALLIBLE fact_writer_put(struct fact_writer *writer, const struct fact *facts, size_t count,
                         struct err *err);

/* `bytes` and `checksum` as in output_commit; each may be NULL. */
FALLIBLE fact_writer_commit(struct fact_writer *writer, uint64_t *bytes, uint64_t *checksum,
                            struct err *err);

/* Accepts NULL. */
void fact_writer_discard(struct fact_writer *writer);

#endif
