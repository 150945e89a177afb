/* The bytes as a file of facts, of the log that its first frame names; and as frames with right
 * checksums, of the log that the first byte names. What loads must be sorted and without doubles.
 */
#include "stages/facts/fact_table.h"
#include "tests/framing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Added from behind, the records must come out as they were loaded. */
static void check_order(const struct fact_table *loaded) {
    struct fact_table again;
    fact_table_init(&again, loaded->log);
    for (size_t i = loaded->count; i > 0; i--) {
        if (failed(fact_table_add(&again, &loaded->facts[i - 1], 1, NULL))) {
            abort();
        }
    }
    if (failed(fact_table_finish(&again, NULL)) || again.count != loaded->count) {
        abort();
    }
    for (size_t i = 0; i < again.count; i++) {
        const struct fact *a = &again.facts[i];
        const struct fact *b = &loaded->facts[i];
        if (a->known != b->known || memcmp(a->value, b->value, sizeof a->value) != 0) {
            abort();
        }
    }
    fact_table_release(&again);
}

static void load(const uint8_t *data, size_t size, enum fact_log log) {
    struct fact_table table;
    struct input *input;
    fact_table_init(&table, log);
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL))) {
        abort();
    }
    struct status status = fact_table_load(&table, input, NULL);
    input_close(input);
    if (!failed(status)) {
        check_order(&table);
    }
    fact_table_release(&table);
}

/* Frames that follow each other: per frame the number of records (1 byte), and their planes. */
static void frames_from_fuzz(struct framing *framing, enum fact_log log, struct cursor *cursor) {
    size_t record_bytes = 1 + 8 * fact_shapes[log].field_count;
    while (cursor_left(cursor) > 0) {
        uint32_t items = *cursor_take(cursor, 1);
        size_t bytes = items * record_bytes;
        bytes = bytes < cursor_left(cursor) ? bytes : cursor_left(cursor);
        struct frame frame = {
            .kind = FRAME_FACTS,
            .items = items,
            .first = (int64_t)log,
            .last = (int64_t)framing->items,
            .payload_bytes = bytes,
        };
        framing_put(framing, frame, cursor_take(cursor, bytes));
    }
    framing_end(framing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { FIRST_OFFSET = 24 };
    if (size > FIRST_OFFSET) {
        load(data, size, (enum fact_log)(data[FIRST_OFFSET] % FACT_LOGS));
    }
    if (size > 0) {
        struct framing framing = {0};
        struct cursor cursor = cursor_over(data + 1, size - 1);
        enum fact_log log = (enum fact_log)(data[0] % FACT_LOGS);
        frames_from_fuzz(&framing, log, &cursor);
        load(framing.file.data, framing.file.count, log);
        framing_release(&framing);
    }
    return 0;
}
