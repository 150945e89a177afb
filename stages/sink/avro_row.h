/* A row of a table as a record of Kafka: its Avro schema, its datum and its key.
 *
 * The schema is that of a record `tieflow.tables.<Table>`. Four fields stand in front of the
 * table's columns and say where the row comes from, since a topic, unlike a file, has no notes
 * about itself:
 *
 *   FIELD         AVRO TYPE                  DESCRIPTION
 *   date          int, date                  the date whose run made the row
 *   run_id        string                     fingerprint of settings and events up to that date
 *   as_of         long, timestamp-millis     the last instant that the run covers
 *   simultaneous  string                     the setting of that name
 *
 *   COLUMN        AVRO TYPE                  DESCRIPTION
 *   U64           long                       two's complement: values from 2^63 on are negative
 *   U32           long
 *   TIME_MS       long, timestamp-millis
 *   F64           double
 *   TEXT          string                     made well-formed as table_writer.h says
 *   BOOL          boolean
 *   nullable      ["null", type]
 *
 * The schemas are a public contract and lie in schemas/tables/, byte for byte what is made here.
 */
#ifndef TIEFLOW_STAGES_SINK_AVRO_ROW_H
#define TIEFLOW_STAGES_SINK_AVRO_ROW_H

#include "schemas/status.h"
#include "schemas/tables.h"
#include "stages/base/bytes.h"
#include "stages/sink/table_writer.h"

#include <stddef.h>
#include <stdint.h>

/* What all rows of one table of one run share. */
struct avro_stamps {
    int64_t date_ms; /* first instant of the date */
    const char *run_id;
    int64_t as_of_ms;
    const char *simultaneous;
};

/* Appends the schema as JSON text, ended by a line feed, without NUL. */
FALLIBLE avro_row_schema(const struct table *table, struct bytes *out, struct err *err);

/* Appends the fields that come first in every datum. The datum of a row is these bytes, then those
 * of avro_row_put. */
FALLIBLE avro_row_stamps(const struct avro_stamps *stamps, struct bytes *out, struct err *err);

/* Appends the fields of one row; `columns` as in table_writer_append. */
FALLIBLE avro_row_put(const struct table *table, const union column_values *columns, size_t row,
                      struct bytes *out, struct err *err);

/* Appends the row's key (struct table_key): UTF-8 text, without NUL. */
FALLIBLE avro_row_key(const struct table *table, const union column_values *columns, size_t row,
                      struct bytes *out, struct err *err);

#endif
