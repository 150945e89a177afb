/* A table as an outbox: each row the record that Kafka will get. The value is Avro's datum alone
 * (avro_row.h); the sender frames it with the schema's id, which only it knows.
 *
 * Used through table_writer.h alone, which also states what the values may be. The notes given
 * there are needed here: `tieflow.date`, `tieflow.run_id`, `tieflow.as_of`, `tieflow.simultaneous`,
 * as pipeline/publish.c writes them. One that is missing or unreadable is the caller's mistake.
 */
#ifndef TIEFLOW_STAGES_SINK_OUTBOX_TABLE_H
#define TIEFLOW_STAGES_SINK_OUTBOX_TABLE_H

#include "schemas/status.h"
#include "schemas/tables.h"
#include "stages/base/stream.h"
#include "stages/sink/table_writer.h"

#include <stddef.h>

struct outbox_table;

/* Borrows `output` and keeps `table` until outbox_table_free. *outbox is NULL on failure. */
FALLIBLE outbox_table_new(struct outbox_table **outbox, struct output *output,
                          const struct table *table, const struct table_note *notes,
                          size_t note_count, struct err *err);

/* Accepts NULL. */
void outbox_table_free(struct outbox_table *outbox);

/* FAILURE_DATA where a row is too long for a record (outbox.h). */
FALLIBLE outbox_table_append(struct outbox_table *outbox, const union column_values *columns,
                             size_t rows, struct err *err);

/* Hands what is left to the output, and the end of the file. */
FALLIBLE outbox_table_finish(struct outbox_table *outbox, struct err *err);

#endif
