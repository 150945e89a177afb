/* The JSON text of an Avro schema, checked before a library sees it.
 *
 * A text that passes is a schema of the Avro specification whose size, depth and names are bounded,
 * in which every name is defined once and before it is used. Libraries that parse schemas by
 * recursion, and forget memory where a text is wrong, then meet none that is.
 *
 * Source: Apache Avro 1.11 specification, "Schema Declaration" and "Names".
 */
#ifndef TIEFLOW_STAGES_DECODE_SCHEMA_TEXT_H
#define TIEFLOW_STAGES_DECODE_SCHEMA_TEXT_H

#include "schemas/status.h"

#include <stddef.h>

/* FAILURE_DATA says what is wrong and where in the schema, without naming the schema. Also refused:
 * a field "at" at the top whose logical type is a time in another unit than milliseconds. */
FALLIBLE schema_text_check(const char *text, size_t bytes, struct err *err);

#endif
