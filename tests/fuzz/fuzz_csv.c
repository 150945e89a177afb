#include "tests/fuzz/read_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read_log_all_ways(data, size, (struct log_reader_options){.format = LOG_CSV});
    read_log_all_ways(data, size,
                      (struct log_reader_options){.format = LOG_CSV,
                                                  .column_names = {"1", "2", "3", "4", "5"},
                                                  .times_are_iso = true});
    read_log_all_ways(
        data, size,
        (struct log_reader_options){
            .format = LOG_AUTO, .delimiter = ';', .skip_lines = 1, .time_units_per_ms = 1000});
    return 0;
}
