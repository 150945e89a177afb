/* Connection logs as CSV (RFC 4180), read and written. */
#ifndef TIEFLOW_STAGES_DECODE_CSV_H
#define TIEFLOW_STAGES_DECODE_CSV_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/decode/text_format.h"

#include <stddef.h>

extern const struct text_format csv_format;

/* Appends the header line. */
FALLIBLE csv_put_header(struct bytes *out, struct err *err);

/* Appends one line of all five columns per event; the events are valid. */
FALLIBLE csv_put_events(struct bytes *out, const struct event *events, size_t count,
                        struct err *err);

#endif
