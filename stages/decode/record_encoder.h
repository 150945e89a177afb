/* Events to values of Kafka records: the inverse of record_decoder.h, for replays and tests.
 */
#ifndef TIEFLOW_STAGES_DECODE_RECORD_ENCODER_H
#define TIEFLOW_STAGES_DECODE_RECORD_ENCODER_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/decode/record_decoder.h"

#include <stddef.h>
#include <stdint.h>

/* The Avro schema of connections: the text of schemas/connections.avsc. */
extern const char connections_schema[];

/* Appends the value of one record to `out`. RECORD_PACKED: a frame of `count` events (at least one,
 * at most LIMIT_FRAME_ITEMS); else `count` is 1. `schema_id` is for RECORD_AVRO. */
FALLIBLE record_encode(enum record_encoding encoding, uint32_t schema_id,
                       const struct event *events, size_t count, struct bytes *out,
                       struct err *err);

#endif
