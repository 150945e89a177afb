/* Tables to files: one interface, three implementations (csv_table.c, parquet_table.c and
 * outbox_table.c, whose file is what Kafka is going to get).
 *
 * Rows arrive in batches of columns and leave in the same bytes however they are batched. A file
 * takes its final name only when it is complete (stages/base/stream.h).
 *
 * All formats hold the same values. Text leaves as UTF-8 whatever arrives: each byte that belongs
 * to no well-formed sequence (RFC 3629) becomes '?', in all formats alike.
 *
 * Lifecycle: table_writer_open, any number of table_writer_append, then table_writer_commit or
 * table_writer_discard, either of which frees the writer. After a failed append only the discard
 * is allowed.
 */
#ifndef TIEFLOW_STAGES_SINK_TABLE_WRITER_H
#define TIEFLOW_STAGES_SINK_TABLE_WRITER_H

#include "schemas/status.h"
#include "schemas/tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_format { TABLE_CSV, TABLE_PARQUET, TABLE_OUTBOX, TABLE_FORMATS };

/* The values of one column, by its type; lent for the call. Times lie within LIMIT_TIME_MIN_MS..
 * LIMIT_TIME_MAX_MS; doubles are finite; texts are NUL-terminated, at most LIMIT_DOCUMENT_BYTES
 * long; flags are 0 or 1. In a nullable column a value may also be the null of its type
 * (schemas/tables.h). Anything else is the caller's mistake. */
union column_values {
    const uint64_t *u64;
    const struct optional_u64 *optional_u64; /* COLUMN_U64, nullable */
    const uint32_t *u32;
    const int64_t *time_ms;
    const double *f64;
    const char *const *text;
    const uint8_t *flag; /* COLUMN_BOOL */
};

/* Whether the column, of those values, has none in `row`. */
bool column_is_null(const struct column *column, const union column_values *values, size_t row);

/* A key and a value that the file carries about itself (Parquet's key-value metadata; CSV has no
 * place for them, they stand in manifest.json beside it; an outbox stamps each record with some of
 * them, which it needs: outbox_table.h). */
struct table_note {
    const char *key;
    const char *value;
};

/* How a table is written. */
struct table_options {
    const struct table_note *notes; /* copied */
    size_t note_count;
    unsigned threads;     /* that may work for a Parquet table, the caller's included; 0 is 1 */
    bool is_synced_later; /* the file is made durable by the caller (disk_sync), with others */
};

struct table_writer;

/* Starts `folder`/<table->name>.csv, .parquet or .outbox in a folder that exists. Keeps `table` (a
 * constant of schemas/tables.h). *writer is NULL on failure. */
FALLIBLE table_writer_open(struct table_writer **writer, enum table_format format,
                           const char *folder, const struct table *table,
                           const struct table_options *options, struct err *err);

/* Appends `rows` rows; `columns` has table->column_count members in the table's order. Memory
 * stays bounded however many rows there are: one buffer (CSV, outbox) or row groups (Parquet: one,
 * or one more than threads).
 * FAILURE_DATA where a row is too long for a record of an outbox. */
FALLIBLE table_writer_append(struct table_writer *writer, const union column_values *columns,
                             size_t rows, struct err *err);

/* What was published: for the manifest. */
struct table_file {
    uint64_t rows;
    uint64_t bytes;
    uint64_t checksum; /* XXH64 of the file */
};

/* Completes and publishes the file; frees the writer whatever happens. `file` may be NULL. */
FALLIBLE table_writer_commit(struct table_writer *writer, struct table_file *file, struct err *err);

/* Leaves no file behind. Accepts NULL. */
void table_writer_discard(struct table_writer *writer);

/* ".csv", ".parquet" or ".outbox". */
const char *table_format_ending(enum table_format format);

#endif
