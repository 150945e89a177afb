/* Connections as JSON objects, read and written: one per line of an NDJSON log, or one per Kafka
 * record. */
#ifndef TIEFLOW_STAGES_DECODE_NDJSON_H
#define TIEFLOW_STAGES_DECODE_NDJSON_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/base/json.h"
#include "stages/decode/fields.h"
#include "stages/decode/text_format.h"

#include <stdbool.h>
#include <stddef.h>

extern const struct text_format ndjson_format;

/* Parses the text of one object. Where the rule does not read the time, the event's is left as it
 * is. *is_event is false, and `reason` filled, for a text that is no connection. Fails only for
 * want of memory. */
FALLIBLE json_event_parse(const struct time_rule *rule, const struct text_record *record,
                          struct event *event, bool *is_event, char reason[MALFORMED_REASON_BYTES],
                          struct err *err);

/* The same for any kind of record: the value that is its text, which the caller frees; NULL, and
 * `reason` filled, where it is no JSON. */
FALLIBLE json_record_parse(const struct text_record *record, struct json **root,
                           char reason[MALFORMED_REASON_BYTES], struct err *err);

/* The text of one key of an object, lent: a number as written, or a string; "" where the key is
 * missing or null. False, with a reason, for any other value. */
bool json_key_text(const struct json *object, const char *key, const char **text,
                   char reason[MALFORMED_REASON_BYTES]);

/* Appends one line with all five keys per event; the events are valid. */
FALLIBLE ndjson_put_events(struct bytes *out, const struct event *events, size_t count,
                           struct err *err);

#endif
