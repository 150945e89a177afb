/* The bytes as an Avro file; and, as a fuzzer hardly finds sync markers, as the data of one block
 * of each codec behind a header that is right: the first byte says how many records. */
#include "stages/base/compression.h"
#include "stages/decode/avro_datum.h"
#include "stages/decode/avro_file.h"
#include "tests/fuzz/read_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SYNC_BYTES = 16 };

static void require(bool is_true) {
    if (!is_true) {
        abort();
    }
}

/* A file with one block of the bytes, stored or deflated as the codec of the header has it. */
static void read_as_block(const uint8_t *data, size_t size, bool is_packed_already) {
    struct bytes file = {0};
    struct bytes packed = {0};
    require(!failed(avro_file_put_header(&file, NULL)));
    require(!failed(bytes_reserve(&file, SYNC_BYTES, NULL)));
    size_t sync_at = file.count - SYNC_BYTES;
    if (is_packed_already) {
        require(!failed(bytes_append(&packed, data + 1, size - 1, NULL)));
    } else {
        require(!failed(deflate_pack(data + 1, size - 1, &packed, NULL)));
    }
    require(!failed(avro_long_put(&file, data[0], NULL)));
    require(!failed(avro_long_put(&file, (int64_t)packed.count, NULL)));
    require(!failed(bytes_append(&file, packed.data, packed.count, NULL)));
    require(!failed(bytes_reserve(&file, SYNC_BYTES, NULL)));
    memcpy(file.data + file.count, file.data + sync_at, SYNC_BYTES);
    file.count += SYNC_BYTES;
    uint64_t by_content =
        read_log(file.data, file.count, &(struct log_reader_options){.format = LOG_AUTO});
    uint64_t by_name =
        read_log(file.data, file.count, &(struct log_reader_options){.format = LOG_AVRO});
    require(by_content == by_name);
    bytes_release(&packed);
    bytes_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    (void)read_log(data, size, &(struct log_reader_options){.format = LOG_AVRO});
    if (size > 1) {
        read_as_block(data, size, false);
        read_as_block(data, size, true);
    }
    return 0;
}
