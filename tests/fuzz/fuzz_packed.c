/* The bytes as a log; and, as a checksum keeps nearly all of those out, as the payload of an intact
 * frame whose header fields are the first 20 bytes. */
#include "stages/base/bytes.h"
#include "stages/base/cursor.h"
#include "stages/decode/packed.h"
#include "tests/fuzz/read_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as_payload(const uint8_t *data, size_t size) {
    struct cursor cursor = cursor_over(data, size);
    struct frame frame = {.kind = FRAME_EVENTS};
    frame.items = cursor_u32(&cursor);
    frame.first = (int64_t)cursor_u64(&cursor);
    frame.last = (int64_t)cursor_u64(&cursor);
    if (cursor.broken) {
        return;
    }
    frame.payload_bytes = cursor_left(&cursor);
    if (frame.items % 2 == 0) { /* half of the time a count that fits */
        frame.items = (uint32_t)(frame.payload_bytes / PACKED_EVENT_BYTES);
    }
    const struct frame end = {.kind = FRAME_END, .first = frame.items, .last = 1};
    struct bytes log = {0};
    if (failed(frame_encode(&frame, data + cursor.at, &log, NULL)) ||
        failed(frame_encode(&end, (const uint8_t *)"", &log, NULL))) {
        abort();
    }
    uint64_t by_content =
        read_log(log.data, log.count, &(struct log_reader_options){.format = LOG_AUTO});
    uint64_t by_name =
        read_log(log.data, log.count, &(struct log_reader_options){.format = LOG_PACKED});
    if (by_content != by_name) {
        abort();
    }
    bytes_release(&log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    (void)read_log(data, size, &(struct log_reader_options){.format = LOG_PACKED});
    (void)read_log(data, size, &(struct log_reader_options){.format = LOG_AUTO});
    read_as_payload(data, size);
    return 0;
}
