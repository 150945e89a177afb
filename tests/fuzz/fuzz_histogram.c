/* The bytes as a cohort, and as frames with right checksums. What loads adds up. */
#include "stages/tie_store/histogram.h"
#include "tests/framing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the graph whose cohort the bytes are taken for. */
enum { MEMBERS = 1 << 20 };

static void check_sums(const struct histogram *histogram) {
    uint64_t total = 0;
    size_t highest = 0;
    for (size_t value = 0; value < histogram->size; value++) {
        total += histogram->counts[value];
        highest = histogram->counts[value] == 0 ? highest : value;
    }
    if (total != histogram->total ||
        (total != 0 && histogram_at_rank(histogram, total) != highest)) {
        abort();
    }
}

static void load(const uint8_t *data, size_t size) {
    struct histogram histogram = {0};
    struct input *input;
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL))) {
        abort();
    }
    struct status status = histogram_load(&histogram, MEMBERS, input, NULL);
    input_close(input);
    if (!failed(status)) {
        check_sums(&histogram);
    }
    histogram_release(&histogram);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { ITEM_BYTES = 12 };
    struct framing framing = {0};
    load(data, size);
    framing_from_fuzz(&framing, data, size);
    load(framing.file.data, framing.file.count);
    framing_release(&framing);
    /* One frame with the right head but for its last value, which the first bytes are. */
    if (size > 2) {
        uint32_t items = (uint32_t)((size - 2) / ITEM_BYTES);
        struct frame frame = {.kind = FRAME_HISTOGRAM,
                              .items = items,
                              .first = items == 0 ? 0 : data[2],
                              .last = data[0] | data[1] << 8,
                              .payload_bytes = (size_t)items * ITEM_BYTES};
        framing_put(&framing, frame, data + 2);
        framing_end(&framing);
        load(framing.file.data, framing.file.count);
        framing_release(&framing);
    }
    return 0;
}
