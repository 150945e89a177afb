/* The bytes as an Avro file; and as the data of one block, of every codec, behind a header that is
 * right: packed here, and as they are. The first byte says how many records. */
#include "stages/decode/record_encoder.h"
#include "tests/fuzz/avro_container.h"
#include "tests/fuzz/read_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t read_as(enum log_format format, enum avro_codec codec, const uint8_t *data,
                        size_t size, bool is_packed) {
    struct bytes file = {0};
    avro_container_put(&file, connections_schema, codec, data[0], data + 1, size - 1, is_packed);
    uint64_t hash = read_log(file.data, file.count, &(struct log_reader_options){.format = format});
    bytes_release(&file);
    return hash;
}

/* Whatever the codec, and whether the format is told or found, the same data are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    (void)read_log(data, size, &(struct log_reader_options){.format = LOG_AVRO});
    if (size > 1) {
        enum avro_codec codec = size % 2 == 0 ? AVRO_DEFLATE : AVRO_ZSTANDARD; /* for speed */
        uint64_t plain = read_as(LOG_AVRO, AVRO_NULL, data, size, false);
        if (read_as(LOG_AUTO, codec, data, size, false) != plain) {
            abort();
        }
        (void)read_as(LOG_AVRO, codec, data, size, true);
    }
    return 0;
}
