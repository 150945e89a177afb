/* fact_reader over arbitrary bytes. The first byte chooses the log; the rest is the file, and once
 * more the data of one block of an Avro file, of any codec, whose header is right. The run stops
 * where a record does not fit its shape, or the records depend on how many bytes are read at a
 * time. */
#include "stages/base/random.h"
#include "stages/decode/fact_reader.h"
#include "tests/fuzz/avro_container.h"
#include "tests/fuzz/fact_schema.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 7, REFUSED = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t hash, uint64_t value) {
    return random_mix(hash ^ value);
}

static uint64_t fact_hash(const struct fact_shape *shape, const struct fact *fact, uint64_t hash) {
    for (size_t i = 0; i < FACT_FIELDS_MAX; i++) {
        bool is_known = (fact->known >> i & 1) != 0;
        const struct fact_field *field = i < shape->field_count ? &shape->fields[i] : NULL;
        bool is_right = is_known ? field != NULL && fact_value_fits(field, fact->value[i])
                                 : fact->value[i] == 0 && (field == NULL || !field->is_required);
        if (!is_right) {
            abort();
        }
        hash = mix(hash, fact->value[i]);
    }
    return mix(hash, fact->known);
}

static uint64_t records_hash(struct fact_reader *reader, const struct fact_shape *shape,
                             bool *is_refused) {
    uint64_t hash = 0;
    for (;;) {
        struct fact facts[BATCH];
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        *is_refused =
            failed(fact_reader_next(reader, facts, BATCH, &count, &is_malformed, &malformed, NULL));
        if (*is_refused || (!is_malformed && count == 0)) {
            return *is_refused ? mix(hash, REFUSED) : hash;
        }
        if (is_malformed) {
            hash = mix(hash, malformed.line);
            for (size_t i = 0; i < malformed.content_bytes; i++) {
                hash = mix(hash, (unsigned char)malformed.content[i]);
            }
            hash = mix(hash, strlen(malformed.reason));
        }
        for (size_t i = 0; i < count; i++) {
            hash = fact_hash(shape, &facts[i], hash);
        }
    }
}

/* Damage behind the records of a packed stream is met sooner by larger reads: then only that it is
 * refused must be the same. */
static uint64_t file_hash(enum fact_log log, const uint8_t *data, size_t size, size_t chunk_bytes) {
    static const uint8_t zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    struct input *input;
    struct fact_reader *reader;
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL)) ||
        failed(fact_reader_open(&reader, input, log, chunk_bytes, NULL))) {
        return mix(0, REFUSED);
    }
    bool is_refused;
    uint64_t hash = records_hash(reader, &fact_shapes[log], &is_refused);
    fact_reader_close(reader);
    bool is_packed = size >= sizeof zstd_magic && memcmp(data, zstd_magic, sizeof zstd_magic) == 0;
    return is_refused && is_packed ? mix(0, REFUSED) : hash;
}

/* The bytes as the data of an Avro file's block; the first says how many records. The same whatever
 * the codec (for speed, null and one of the others). */
static void block_read(enum fact_log log, const uint8_t *data, size_t size) {
    char schema[FACT_SCHEMA_BYTES];
    const enum avro_codec codecs[] = {AVRO_NULL, size % 2 == 0 ? AVRO_DEFLATE : AVRO_ZSTANDARD};
    uint64_t expected = 0;
    fact_schema_write(log, schema);
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        struct bytes file = {0};
        avro_container_put(&file, schema, codecs[i], data[0], data + 1, size - 1, false);
        uint64_t hash = file_hash(log, file.data, file.count, 4096);
        if (i > 0 && hash != expected) {
            abort();
        }
        expected = hash;
        bytes_release(&file);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t chunks[] = {1, 3, 64};
    if (size == 0) {
        return 0;
    }
    enum fact_log log = (enum fact_log)(data[0] % FACT_LOGS);
    uint64_t expected = file_hash(log, data + 1, size - 1, 4096);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        if (file_hash(log, data + 1, size - 1, chunks[i]) != expected) {
            abort();
        }
    }
    if (size > 1) {
        block_read(log, data + 1, size - 1);
    }
    return 0;
}
