/* The bytes as an adjacency file; as frames with right checksums (tests/framing.h); and as one
 * bitmap. What loads must be a graph: every tie on both sides, nobody their own neighbour. */
#include "stages/adjacency/adjacency_file.h"
#include "stages/adjacency/neighbour_set.h"
#include "tests/framing.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES_MAX = UINT8_MAX };

/* What a visitor saw. */
struct seen {
    uint32_t next_node;
    bool ties[NODES_MAX][NODES_MAX];
};

static struct status node_see(void *context, struct node_id node, const uint32_t *neighbours,
                              size_t count, struct err *err) {
    struct seen *seen = context;
    (void)err;
    if (node.v != seen->next_node++) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        if (neighbours[i] >= NODES_MAX || neighbours[i] == node.v ||
            (i > 0 && neighbours[i] <= neighbours[i - 1])) {
            abort();
        }
        seen->ties[node.v][neighbours[i]] = true;
    }
    return status_ok();
}

static void load(const uint8_t *data, size_t size, size_t node_count) {
    static struct seen seen;
    struct input *input;
    memset(&seen, 0, sizeof seen);
    if (failed(input_open_memory(&input, "fuzz", data, size, NULL))) {
        abort();
    }
    if (!failed(adjacency_visit(input, node_count, node_see, &seen, NULL))) {
        if (seen.next_node != node_count) {
            abort();
        }
        for (size_t a = 0; a < node_count; a++) {
            for (size_t b = 0; b < node_count; b++) {
                if (seen.ties[a][b] != seen.ties[b][a]) {
                    abort();
                }
            }
        }
    }
    input_close(input);
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
