/* Connection logs as NDJSON (one JSON object per line), read and written. */
#ifndef TIEFLOW_STAGES_DECODE_NDJSON_H
#define TIEFLOW_STAGES_DECODE_NDJSON_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/decode/text_format.h"

#include <stddef.h>

extern const struct text_format ndjson_format;

/* Appends one line with all five keys per event; the events are valid. */
FALLIBLE ndjson_put_events(struct bytes *out, const struct event *events, size_t count,
                           struct err *err);

#endif
