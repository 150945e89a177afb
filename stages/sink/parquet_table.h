/* A table as Parquet: the bytes that go into an output.
 *
 * Flat schema, zstd pages, statistics for every column and row group; see parquet_column.h for
 * types and pages and parquet_table.c for the layout of the file. Text (notes included) is made
 * valid UTF-8 as table_writer.h says.
 *
 * Used through table_writer.h alone, which also states what the values may be.
 */
#ifndef TIEFLOW_STAGES_SINK_PARQUET_TABLE_H
#define TIEFLOW_STAGES_SINK_PARQUET_TABLE_H

#include "schemas/status.h"
#include "schemas/tables.h"
#include "stages/base/stream.h"
#include "stages/sink/table_writer.h"

#include <stddef.h>

/* Rows in each row group but the last: a column of 8 bytes is a page of 2 MiB, which a reader
 * unpacks within its cache; readers work on whole groups, one per thread, and skip by their
 * statistics. The ties of a group take 22 MiB here until they are written; with t > 1 threads t + 1
 * groups are on their way. */
enum { PARQUET_GROUP_ROWS = 1 << 18 };

/* A row group also ends with the row that brings its texts to this many bytes: it bounds memory
 * where texts are long, and depends on the rows alone. */
enum { PARQUET_GROUP_TEXT_BYTES = 1 << 24 };

struct parquet_table;

/* Borrows `output` and keeps `table` until parquet_table_free; copies the notes. Row groups are
 * encoded on up to `threads` threads, of which the caller's is one; the bytes do not depend on it.
 * *parquet is NULL on failure. */
FALLIBLE parquet_table_new(struct parquet_table **parquet, struct output *output,
                           const struct table *table, const struct table_note *notes,
                           size_t note_count, unsigned threads, struct err *err);

/* Accepts NULL. */
void parquet_table_free(struct parquet_table *parquet);

/* Takes `rows` rows; writes every row group that they fill. */
FALLIBLE parquet_table_append(struct parquet_table *parquet, const union column_values *columns,
                              size_t rows, struct err *err);

/* Writes the last row group, if any rows are left, and the footer. */
FALLIBLE parquet_table_finish(struct parquet_table *parquet, struct err *err);

#endif
