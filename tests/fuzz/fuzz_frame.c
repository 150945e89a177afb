/* frame_decode and frame_reader over arbitrary bytes.
 *
 * The first byte chooses: with its lowest bit set every checksum is made right before reading, so
 * that what lies behind the checksum is reached too; with the next bit every second frame is
 * skipped. The rest is the file. Build with clang -fsanitize=fuzzer,address,undefined.
 */
#include "schemas/limits.h"
#include "stages/base/checksum.h"
#include "stages/base/cursor.h"
#include "stages/base/frame.h"
#include "tests/framing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Walks the frames by their lengths and mends each checksum. */
static void checksums_mend(uint8_t *file, size_t count) {
    enum { AT_STORED = 16, AT_CHECKSUM = 40 };
    size_t at = 0;
    while (count - at >= FRAME_HEADER_BYTES) {
        struct cursor cursor = cursor_over(file + at + AT_STORED, 4);
        size_t stored = cursor_u32(&cursor);
        if (stored > count - at - FRAME_HEADER_BYTES) {
            return;
        }
        uint64_t seed = checksum_of(file + at, AT_CHECKSUM, 0);
        put_u64(file + at + AT_CHECKSUM, checksum_of(file + at + FRAME_HEADER_BYTES, stored, seed));
        at += FRAME_HEADER_BYTES + stored;
    }
}

/* What is read once must come back from being written again. */
static void frame_check(const struct frame *frame, const struct bytes *payload) {
    require(frame->kind < FRAME_KINDS && frame->items <= LIMIT_FRAME_ITEMS);
    require(frame->payload_bytes == payload->count && payload->count <= LIMIT_FRAME_BYTES);
    struct bytes encoded = {0};
    struct bytes unpacked = {0};
    struct frame back;
    size_t used;
    require(!failed(frame_encode(frame, payload->data, &encoded, NULL)));
    require(!failed(frame_decode(encoded.data, encoded.count, &back, &unpacked, &used, NULL)));
    require(used == encoded.count && unpacked.count == payload->count);
    require(memcmp(unpacked.data, payload->data, payload->count) == 0);
    require(back.kind == frame->kind && back.items == frame->items && back.first == frame->first &&
            back.last == frame->last);
    bytes_release(&encoded);
    bytes_release(&unpacked);
}

static void decode_all(const uint8_t *file, size_t count) {
    struct bytes payload = {0};
    size_t at = 0;
    for (;;) {
        struct frame frame;
        struct err err = {0};
        size_t used;
        struct status status = frame_decode(file + at, count - at, &frame, &payload, &used, &err);
        if (failed(status)) {
            require(status.failure == FAILURE_DATA && err.text[0] != '\0');
            break;
        }
        require(used >= FRAME_HEADER_BYTES && used <= count - at);
        frame_check(&frame, &payload);
        at += used;
    }
    bytes_release(&payload);
}

static bool skip_every_second(void *context, const struct frame *frame) {
    unsigned *turn = context;
    (void)frame;
    return (*turn)++ % 2 == 1;
}

static void read_all(const uint8_t *file, size_t count, bool skips) {
    struct input *input;
    struct frame_reader reader;
    struct bytes payload = {0};
    struct err err = {0};
    unsigned turn = 0;
    bool more = true;
    require(!failed(input_open_memory(&input, "fuzz", file, count, &err)));
    frame_reader_init(&reader, input);
    while (more) {
        struct frame frame;
        struct status status = frame_reader_next(
            &reader, &frame, &payload, skips ? skip_every_second : NULL, &turn, &more, &err);
        if (failed(status)) {
            require(status.failure == FAILURE_DATA && err.text[0] != '\0');
            break;
        }
        require(!more || frame.kind != FRAME_END);
        require(!more || payload.count == frame.payload_bytes || (skips && payload.count == 0));
    }
    bytes_release(&payload);
    frame_reader_release(&reader);
    input_close(input);
}

/* Passes over as many frames as hold `items` items; what is left is what was not passed over. */
static void pass_and_read(const struct framing *framing, uint64_t items) {
    struct input *input;
    struct frame_reader reader;
    struct bytes payload = {0};
    uint64_t passed;
    bool more = true;
    require(
        !failed(input_open_memory(&input, "fuzz", framing->file.data, framing->file.count, NULL)));
    frame_reader_init(&reader, input);
    require(!failed(frame_reader_pass(&reader, items, &passed, NULL)) && passed <= items);
    while (more) {
        struct frame frame;
        require(!failed(frame_reader_next(&reader, &frame, &payload, NULL, NULL, &more, NULL)));
        passed += more ? frame.items : 0;
    }
    require(passed == framing->items);
    bytes_release(&payload);
    frame_reader_release(&reader);
    input_close(input);
}

/* Frames with a right END behind them (tests/framing.h) are read to it, in whatever way. */
static void whole_read(const uint8_t *data, size_t count) {
    struct framing framing = {0};
    framing_from_fuzz(&framing, data, count);
    pass_and_read(&framing, framing.items / 2);
    pass_and_read(&framing, framing.items);
    read_all(framing.file.data, framing.file.count, true);
    framing_release(&framing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    if (count < 2) {
        return 0;
    }
    size_t file_count = count - 1;
    uint8_t *file = malloc(file_count);
    require(file != NULL);
    memcpy(file, data + 1, file_count);
    if ((data[0] & 1) != 0) {
        checksums_mend(file, file_count);
    }
    decode_all(file, file_count);
    read_all(file, file_count, (data[0] & 2) != 0);
    free(file);
    whole_read(data + 1, file_count);
    return 0;
}
