/* The bytes as a tie segment; and as frames with right checksums (tests/framing.h). What is handed
 * out must be what ties and endings can be. */
#include "stages/tie_store/tie_segment.h"
#include "tests/framing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 1000 };

static void ties_check(const struct tie_columns *ties) {
    for (size_t i = 0; i < ties->count; i++) {
        if (ties->from[i] >= NODES || ties->to[i] >= NODES || ties->origin[i] >= EVENT_ORIGINS ||
            ties->mutual[i] > ties->degree_from[i] || ties->mutual[i] > ties->degree_to[i] ||
            !event_time_is_valid(ties->created_at_ms[i])) {
            abort();
        }
    }
}

static void endings_check(const struct tie_ending *endings, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (endings[i].from >= NODES || endings[i].to >= NODES ||
            !event_time_is_valid(endings[i].ended_at_ms)) {
            abort();
        }
    }
}

static void segment_read(const uint8_t *data, size_t size) {
    struct tie_segment_reader *reader;
    struct input *input;
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL)) ||
        failed(tie_segment_reader_new(&reader, input, 1, NULL))) {
        abort();
    }
    uint64_t next_tie = 0;
    bool has_ties = false;
    for (;;) {
        const struct tie_columns *ties;
        const struct tie_ending *endings;
        uint64_t first;
        size_t count;
        if (failed(tie_segment_next(reader, NODES, &ties, &first, &endings, &count, NULL)) ||
            (ties == NULL && endings == NULL)) {
            break;
        }
        if (ties != NULL) {
            if (has_ties && first != next_tie) {
                abort();
            }
            has_ties = true;
            next_tie = first + ties->count;
            ties_check(ties);
        }
        endings_check(endings, count);
    }
    tie_segment_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct framing framing = {0};
    segment_read(data, size);
    framing_from_fuzz(&framing, data, size);
    segment_read(framing.file.data, framing.file.count);
    framing_release(&framing);
    return 0;
}
