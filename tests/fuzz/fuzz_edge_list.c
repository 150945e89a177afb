#include "tests/fuzz/read_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum log_format formats[] = {LOG_SNAP, LOG_KONECT, LOG_MATRIX_MARKET};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        read_log_all_ways(data, size, (struct log_reader_options){.format = formats[i]});
    }
    return 0;
}
