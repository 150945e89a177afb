/* The bytes as a file of degrees, and as frames with right checksums. What loads is one degree
 * below the number of nodes for each node. */
#include "stages/state/degrees.h"
#include "tests/framing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(const uint8_t *data, size_t size, size_t node_count) {
    struct pages degrees = {0};
    struct input *input;
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL))) {
        abort();
    }
    struct status status = degrees_load(&degrees, input, node_count, NULL);
    input_close(input);
    const uint32_t *loaded = degrees.data;
    for (size_t i = 0; i < node_count && !failed(status); i++) {
        if (loaded[i] >= node_count) {
            abort();
        }
    }
    pages_release(&degrees);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct framing framing = {0};
    size_t node_count = size == 0 ? 0 : data[0];
    if (size > 0) {
        load(data + 1, size - 1, node_count);
        framing_from_fuzz(&framing, data + 1, size - 1);
        load(framing.file.data, framing.file.count, node_count);
    }
    /* One frame with the right head: its degrees are the bytes. */
    size_t bytes = size < 4 * node_count ? 0 : 4 * node_count;
    struct framing whole = {0};
    struct frame frame = {.kind = FRAME_DEGREES,
                          .items = (uint32_t)node_count,
                          .last = (int64_t)node_count - 1,
                          .payload_bytes = bytes};
    if (bytes != 0) {
        framing_put(&whole, frame, data);
        framing_end(&whole);
        load(whole.file.data, whole.file.count, node_count);
    }
    framing_release(&framing);
    framing_release(&whole);
    return 0;
}
