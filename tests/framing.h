/* Files of frames made by hand, for tests and fuzz targets: any kind, any counts, right checksums.
 * What a program of tieflow would not write is made here.
 */
#ifndef TIEFLOW_TESTS_FRAMING_H
#define TIEFLOW_TESTS_FRAMING_H

#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/cursor.h"
#include "stages/base/frame.h"

#include <assert.h>

/* A file in the making. Zero-initialised storage is an empty one. */
struct framing {
    struct bytes file;
    uint64_t items;
    uint64_t frames;
    uint64_t chain;
};

static inline void framing_release(struct framing *framing) {
    bytes_release(&framing->file);
    *framing = (struct framing){0};
}

/* Counts the frame at `start` of the file, which was appended. */
static inline void framing_count(struct framing *framing, const struct frame *frame, size_t start) {
    framing->items += frame->items;
    framing->frames++;
    framing->chain = checksum_of(framing->file.data + start + 40, 8, framing->chain);
}

static inline void framing_put(struct framing *framing, struct frame frame,
                               const uint8_t *payload) {
    size_t start = framing->file.count;
    struct status status = frame_encode(&frame, payload, &framing->file, NULL);
    assert(!failed(status));
    framing_count(framing, &frame, start);
}

static inline void framing_end(struct framing *framing) {
    struct frame end = {
        .kind = FRAME_END,
        .first = (int64_t)framing->items,
        .last = (int64_t)framing->frames,
        .payload_bytes = 8,
    };
    uint8_t chain[8];
    put_u64(chain, framing->chain);
    framing_put(framing, end, chain);
}

/* Turns any bytes into a file of frames with right checksums and a right END, so that a fuzzer gets
 * past the envelope. Per frame: kind (1 byte), items (2), how far `first` lies behind the items so
 * far (1, signed), payload length (2), payload. */
static inline void framing_from_fuzz(struct framing *framing, const uint8_t *data, size_t count) {
    struct cursor cursor = cursor_over(data, count);
    while (cursor_left(&cursor) >= 6) {
        const uint8_t *kind = cursor_take(&cursor, 1);
        uint32_t items = cursor_u16(&cursor);
        const uint8_t *gap = cursor_take(&cursor, 1);
        size_t bytes = cursor_u16(&cursor);
        bytes = bytes < cursor_left(&cursor) ? bytes : cursor_left(&cursor);
        const uint8_t *payload = cursor_take(&cursor, bytes);
        int64_t first = (int64_t)framing->items + (int8_t)*gap;
        struct frame frame = {
            .kind = FRAME_EVENTS + *kind % (FRAME_KINDS - FRAME_EVENTS),
            .items = items,
            .first = first,
            .last = first + items - 1,
            .payload_bytes = bytes,
        };
        framing_put(framing, frame, payload);
    }
    framing_end(framing);
}

#endif
