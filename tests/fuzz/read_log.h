/* What the fuzz targets of the log formats share: read a log to its end, or to its first error, and
 * hash whatever comes out. */
#ifndef TIEFLOW_TESTS_FUZZ_READ_LOG_H
#define TIEFLOW_TESTS_FUZZ_READ_LOG_H

#include "stages/base/random.h"
#include "stages/base/stream.h"
#include "stages/decode/log_reader.h"

#include <stdlib.h>
#include <string.h>

enum { READ_LOG_BATCH = 7, READ_LOG_REFUSED = 1 };

static inline uint64_t read_log_mix(uint64_t hash, uint64_t value) {
    return random_mix(hash ^ value);
}

static inline uint64_t read_log_hash(struct log_reader *reader, bool *is_refused) {
    uint64_t hash = 0;
    for (;;) {
        struct event events[READ_LOG_BATCH];
        size_t count;
        bool is_malformed;
        struct malformed malformed;
        if (failed(log_reader_next(reader, events, READ_LOG_BATCH, &count, &is_malformed,
                                   &malformed, NULL))) {
            *is_refused = true;
            return read_log_mix(hash, READ_LOG_REFUSED);
        }
        if (!is_malformed && count == 0) {
            return hash;
        }
        if (is_malformed) {
            hash = read_log_mix(hash, malformed.line);
            for (size_t i = 0; i < malformed.content_bytes; i++) {
                hash = read_log_mix(hash, (unsigned char)malformed.content[i]);
            }
            hash = read_log_mix(hash, strlen(malformed.reason));
        }
        for (size_t i = 0; i < count; i++) {
            if (!event_time_is_valid(events[i].at_ms) || events[i].kind >= EVENT_KINDS ||
                events[i].origin >= EVENT_ORIGINS) {
                abort();
            }
            hash = read_log_mix(hash, (uint64_t)events[i].at_ms);
            hash = read_log_mix(hash, events[i].from.v);
            hash = read_log_mix(hash, events[i].to.v);
            hash = read_log_mix(hash, events[i].kind + 2U * events[i].origin);
        }
    }
}

static inline bool read_log_is_zstd(const uint8_t *data, size_t size) {
    static const uint8_t magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

/* The hash of what the reader makes of the bytes; the same whether it refuses them at once or at
 * the first record. Damage behind the records of a zstd stream is met when its bytes are read, with
 * larger reads before the records are handed out: then only that it is refused must be the same. */
static inline uint64_t read_log(const uint8_t *data, size_t size,
                                const struct log_reader_options *options) {
    struct input *input;
    struct log_reader *reader;
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL)) ||
        failed(log_reader_open(&reader, input, options, NULL))) {
        return read_log_mix(0, READ_LOG_REFUSED);
    }
    bool is_refused = false;
    uint64_t hash = read_log_hash(reader, &is_refused);
    log_reader_close(reader);
    return is_refused && read_log_is_zstd(data, size) ? read_log_mix(0, READ_LOG_REFUSED) : hash;
}

/* Stops the run where the records depend on how many bytes are read at a time. */
static inline void read_log_all_ways(const uint8_t *data, size_t size,
                                     struct log_reader_options options) {
    static const size_t chunks[] = {1, 3, 64};
    options.chunk_bytes = 4096; /* the default costs more memory than the run is worth */
    uint64_t expected = read_log(data, size, &options);
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        options.chunk_bytes = chunks[i];
        if (read_log(data, size, &options) != expected) {
            abort();
        }
    }
}

#endif
