/* Writer schemas of others, and their data read as connections or as records of another log: the
 * door to libavro.
 *
 * A schema of connections is known (its data lie as schemas/connections.avsc has them; names of
 * types, docs and defaults do not matter) or it is resolved: fields in another order, fields that
 * we do not have, of any type, fields that it does not have (kind, origin), int for long, unions
 * with null, symbols in another order, kind and origin as strings. Nothing else is a connection. A
 * schema of another log is always resolved, by the same rules: numbers are int or long, choices an
 * enum or string, what need not be there may be missing or null.
 *
 * Lifecycle: writer_schema_new, writer_schema_decode, writer_schema_free. One thread at a time.
 */
#ifndef TIEFLOW_STAGES_DECODE_AVRO_SCHEMA_H
#define TIEFLOW_STAGES_DECODE_AVRO_SCHEMA_H

#include "schemas/event.h"
#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/base/cursor.h"
#include "stages/decode/avro_datum.h"
#include "stages/decode/log_reader.h"

#include <stdbool.h>
#include <stddef.h>

/* What becomes of the process when libavro can have no more memory: it would use what it did not
 * get. `refused` says so and does not return. Until a guard is set, such a process may crash.
 * Borrowed for the life of the process, and called by whichever thread it happens to. */
struct memory_guard {
    void (*refused)(void *context, size_t bytes);
    void *context;
};
void memory_guard_set(struct memory_guard *guard);

struct writer_schema;

/* `text` is the schema's JSON; `name` ("schema 7") is how an error names the schema. Both are
 * borrowed for the call. FAILURE_DATA for what is no schema, is over LIMIT_SCHEMA_BYTES or
 * LIMIT_SCHEMA_DEPTH, or cannot be read as connections: with the field and what is wrong with it.
 */
FALLIBLE writer_schema_new(struct writer_schema **schema, const char *text, size_t bytes,
                           const char *name, struct err *err);
/* The same for records of one of the other logs. */
FALLIBLE writer_schema_new_facts(struct writer_schema **schema, enum fact_log log, const char *text,
                                 size_t bytes, const char *name, struct err *err);
/* Accepts NULL. */
void writer_schema_free(struct writer_schema *schema);

/* True where the data are decoded without libavro. */
bool writer_schema_is_known(const struct writer_schema *schema);

/* Takes one datum from the cursor and leaves what follows it. `reason` is filled unless it is an
 * event. Fails only for want of memory. */
FALLIBLE writer_schema_decode(struct writer_schema *schema, struct cursor *cursor,
                              struct event *event, enum datum_outcome *outcome,
                              char reason[MALFORMED_REASON_BYTES], struct err *err);

/* The same for a schema of writer_schema_new_facts; of DATUM_EVENT, `fact` is filled. */
FALLIBLE writer_schema_decode_fact(struct writer_schema *schema, struct cursor *cursor,
                                   struct fact *fact, enum datum_outcome *outcome,
                                   char reason[MALFORMED_REASON_BYTES], struct err *err);

#endif
