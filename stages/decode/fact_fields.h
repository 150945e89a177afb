/* Fields of the logs beside the connections, out of text and JSON: values, or the reason where they
 * are none. */
#ifndef TIEFLOW_STAGES_DECODE_FACT_FIELDS_H
#define TIEFLOW_STAGES_DECODE_FACT_FIELDS_H

#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/decode/log_reader.h"
#include "stages/decode/text_lines.h"

#include <stdbool.h>
#include <stddef.h>

/* The record that leaves every field out: defaults are known, the rest is not. */
void fact_begin(const struct fact_shape *shape, struct fact *fact);

/* Enters one field as it stands in a text log, which need not be NUL-terminated; the empty text is
 * a field that is left out. False, with a reason that names the field, for a value that may not
 * stand there. */
bool fact_field_parse(const struct fact_shape *shape, size_t field, const char *text, size_t bytes,
                      struct fact *fact, char reason[MALFORMED_REASON_BYTES]);

/* Enters a value of a field that has no name for it; the same. `value` of a time is its two's
 * complement. */
bool fact_field_set(const struct fact_shape *shape, size_t field, uint64_t value, struct fact *fact,
                    char reason[MALFORMED_REASON_BYTES]);

/* Parses the text of one JSON object. *is_fact is false, and `reason` filled, for a text that is no
 * record of the log. Fails only for want of memory. */
FALLIBLE fact_json_parse(const struct fact_shape *shape, const struct text_record *record,
                         struct fact *fact, bool *is_fact, char reason[MALFORMED_REASON_BYTES],
                         struct err *err);

#endif
