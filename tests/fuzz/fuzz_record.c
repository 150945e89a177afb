/* The bytes as the value of a record: the first byte chooses the encoding, and for those that are
 * no connections the log. Framed data may name a schema that is mapped: ours or a foreign one.
 * Packed ones are read once more as frames with right checksums (tests/framing.h). What decodes
 * must be events, and come back the same through the encoder; or a record of its log. */
#include "stages/decode/record_decoder.h"
#include "stages/decode/record_encoder.h"
#include "tests/framing.h"
#include "tests/fuzz/fact_schema.h"
#include "tests/fuzz/memory_file.h"

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
    require(!failed(status));
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

enum { OURS, FOREIGN, FACTS, MAPPED = FACTS + FACT_LOGS };

/* Schemas by id: ours, the foreign one, and one of each other log. */
static struct schema_registry *registry_open(void) {
    struct names maps = {0};
    struct memory_file files[MAPPED];
    struct schema_registry *registry;
    for (int id = 0; id < MAPPED; id++) {
        char facts[FACT_SCHEMA_BYTES] = "";
        char map[sizeof files[id].path + 16];
        if (id >= FACTS) {
            fact_schema_write((enum fact_log)(id - FACTS), facts);
        }
        const char *text = id == OURS ? connections_schema : id == FOREIGN ? other_order : facts;
        files[id] = memory_file_open((const uint8_t *)text, strlen(text));
        (void)snprintf(map, sizeof map, "%d=%s", id, files[id].path);
        require(!failed(names_add(&maps, map, NULL)));
    }
    require(!failed(
        schema_registry_open(&registry, &(struct schema_registry_options){.maps = &maps}, NULL)));
    for (int id = 0; id < MAPPED; id++) {
        memory_file_close(&files[id]);
    }
    names_release(&maps);
    return registry;
}

/* The same from run to run; anew now and then, as ids that are not mapped are kept too. */
static struct schema_registry *registry_lent(void) {
    enum { RUNS = 256 };
    static struct schema_registry *registry;
    static unsigned runs;
    if (runs++ % RUNS == 0) {
        schema_registry_close(registry);
        registry = registry_open();
    }
    return registry;
}

static void events_read(enum record_encoding encoding, bool is_foreign, const uint8_t *value,
                        size_t bytes) {
    struct record_decoder *decoder;
    const struct record_decoder_options options = {
        .encoding = encoding,
        .registry = registry_lent(),
        .writer_schema = is_foreign ? other_order : NULL,
    };
    require(!failed(record_decoder_open(&decoder, &options, NULL)));
    const struct event *events;
    size_t count;
    decode(decoder, value, bytes, &events, &count);
    if (count > 0 && !is_foreign) {
        round_trip(decoder, encoding, events, count);
    }
    record_decoder_close(decoder);
}

static void fact_read(enum record_encoding encoding, enum fact_log log, const uint8_t *value,
                      size_t bytes) {
    struct record_decoder *decoder;
    const struct record_decoder_options options = {
        .encoding = encoding, .registry = registry_lent(), .is_of_facts = true, .log = log};
    require(!failed(record_decoder_open(&decoder, &options, NULL)));
    struct fact fact;
    bool is_malformed;
    char reason[MALFORMED_REASON_BYTES] = "";
    require(!failed(
        record_decoder_decode_fact(decoder, value, bytes, &fact, &is_malformed, reason, NULL)));
    require(is_malformed == (reason[0] != '\0'));
    for (size_t i = 0; i < fact_shapes[log].field_count && !is_malformed; i++) {
        const struct fact_field *field = &fact_shapes[log].fields[i];
        bool is_known = (fact.known >> i & 1) != 0;
        require(is_known ? fact_value_fits(field, fact.value[i]) : !field->is_required);
    }
    record_decoder_close(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { CONNECTIONS = RECORD_ENCODINGS + 1, WAYS = CONNECTIONS + 2 * FACT_LOGS };
    if (size < 1) {
        return 0;
    }
    int way = data[0] % WAYS;
    size_t bytes = size - 1;
    uint8_t *copy = malloc(bytes + (bytes == 0)); /* of exactly its size */
    require(copy != NULL);
    memcpy(copy, data + 1, bytes);
    if (way < CONNECTIONS) {
        bool is_foreign = way == RECORD_ENCODINGS;
        events_read(is_foreign ? RECORD_AVRO_BARE : (enum record_encoding)way, is_foreign, copy,
                    bytes);
        if (!is_foreign && way == RECORD_PACKED) {
            struct framing framing = {0};
            framing_from_fuzz(&framing, copy, bytes);
            events_read(RECORD_PACKED, false, framing.file.data, framing.file.count);
            framing_release(&framing);
        }
    } else {
        way -= CONNECTIONS;
        fact_read(way < FACT_LOGS ? RECORD_AVRO : RECORD_JSON, (enum fact_log)(way % FACT_LOGS),
                  copy, bytes);
    }
    free(copy);
    return 0;
}
