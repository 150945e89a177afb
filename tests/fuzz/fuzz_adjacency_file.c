/* The bytes as an adjacency file; as frames with right checksums (tests/framing.h); and as one
 * bitmap. What loads must be a graph: every tie on both sides, nobody their own neighbour. */
#include "stages/adjacency/adjacency_file.h"
#include "stages/adjacency/neighbour_set.h"
#include "tests/framing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void graph_check(const struct adjacency *adjacency, size_t node_count) {
    const struct rows *rows = &adjacency->rows;
    uint64_t entries = 0;
    if (rows->node_count != node_count) {
        abort();
    }
    for (uint32_t node = 0; node < node_count; node++) {
        const struct row *row = &rows_all(rows)[node];
        const uint32_t *neighbours = row_entries(rows, row);
        entries += row->count;
        for (uint32_t i = 0; i < row->count; i++) {
            if (neighbours[i] >= node_count || neighbours[i] == node ||
                (i > 0 && neighbours[i] <= neighbours[i - 1])) {
                abort();
            }
            const struct row *other = &rows_all(rows)[neighbours[i]];
            if (!row_is_connected_to(row_entries(rows, other), other->count,
                                     (struct node_id){node})) {
                abort();
            }
        }
    }
    if (entries != 2 * adjacency->open_count) {
        abort();
    }
}

static void load(const uint8_t *data, size_t size, size_t node_count) {
    struct adjacency adjacency = {0};
    struct input *input;
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL))) {
        abort();
    }
    if (!failed(adjacency_load(&adjacency, input, node_count, NULL))) {
        graph_check(&adjacency, node_count);
    }
    input_close(input);
    adjacency_release(&adjacency);
}

/* What decodes must encode to a bitmap that decodes to the same. */
static void decode(const uint8_t *data, size_t size) {
    struct bytes values = {0};
    struct bytes encoded = {0};
    struct bytes again = {0};
    uint32_t bound = UINT32_C(1) << 22;
    if (!failed(neighbour_set_decode_u32(data, size, bound, &values, NULL))) {
        const uint32_t *all = (const uint32_t *)(const void *)values.data;
        size_t count = values.count / sizeof *all;
        if (failed(neighbour_set_encode_u32(all, count, &encoded, NULL)) ||
            failed(neighbour_set_decode_u32(encoded.data, encoded.count, bound, &again, NULL)) ||
            again.count != values.count || memcmp(again.data, values.data, values.count) != 0) {
            abort();
        }
    }
    bytes_release(&values);
    bytes_release(&encoded);
    bytes_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct framing framing = {0};
    decode(data, size);
    if (size == 0) {
        return 0;
    }
    size_t node_count = data[0];
    load(data + 1, size - 1, node_count);
    framing_from_fuzz(&framing, data + 1, size - 1);
    load(framing.file.data, framing.file.count, node_count);
    framing_release(&framing);
    return 0;
}
