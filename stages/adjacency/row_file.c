/* Offsets and what is told of a whole row stay in memory, 8 bytes and a bit per node; entries are
 * in the file, as they are in memory, since nobody but this process reads it. */
#include "stages/adjacency/row_file.h"

#include "stages/base/scratch.h"

#include <assert.h>
#include <stdlib.h>

struct row_file {
    struct scratch *scratch;
    size_t node_count;
    uint32_t appended;         /* nodes [0, appended) are there */
    struct pages offsets;      /* uint64_t per node, and one more */
    struct pages signed_nodes; /* a bit per node */
    uint32_t flags;            /* of all entries together */
};

static uint64_t *file_offsets(const struct row_file *file) {
    return file->offsets.data;
}

struct status row_file_open(struct row_file **file, const char *scratch_folder, size_t node_count,
                            struct err *err) {
    struct row_file *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return err_memory(err, sizeof *made, "rows in a file");
    }
    made->node_count = node_count;
    struct status status;
    TRY_OR(broken, status,
           pages_grow(&made->offsets, (node_count + 1) * sizeof(uint64_t), "rows in a file", err));
    TRY_OR(broken, status,
           pages_grow(&made->signed_nodes, (node_count / 64 + 2) * sizeof(uint64_t),
                      "rows in a file", err));
    TRY_OR(broken, status, scratch_open(&made->scratch, scratch_folder, err));
    *file = made;
    return status;
broken:
    row_file_close(made);
    return status;
}

void row_file_close(struct row_file *file) {
    if (file != NULL) {
        scratch_close(file->scratch);
        pages_release(&file->offsets);
        pages_release(&file->signed_nodes);
        free(file);
    }
}

/* ORs the first `count` bits of `from` into those of `to` from bit `at` on. */
static void bits_put(uint64_t *to, size_t at, const uint64_t *from, size_t count) {
    unsigned shift = at & 63;
    for (size_t i = 0; i * 64 < count; i++) {
        to[(at >> 6) + i] |= from[i] << shift;
        if (shift != 0) {
            to[(at >> 6) + i + 1] |= from[i] >> (64 - shift);
        }
    }
}

/* Sets the first `count` bits of `to` to those of `from` from bit `at` on. */
static void bits_take(uint64_t *to, const uint64_t *from, size_t at, size_t count) {
    unsigned shift = at & 63;
    for (size_t i = 0; i * 64 < count; i++) {
        uint64_t word = from[(at >> 6) + i] >> shift;
        if (shift != 0) {
            word |= from[(at >> 6) + i + 1] << (64 - shift);
        }
        size_t left = count - i * 64;
        to[i] = left < 64 ? word & ((UINT64_C(1) << left) - 1) : word;
    }
}

struct status row_file_append(struct row_file *file, const struct arrival_rows *rows,
                              struct err *err) {
    assert(rows->first == file->appended && rows->end <= file->node_count);
    size_t count = rows->end - rows->first;
    const uint64_t *from = rows->offsets.data;
    uint64_t *to = file_offsets(file) + rows->first;
    TRY(scratch_write(file->scratch, to[0] * sizeof(uint32_t), rows->entries.data,
                      (size_t)from[count] * sizeof(uint32_t), err));
    for (size_t i = 1; i <= count; i++) {
        to[i] = to[0] + from[i];
    }
    bits_put(file->signed_nodes.data, rows->first, rows->signed_nodes.data, count);
    file->appended = rows->end;
    file->flags |= rows->flags;
    return status_ok();
}

struct status row_file_read(const struct row_file *file, uint32_t first, uint32_t end,
                            struct arrival_rows *rows, struct err *err) {
    assert(first <= end && end <= file->appended);
    size_t count = end - first;
    const uint64_t *from = file_offsets(file) + first;
    size_t bytes = (size_t)(from[count] - from[0]) * sizeof(uint32_t);
    TRY(arrival_rows_begin(rows, first, end, err));
    TRY(pages_grow(&rows->entries, bytes + 1, "the members' rows", err)); /* +1: never NULL */
    TRY(scratch_read(file->scratch, from[0] * sizeof(uint32_t), rows->entries.data, bytes, err));
    uint64_t *offsets = rows->offsets.data;
    for (size_t i = 1; i <= count; i++) {
        offsets[i] = from[i] - from[0];
    }
    bits_take(rows->signed_nodes.data, file->signed_nodes.data, first, count);
    rows->based = end;
    rows->flags = file->flags;
    rows->node_count = file->node_count;
    return status_ok();
}

uint64_t row_file_entries(const struct row_file *file, uint32_t first, uint32_t end) {
    assert(first <= end && end <= file->appended);
    return file_offsets(file)[end] - file_offsets(file)[first];
}
