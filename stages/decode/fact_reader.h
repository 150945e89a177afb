/* Files of the logs beside the connections to records: CSV, NDJSON, and Avro object container files
 * of the schemas of these logs (schemas/NAME.avsc) and of any other that reads as them.
 *
 * The format is told by content, as for connections: the magic of Avro; '{' first on the first line
 * with anything on it is NDJSON; all else is CSV. Any may be packed by zstd. CSV has a header with
 * the names of the shape's fields, in any order; columns with other names are passed over, fields
 * that need not be there may have no column. An empty value, a null and a missing key are a field
 * left out. A file that is empty, or has a header only, has no records.
 *
 * Records come in file order, and are numbered from 0, good or malformed alike; a malformed one is
 * handed out with its line and the reason. What is wrong with the file itself is an error.
 */
#ifndef TIEFLOW_STAGES_DECODE_FACT_READER_H
#define TIEFLOW_STAGES_DECODE_FACT_READER_H

#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/base/stream.h"
#include "stages/decode/log_reader.h"

#include <stdbool.h>
#include <stddef.h>

struct fact_reader;

/* Takes over `input` (closed with the reader, also when this fails) and reads what stands before
 * the first record. `chunk_bytes` are read at a time, 0 is the default; the records do not depend
 * on it. FAILURE_DATA names the file and what is wrong with it. */
FALLIBLE fact_reader_open(struct fact_reader **reader, struct input *input, enum fact_log log,
                          size_t chunk_bytes, struct err *err);

/* Fills up to `capacity` (at least 1) records. Stops early at a malformed one: the records before
 * it are handed out first, then *is_malformed is set with a count of 0 and `malformed` filled. Both
 * zero: the end of the file. */
FALLIBLE fact_reader_next(struct fact_reader *reader, struct fact *facts, size_t capacity,
                          size_t *count, bool *is_malformed, struct malformed *malformed,
                          struct err *err);

/* The format found: LOG_CSV, LOG_NDJSON or LOG_AVRO. */
enum log_format fact_reader_format(const struct fact_reader *reader);

/* Borrowed: for progress and messages. */
const struct input *fact_reader_input(const struct fact_reader *reader);

/* Accepts NULL. */
void fact_reader_close(struct fact_reader *reader);

#endif
