/* An Avro file with a right header and one block, as a fuzzer hardly finds sync markers. */
#ifndef TIEFLOW_TESTS_FUZZ_AVRO_CONTAINER_H
#define TIEFLOW_TESTS_FUZZ_AVRO_CONTAINER_H

#include "stages/base/compression.h"
#include "stages/decode/avro_datum.h"
#include "stages/decode/avro_file.h"

#include <stdlib.h>
#include <string.h>

enum avro_codec { AVRO_NULL, AVRO_DEFLATE, AVRO_ZSTANDARD, AVRO_CODECS };

static inline void avro_require(struct status status) {
    if (failed(status)) {
        abort();
    }
}

static inline void avro_put_sized(struct bytes *out, const void *data, size_t bytes) {
    avro_require(avro_long_put(out, (int64_t)bytes, NULL));
    avro_require(bytes_append(out, data, bytes, NULL));
}

/* Appends a file of that schema whose only block claims `records` and holds the bytes: packed by
 * the codec, or, where they are `is_packed` already, as they are. */
static inline void avro_container_put(struct bytes *file, const char *schema, enum avro_codec codec,
                                      uint64_t records, const uint8_t *data, size_t size,
                                      bool is_packed) {
    static const char *const names[] = {"null", "deflate", "zstandard"};
    static const uint8_t sync[16] = "sync marker here";
    struct bytes block = {0};
    avro_require(bytes_append(file, avro_file_magic, AVRO_MAGIC_BYTES, NULL));
    avro_require(avro_long_put(file, 2, NULL));
    avro_put_sized(file, "avro.codec", strlen("avro.codec"));
    avro_put_sized(file, names[codec], strlen(names[codec]));
    avro_put_sized(file, "avro.schema", strlen("avro.schema"));
    avro_put_sized(file, schema, strlen(schema));
    avro_require(avro_long_put(file, 0, NULL));
    avro_require(bytes_append(file, sync, sizeof sync, NULL));
    avro_require(avro_long_put(file, (int64_t)records, NULL));
    if (is_packed || codec == AVRO_NULL) {
        avro_require(bytes_append(&block, data, size, NULL));
    } else {
        avro_require(codec == AVRO_DEFLATE ? deflate_pack(data, size, &block, NULL)
                                           : compression_pack(data, size, &block, NULL));
    }
    avro_put_sized(file, block.data, block.count);
    avro_require(bytes_append(file, sync, sizeof sync, NULL));
    bytes_release(&block);
}

#endif
