/* A table as CSV (RFC 4180, but with LF): the bytes that go into an output.
 *
 * One header line, then one line per row, each ended by LF. Numbers in decimal, exactly: u64 and
 * u32 as digits, times as milliseconds since 1970 UTC, doubles as the shortest text that reads back
 * as the same double. Flags are true or false. A null is an empty field, as an empty text is. A
 * text that holds a comma, a quote, CR or LF is quoted, its quotes doubled; invalid UTF-8 is
 * replaced as table_writer.h says.
 *
 * Used through table_writer.h alone, which also states what the values may be.
 */
#ifndef TIEFLOW_STAGES_SINK_CSV_TABLE_H
#define TIEFLOW_STAGES_SINK_CSV_TABLE_H

#include "schemas/status.h"
#include "schemas/tables.h"
#include "stages/base/stream.h"
#include "stages/sink/table_writer.h"

#include <stddef.h>

struct csv_table;

/* Borrows `output` and keeps `table` until csv_table_free. *csv is NULL on failure. */
FALLIBLE csv_table_new(struct csv_table **csv, struct output *output, const struct table *table,
                       struct err *err);

/* Accepts NULL. */
void csv_table_free(struct csv_table *csv);

/* Appends `rows` lines; at most one buffer of them is held back. */
FALLIBLE csv_table_append(struct csv_table *csv, const union column_values *columns, size_t rows,
                          struct err *err);

/* Hands the last lines to the output. */
FALLIBLE csv_table_finish(struct csv_table *csv, struct err *err);

#endif
