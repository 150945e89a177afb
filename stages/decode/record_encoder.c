/* connections_schema repeats schemas/connections.avsc, and the test compares the two byte by byte.
 * Rejected: to take the file in with the assembler's .incbin, which leaves one text but depends on
 * the folder that is compiled in, is unknown to make's dependencies and to every checker, and is
 * spelled differently by object format. */
#include "stages/decode/record_encoder.h"

#include "schemas/limits.h"
#include "stages/base/frame.h"
#include "stages/decode/avro_datum.h"
#include "stages/decode/ndjson.h"
#include "stages/decode/packed.h"

#include <assert.h>

// clang-format off
const char connections_schema[] =
    "{\n"
    "  \"type\": \"record\",\n"
    "  \"name\": \"connection\",\n"
    "  \"namespace\": \"tieflow\",\n"
    "  \"doc\": \"One record of the connections log: a tie is made or ends. Topics are keyed "
    "by the pair, min:max.\",\n"
    "  \"fields\": [\n"
    "    {\n"
    "      \"name\": \"at\",\n"
    "      \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"},\n"
    "      \"doc\": \"Event time in milliseconds since 1970 UTC, within the years 0001 to "
    "9999 (-62135596800000 to 253402300799999).\"\n"
    "    },\n"
    "    {\n"
    "      \"name\": \"from\",\n"
    "      \"type\": \"long\",\n"
    "      \"doc\": \"The member who sent the invitation (the inviter); the tie itself is "
    "undirected. A 64-bit unsigned number in two's complement: ids of 2^63 and more are the "
    "negative longs.\"\n"
    "    },\n"
    "    {\n"
    "      \"name\": \"to\",\n"
    "      \"type\": \"long\",\n"
    "      \"doc\": \"The member who was invited. A 64-bit unsigned number in two's "
    "complement: ids of 2^63 and more are the negative longs.\"\n"
    "    },\n"
    "    {\n"
    "      \"name\": \"kind\",\n"
    "      \"type\": {\n"
    "        \"type\": \"enum\",\n"
    "        \"name\": \"connection_kind\",\n"
    "        \"doc\": \"Symbols are appended to, never reordered.\",\n"
    "        \"symbols\": [\"disconnect\", \"connect\"]\n"
    "      },\n"
    "      \"doc\": \"Whether the tie is made or ends. Default: connect.\",\n"
    "      \"default\": \"connect\"\n"
    "    },\n"
    "    {\n"
    "      \"name\": \"origin\",\n"
    "      \"type\": {\n"
    "        \"type\": \"enum\",\n"
    "        \"name\": \"connection_origin\",\n"
    "        \"doc\": \"Symbols are appended to, never reordered.\",\n"
    "        \"symbols\": [\"unknown\", \"organic\", \"recommended\", \"import\"],\n"
    "        \"default\": \"unknown\"\n"
    "      },\n"
    "      \"doc\": \"How the tie came about. Default: unknown.\",\n"
    "      \"default\": \"unknown\"\n"
    "    }\n"
    "  ]\n"
    "}\n";
// clang-format on

/* Byte 0 and the schema's id, big-endian: the framing of Confluent's serializers. */
static struct status framing_put(uint32_t schema_id, struct bytes *out, struct err *err) {
    const uint8_t framing[] = {0, (uint8_t)(schema_id >> 24), (uint8_t)(schema_id >> 16),
                               (uint8_t)(schema_id >> 8), (uint8_t)schema_id};
    return bytes_append(out, framing, sizeof framing, err);
}

static struct status frame_put(const struct event *events, size_t count, struct bytes *out,
                               struct err *err) {
    struct frame frame;
    struct bytes payload = {0};
    struct status status = packed_encode(events, count, &frame, &payload, err);
    if (!failed(status)) {
        status = frame_encode(&frame, payload.data, out, err);
    }
    bytes_release(&payload);
    return status;
}

/* The line without its line feed. */
static struct status object_put(const struct event *event, struct bytes *out, struct err *err) {
    TRY(ndjson_put_events(out, event, 1, err));
    out->count--;
    return status_ok();
}

struct status record_encode(enum record_encoding encoding, uint32_t schema_id,
                            const struct event *events, size_t count, struct bytes *out,
                            struct err *err) {
    assert(encoding == RECORD_PACKED ? count >= 1 && count <= LIMIT_FRAME_ITEMS : count == 1);
    switch (encoding) {
    case RECORD_AVRO:
        TRY(framing_put(schema_id, out, err));
        return avro_datum_encode(events, out, err);
    case RECORD_AVRO_BARE:
        return avro_datum_encode(events, out, err);
    case RECORD_JSON:
        return object_put(events, out, err);
    default:
        return frame_put(events, count, out, err);
    }
}
