/* Schemas that were met stay, sorted by their id, with the last one at hand: nearly every record
 * has the schema of the record before it. */
#include "stages/decode/record_decoder.h"

#include "schemas/limits.h"
#include "stages/base/frame.h"
#include "stages/decode/avro_datum.h"
#include "stages/decode/avro_schema.h"
#include "stages/decode/fact_fields.h"
#include "stages/decode/fields.h"
#include "stages/decode/ndjson.h"
#include "stages/decode/packed.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMING_BYTES = 5, SCHEMA_NAME_BYTES = 32 };

static const char *const encoding_names[RECORD_ENCODINGS] = {"avro", "avro-bare", "json", "packed"};

struct known {
    uint32_t id;
    struct writer_schema *schema; /* NULL: ours, whose data are decoded directly */
    char *why_not; /* the schema cannot be used: why its records are malformed. Else NULL */
};

struct record_decoder {
    enum record_encoding encoding;
    struct schema_registry *registry;
    bool is_of_facts;
    enum fact_log log;
    struct writer_schema *bare; /* NULL: the known schema */
    struct known *schemas;      /* ascending ids */
    size_t schema_count;
    size_t schema_capacity;
    size_t last; /* the schema of the record before; valid while schema_count > 0 */
    struct event event;
    struct fact fact;
    struct event *events; /* of packed frames */
    size_t event_capacity;
    struct bytes payload;
};

const char *record_encoding_name(enum record_encoding encoding) {
    return encoding_names[encoding];
}

int record_encoding_parse(const char *name) {
    for (int i = 0; i < RECORD_ENCODINGS; i++) {
        if (strcmp(encoding_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

struct status record_decoder_open(struct record_decoder **decoder,
                                  const struct record_decoder_options *options, struct err *err) {
    assert((unsigned)options->encoding < RECORD_ENCODINGS);
    assert(options->encoding != RECORD_AVRO || options->registry != NULL);
    assert(!options->is_of_facts || options->encoding == RECORD_AVRO ||
           options->encoding == RECORD_JSON);
    struct record_decoder *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "a record decoder");
    }
    made->encoding = options->encoding;
    made->registry = options->registry;
    made->is_of_facts = options->is_of_facts;
    made->log = options->log;
    const char *text = options->writer_schema;
    if (options->encoding == RECORD_AVRO_BARE && text != NULL) {
        struct err inner = {0};
        struct status status =
            writer_schema_new(&made->bare, text, strlen(text), "the writer schema", &inner);
        if (failed(status)) {
            record_decoder_close(made);
            return err_set(err, status.failure == FAILURE_DATA ? FAILURE_CONFIG : status.failure,
                           "%s", inner.text);
        }
    }
    *decoder = made;
    return status_ok();
}

void record_decoder_close(struct record_decoder *decoder) {
    if (decoder == NULL) {
        return;
    }
    for (size_t i = 0; i < decoder->schema_count; i++) {
        writer_schema_free(decoder->schemas[i].schema);
        free(decoder->schemas[i].why_not);
    }
    free(decoder->schemas);
    writer_schema_free(decoder->bare);
    free(decoder->events);
    bytes_release(&decoder->payload);
    free(decoder);
}

/* ---- Avro ---- */

/* Where the id stands, or would have to. */
static size_t schema_place(const struct record_decoder *decoder, uint32_t id) {
    size_t low = 0;
    size_t high = decoder->schema_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (decoder->schemas[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Asks for the schema of an id. One that does not exist, or is not of the log, is the fault of the
 * records that name it. */
static struct status schema_load(const struct record_decoder *decoder, struct known *known,
                                 struct err *err) {
    const char *text;
    char name[SCHEMA_NAME_BYTES];
    struct err inner = {0};
    (void)snprintf(name, sizeof name, "schema %" PRIu32, known->id); /* always fits */
    struct status status = schema_registry_get(decoder->registry, known->id, &text, &inner);
    if (!failed(status)) {
        status = decoder->is_of_facts
                     ? writer_schema_new_facts(&known->schema, decoder->log, text, strlen(text),
                                               name, &inner)
                     : writer_schema_new(&known->schema, text, strlen(text), name, &inner);
    }
    if (!failed(status) && writer_schema_is_known(known->schema)) {
        writer_schema_free(known->schema);
        known->schema = NULL;
    }
    if (status.failure == FAILURE_DATA) {
        known->schema = NULL;
        known->why_not = strdup(inner.text);
        return known->why_not != NULL ? status_ok() : err_memory(err, sizeof inner, "a reason");
    }
    return failed(status) ? err_set(err, status.failure, "%s", inner.text) : status_ok();
}

/* Enters the schema of an id at its place. */
static struct status schema_enter(struct record_decoder *decoder, uint32_t id, size_t place,
                                  struct err *err) {
    if (decoder->schema_count == decoder->schema_capacity) {
        size_t capacity = 2 * decoder->schema_capacity + 4;
        struct known *grown = realloc(decoder->schemas, capacity * sizeof *grown);
        if (grown == NULL) {
            return err_memory(err, capacity * sizeof *grown, "Avro schemas");
        }
        decoder->schemas = grown;
        decoder->schema_capacity = capacity;
    }
    struct known known = {.id = id};
    TRY(schema_load(decoder, &known, err));
    memmove(decoder->schemas + place + 1, decoder->schemas + place,
            (decoder->schema_count - place) * sizeof *decoder->schemas);
    decoder->schemas[place] = known;
    decoder->schema_count++;
    return status_ok();
}

static struct status schema_find(struct record_decoder *decoder, uint32_t id,
                                 const struct known **known, struct err *err) {
    if (decoder->schema_count == 0 || decoder->schemas[decoder->last].id != id) {
        size_t place = schema_place(decoder, id);
        if (place == decoder->schema_count || decoder->schemas[place].id != id) {
            TRY(schema_enter(decoder, id, place, err));
        }
        decoder->last = place;
    }
    *known = &decoder->schemas[decoder->last];
    return status_ok();
}

/* One datum and nothing behind it. `schema` NULL: the known one. */
static struct status datum_decode(struct record_decoder *decoder, struct writer_schema *schema,
                                  const uint8_t *data, size_t bytes, bool *is_event,
                                  char reason[MALFORMED_REASON_BYTES], struct err *err) {
    struct cursor cursor = cursor_over(data, bytes);
    enum datum_outcome outcome;
    if (decoder->is_of_facts) {
        TRY(writer_schema_decode_fact(schema, &cursor, &decoder->fact, &outcome, reason, err));
    } else if (schema == NULL) {
        outcome = avro_datum_decode(&cursor, &decoder->event, reason);
    } else {
        TRY(writer_schema_decode(schema, &cursor, &decoder->event, &outcome, reason, err));
    }
    *is_event = outcome == DATUM_EVENT && cursor_left(&cursor) == 0;
    if (outcome == DATUM_EVENT && !*is_event) {
        reason_set(reason,
                   "%zu bytes are left behind the Avro datum: was it written with another "
                   "schema?",
                   cursor_left(&cursor));
    }
    return status_ok();
}

static struct status framed_decode(struct record_decoder *decoder, const uint8_t *value,
                                   size_t bytes, bool *is_event,
                                   char reason[MALFORMED_REASON_BYTES], struct err *err) {
    *is_event = false;
    if (value[0] != 0) {
        reason_set(reason, "not framed: first byte 0x%02x; %s", value[0],
                   value[0] == '{' ? "is --encoding json meant?"
                                   : "byte 0 and a schema id are expected");
        return status_ok();
    }
    if (bytes < FRAMING_BYTES) {
        reason_set(reason, "cut off inside the schema id: %zu bytes", bytes);
        return status_ok();
    }
    uint32_t id =
        (uint32_t)value[1] << 24 | (uint32_t)value[2] << 16 | (uint32_t)value[3] << 8 | value[4];
    const struct known *known;
    TRY(schema_find(decoder, id, &known, err));
    if (known->why_not != NULL) {
        reason_set(reason, "%s", known->why_not);
        return status_ok();
    }
    return datum_decode(decoder, known->schema, value + FRAMING_BYTES, bytes - FRAMING_BYTES,
                        is_event, reason, err);
}

/* ---- packed ---- */

static struct status events_reserve(struct record_decoder *decoder, size_t count, struct err *err) {
    if (count <= decoder->event_capacity) {
        return status_ok();
    }
    size_t capacity = count + decoder->event_capacity / 2;
    struct event *grown = realloc(decoder->events, capacity * sizeof *grown);
    if (grown == NULL) {
        return err_memory(err, capacity * sizeof *grown, "events");
    }
    decoder->events = grown;
    decoder->event_capacity = capacity;
    return status_ok();
}

/* Frames and events since the last END frame. */
struct frames {
    uint64_t items;
    uint64_t frames;
};

/* Decodes the frame at `value` behind the *count events that there are. */
static struct status frame_take(struct record_decoder *decoder, const uint8_t *value, size_t bytes,
                                struct frames *frames, size_t *count, size_t *used,
                                struct err *err) {
    struct frame frame;
    TRY(frame_decode(value, bytes, &frame, &decoder->payload, used, err));
    if (frame.kind == FRAME_END) {
        if ((uint64_t)frame.first != frames->items || (uint64_t)frame.last != frames->frames) {
            return err_set(err, FAILURE_DATA,
                           "END frame promises %" PRId64 " items in %" PRId64 " frames, there are "
                           "%" PRIu64 " in %" PRIu64,
                           frame.first, frame.last, frames->items, frames->frames);
        }
        *frames = (struct frames){0};
        return status_ok();
    }
    if (frame.items > LIMIT_FRAME_ITEMS - *count) {
        return err_set(err, FAILURE_DATA, "more than %u events in one record", LIMIT_FRAME_ITEMS);
    }
    TRY(events_reserve(decoder, *count + frame.items + 1, err)); /* +1: never NULL */
    TRY(packed_decode(&frame, &decoder->payload, decoder->events + *count, err));
    frames->items += frame.items;
    frames->frames++;
    *count += frame.items;
    return status_ok();
}

static struct status packed_record_decode(struct record_decoder *decoder, const uint8_t *value,
                                          size_t bytes, size_t *count,
                                          char reason[MALFORMED_REASON_BYTES], struct err *err) {
    struct frames frames = {0};
    size_t at = 0;
    *count = 0;
    while (at < bytes) {
        struct err inner = {0};
        size_t used = 0;
        struct status status =
            frame_take(decoder, value + at, bytes - at, &frames, count, &used, &inner);
        if (status.failure == FAILURE_DATA) {
            reason_set(reason, "frame at byte %zu: %s", at, inner.text);
            *count = 0;
            return status_ok();
        }
        if (failed(status)) {
            return err_set(err, status.failure, "%s", inner.text);
        }
        at += used;
    }
    if (*count == 0) {
        reason_set(reason, "frames without events");
    }
    return status_ok();
}

/* ---- all ---- */

static struct status json_record_decode(struct record_decoder *decoder, const uint8_t *value,
                                        size_t bytes, bool *is_record,
                                        char reason[MALFORMED_REASON_BYTES], struct err *err) {
    static const struct time_rule milliseconds = {.multiply = 1, .divide = 1};
    const struct text_record record = {
        .text = (const char *)value,
        .bytes = bytes,
        .too_long = bytes > LIMIT_RECORD_BYTES,
    };
    if (decoder->is_of_facts) {
        return fact_json_parse(&fact_shapes[decoder->log], &record, &decoder->fact, is_record,
                               reason, err);
    }
    return json_event_parse(&milliseconds, &record, &decoder->event, is_record, reason, err);
}

static bool is_nothing(const uint8_t *value, size_t bytes, char reason[MALFORMED_REASON_BYTES]) {
    if (value != NULL && bytes != 0) {
        return false;
    }
    reason_set(reason, "%s", value == NULL ? "no value: a tombstone" : "an empty value");
    return true;
}

struct status record_decoder_decode(struct record_decoder *decoder, const uint8_t *value,
                                    size_t bytes, const struct event **events, size_t *count,
                                    bool *is_malformed, char reason[MALFORMED_REASON_BYTES],
                                    struct err *err) {
    bool is_event = false;
    assert(!decoder->is_of_facts);
    *count = 0;
    *is_malformed = true;
    if (is_nothing(value, bytes, reason)) {
        return status_ok();
    }
    *events = &decoder->event;
    switch (decoder->encoding) {
    case RECORD_AVRO:
        TRY(framed_decode(decoder, value, bytes, &is_event, reason, err));
        break;
    case RECORD_AVRO_BARE:
        TRY(datum_decode(decoder, decoder->bare, value, bytes, &is_event, reason, err));
        break;
    case RECORD_JSON:
        TRY(json_record_decode(decoder, value, bytes, &is_event, reason, err));
        break;
    default:
        TRY(packed_record_decode(decoder, value, bytes, count, reason, err));
        *events = decoder->events;
        *is_malformed = *count == 0;
        return status_ok();
    }
    *count = is_event;
    *is_malformed = !is_event;
    return status_ok();
}

struct status record_decoder_decode_fact(struct record_decoder *decoder, const uint8_t *value,
                                         size_t bytes, struct fact *fact, bool *is_malformed,
                                         char reason[MALFORMED_REASON_BYTES], struct err *err) {
    bool is_fact = false;
    assert(decoder->is_of_facts);
    *is_malformed = true;
    if (is_nothing(value, bytes, reason)) {
        return status_ok();
    }
    TRY(decoder->encoding == RECORD_JSON
            ? json_record_decode(decoder, value, bytes, &is_fact, reason, err)
            : framed_decode(decoder, value, bytes, &is_fact, reason, err));
    *is_malformed = !is_fact;
    *fact = decoder->fact;
    return status_ok();
}
