#include "tests/fuzz/read_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_log_all_ways(data, size, (struct log_reader_options){.format = LOG_NDJSON});
    read_log_all_ways(
        data, size,
        (struct log_reader_options){.format = LOG_NDJSON, .times_are_iso = true, .skip_lines = 1});
    return 0;
}
