/* The bytes as a schema, a NUL, and data of it one after the other. Whatever decodes must be an
 * event; the data must not be read past their end, and memory must not be lost on any schema. */
#include "stages/decode/avro_schema.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void data_decode(struct writer_schema *schema, const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size + (size == 0)); /* of exactly its size */
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    struct cursor cursor = cursor_over(copy, size);
    enum datum_outcome outcome = DATUM_EVENT;
    while (cursor_left(&cursor) > 0 && outcome != DATUM_BROKEN) {
        struct event event;
        char reason[MALFORMED_REASON_BYTES] = "";
        size_t before = cursor.at;
        if (failed(writer_schema_decode(schema, &cursor, &event, &outcome, reason, NULL)) ||
            (outcome == DATUM_EVENT ? !event_time_is_valid(event.at_ms) ||
                                          event.kind >= EVENT_KINDS || event.origin >= EVENT_ORIGINS
                                    : reason[0] == '\0') ||
            (outcome != DATUM_BROKEN && (cursor.broken || cursor.at == before))) {
            abort();
        }
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size == 0 ? NULL : memchr(data, '\0', size);
    size_t text_bytes = end == NULL ? size : (size_t)(end - data);
    struct writer_schema *schema;
    struct err err = {0};
    if (failed(writer_schema_new(&schema, (const char *)data, text_bytes, "fuzz", &err))) {
        if (err.failure != FAILURE_DATA || strncmp(err.text, "fuzz: ", 6) != 0) {
            abort();
        }
        return 0;
    }
    if (end != NULL) {
        data_decode(schema, end + 1, size - text_bytes - 1);
    }
    writer_schema_free(schema);
    return 0;
}
