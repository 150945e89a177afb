/* Values of Kafka records to events: Avro (with Confluent's framing, or bare), JSON, packed frames.
 *
 * A record holds one event, or with packed frames many. A record that is none (malformed) is told
 * as such with the reason, and never ends the reading: bytes that are no datum, and equally a
 * schema that does not exist or is not one of connections. One producer gone astray must not hold
 * up a topic; many such records are for the caller's gate on malformed ones. What does end the
 * reading is a registry that cannot be asked.
 */
#ifndef TIEFLOW_STAGES_DECODE_RECORD_DECODER_H
#define TIEFLOW_STAGES_DECODE_RECORD_DECODER_H

#include "schemas/event.h"
#include "schemas/facts.h"
#include "schemas/status.h"
#include "stages/decode/log_reader.h"
#include "stages/kafka/schema_registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_encoding {
    RECORD_AVRO,      /* byte 0, schema id (4 bytes, big-endian), datum */
    RECORD_AVRO_BARE, /* a datum of the writer schema given in the options */
    RECORD_JSON,      /* an object as in NDJSON */
    RECORD_PACKED, /* one or more frames of stages/decode/packed.h, without an END frame or with */
    RECORD_ENCODINGS,
};

/* "avro", "avro-bare", "json", "packed"; -1 for other names. */
const char *record_encoding_name(enum record_encoding encoding);
int record_encoding_parse(const char *name);

struct record_decoder;

struct record_decoder_options {
    enum record_encoding encoding;
    struct schema_registry *registry; /* RECORD_AVRO; borrowed */
    const char *writer_schema; /* RECORD_AVRO_BARE: JSON text; NULL: schemas/connections.avsc */
    /* The records are of `log`, not of the connections: framed Avro or JSON. */
    bool is_of_facts;
    enum fact_log log;
};

/* FAILURE_CONFIG where the writer schema of bare Avro cannot be read as connections. */
FALLIBLE record_decoder_open(struct record_decoder **decoder,
                             const struct record_decoder_options *options, struct err *err);
/* Accepts NULL. */
void record_decoder_close(struct record_decoder *decoder);

/* Decodes one value (NULL: a tombstone, which is malformed). Events are lent until the next call.
 * Malformed: *count is 0, *is_malformed set, `reason` filled (for a schema, with its id and the
 * field's name). FAILURE_BROKER and FAILURE_PERMISSION from the registry. */
FALLIBLE record_decoder_decode(struct record_decoder *decoder, const uint8_t *value, size_t bytes,
                               const struct event **events, size_t *count, bool *is_malformed,
                               char reason[MALFORMED_REASON_BYTES], struct err *err);

/* The same for a decoder of one of the other logs, a value of which is one record. */
FALLIBLE record_decoder_decode_fact(struct record_decoder *decoder, const uint8_t *value,
                                    size_t bytes, struct fact *fact, bool *is_malformed,
                                    char reason[MALFORMED_REASON_BYTES], struct err *err);

#endif
