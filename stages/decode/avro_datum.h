/* The Avro datum of a connection as schemas/connections.avsc has it, decoded and encoded without a
 * library; and the integers of Avro, of which it is made.
 *
 * Integers are zigzag, seven bits to a byte, lowest first; a byte with a top bit is not the last.
 *
 *   BYTES     DESCRIPTION
 *   1 to 10   at, milliseconds since 1970 UTC
 *   1 to 10   from, the 64-bit id in two's complement
 *   1 to 10   to, likewise
 *   1         kind, the ordinal of the symbol = enum event_kind
 *   1         origin, likewise enum event_origin
 */
#ifndef TIEFLOW_STAGES_DECODE_AVRO_DATUM_H
#define TIEFLOW_STAGES_DECODE_AVRO_DATUM_H

#include "schemas/event.h"
#include "schemas/status.h"
#include "stages/base/bytes.h"
#include "stages/base/cursor.h"
#include "stages/decode/log_reader.h"

#include <stdbool.h>
#include <stdint.h>

/* What the bytes of a datum turned out to be. */
enum datum_outcome {
    DATUM_EVENT,
    DATUM_UNFIT,  /* a whole datum, and no event; the next one can be read */
    DATUM_BROKEN, /* no whole datum: where the next one would begin is not known */
};

/* Takes one integer; false, and the cursor broken, where it is cut off or longer than 64 bits. */
bool avro_long_take(struct cursor *cursor, int64_t *value);

/* Appends one integer. */
FALLIBLE avro_long_put(struct bytes *out, int64_t value, struct err *err);

/* Takes one datum of the known schema; what follows it is left. `reason` is filled unless it is an
 * event. */
enum datum_outcome avro_datum_decode(struct cursor *cursor, struct event *event,
                                     char reason[MALFORMED_REASON_BYTES]);

/* Appends the datum of a valid event. */
FALLIBLE avro_datum_encode(const struct event *event, struct bytes *out, struct err *err);

/* Checks the values that every schema's datum ends up with; a reason where they are no event. */
bool avro_time_check(int64_t at_ms, char reason[MALFORMED_REASON_BYTES]);

#endif
