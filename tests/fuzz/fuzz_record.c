/* The bytes as the value of a record: the first byte chooses the encoding. What decodes must be
 * events, and come back the same through the encoder. */
#include "stages/decode/record_decoder.h"
#include "stages/decode/record_encoder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char other_order[] =
    "{\"type\":\"record\",\"name\":\"e\",\"fields\":[{\"name\":\"to\",\"type\":[\"null\",\"long\"]}"
    ","
    "{\"name\":\"tags\",\"type\":{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":"
    "\"null\"}}"
    "},{\"name\":\"origin\",\"type\":[\"string\",\"null\"]},{\"name\":\"from\",\"type\":\"int\"},"
    "{\"name\":\"kind\",\"type\":{\"type\":\"enum\",\"name\":\"k\",\"symbols\":[\"connect\","
    "\"other\","
    "\"disconnect\"]}},{\"name\":\"at\",\"type\":\"long\"}]}";

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

static void decode(struct record_decoder *decoder, const uint8_t *value, size_t bytes,
                   const struct event **events, size_t *count) {
    bool is_malformed;
    char reason[MALFORMED_REASON_BYTES] = "";
    struct status status =
        record_decoder_decode(decoder, value, bytes, events, count, &is_malformed, reason, NULL);
    require(!failed(status) || status.failure == FAILURE_DATA); /* a schema that is not mapped */
    if (failed(status)) {
        *count = 0;
        return;
    }
    require(is_malformed == (*count == 0) && is_malformed == (reason[0] != '\0'));
    for (size_t i = 0; i < *count; i++) {
        const struct event *event = &(*events)[i];
        require(event_time_is_valid(event->at_ms) && event->kind < EVENT_KINDS &&
                event->origin < EVENT_ORIGINS);
    }
}

/* Encodes the events anew; they must decode to the same. */
static void round_trip(struct record_decoder *decoder, enum record_encoding encoding,
                       const struct event *events, size_t count) {
    struct event *before = malloc(count * sizeof *before);
    struct bytes value = {0};
    const struct event *after;
    size_t after_count;
    require(before != NULL);
    memcpy(before, events, count * sizeof *before);
    require(!failed(record_encode(encoding, 0, before, count, &value, NULL)));
    decode(decoder, value.data, value.count, &after, &after_count);
    require(after_count == count);
    for (size_t i = 0; i < count; i++) {
        require(after[i].at_ms == before[i].at_ms && after[i].from.v == before[i].from.v &&
                after[i].to.v == before[i].to.v && after[i].kind == before[i].kind &&
                after[i].origin == before[i].origin);
    }
    bytes_release(&value);
    free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) {
        return 0;
    }
    bool is_foreign = data[0] % (RECORD_ENCODINGS + 1) == RECORD_ENCODINGS;
    enum record_encoding encoding =
        is_foreign ? RECORD_AVRO_BARE : (enum record_encoding)(data[0] % (RECORD_ENCODINGS + 1));
    struct schema_registry *registry;
    struct record_decoder *decoder;
    require(!failed(schema_registry_open(&registry, &(struct schema_registry_options){0}, NULL)));
    const struct record_decoder_options options = {
        .encoding = encoding,
        .registry = registry,
        .writer_schema = is_foreign ? other_order : NULL,
    };
    require(!failed(record_decoder_open(&decoder, &options, NULL)));
    size_t bytes = size - 1;
    uint8_t *copy = malloc(bytes + (bytes == 0)); /* of exactly its size */
    require(copy != NULL);
    memcpy(copy, data + 1, bytes);
    const struct event *events;
    size_t count;
    decode(decoder, copy, bytes, &events, &count);
    if (count > 0 && !is_foreign && encoding != RECORD_AVRO) {
        round_trip(decoder, encoding, events, count);
    }
    free(copy);
    record_decoder_close(decoder);
    schema_registry_close(registry);
    return 0;
}
