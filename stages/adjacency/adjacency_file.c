/* Frames are encoded in waves: each thread builds whole frames of the wave, then they are written
 * in order. That keeps the bytes the same for any number of threads and the memory at one wave.
 */
#include "stages/adjacency/adjacency_file.h"

#include "schemas/limits.h"
#include "stages/adjacency/neighbour_set.h"
#include "stages/base/cursor.h"
#include "stages/base/frame.h"
#include "stages/base/workers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A frame ends with the member that brings it to this many neighbours or nodes. The widest member
 * of a graph of LIMIT_NODES could not fit a frame; one of 2^25 neighbours does. */
enum { FRAME_ENTRIES = 1 << 18, FRAME_NODES = 1 << 16, WAVE_FRAMES = 16 };

/* One frame of a wave. */
struct piece {
    size_t first_node;
    size_t end_node;
    struct bytes sorted; /* one row, ascending */
    struct bytes payload;
    struct bytes framed;
    struct status status;
    struct err err;
};

struct wave {
    const struct rows *rows;
    struct piece pieces[WAVE_FRAMES];
    size_t count;
};

static int compare_u32(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

/* Appends one node's bitmap to the payload and writes its length at `length_at`. */
static struct status row_encode(const struct rows *rows, size_t node, struct piece *piece,
                                size_t length_at, struct err *err) {
    const struct row *row = &rows_all(rows)[node];
    assert(row->ended == 0);
    piece->sorted.count = 0;
    TRY(bytes_append(&piece->sorted, row_entries(rows, row), row->count * sizeof(uint32_t), err));
    uint32_t *sorted = (uint32_t *)(void *)piece->sorted.data;
    if (row->count > 1) {
        qsort(sorted, row->count, sizeof *sorted, compare_u32);
    }
    size_t start = piece->payload.count;
    TRY(neighbour_set_encode_u32(sorted, row->count, &piece->payload, err));
    if (piece->payload.count > LIMIT_FRAME_BYTES) {
        return err_set(err, FAILURE_DATA, "a member has %u ties: too many for one frame",
                       row->count);
    }
    put_u32(piece->payload.data + length_at, (uint32_t)(piece->payload.count - start));
    return status_ok();
}

static struct status piece_encode(const struct rows *rows, struct piece *piece, struct err *err) {
    size_t nodes = piece->end_node - piece->first_node;
    piece->payload.count = 0;
    piece->framed.count = 0;
    TRY(bytes_reserve(&piece->payload, nodes * sizeof(uint32_t), err));
    piece->payload.count = nodes * sizeof(uint32_t);
    for (size_t i = 0; i < nodes; i++) {
        TRY(row_encode(rows, piece->first_node + i, piece, i * sizeof(uint32_t), err));
    }
    struct frame frame = {
        .kind = FRAME_ADJACENCY,
        .items = (uint32_t)nodes,
        .first = (int64_t)piece->first_node,
        .last = (int64_t)piece->end_node - 1,
        .payload_bytes = piece->payload.count,
    };
    return frame_encode(&frame, piece->payload.data, &piece->framed, err);
}

static void piece_run(void *context, unsigned worker, size_t first, size_t end) {
    (void)worker;
    struct wave *wave = context;
    for (size_t i = first; i < end; i++) {
        struct piece *piece = &wave->pieces[i];
        piece->status = piece_encode(wave->rows, piece, &piece->err);
    }
}

/* Cuts the nodes from `first` on into the pieces of one wave; returns the first node behind it. */
static size_t wave_cut(struct wave *wave, size_t first) {
    wave->count = 0;
    while (wave->count < WAVE_FRAMES && first < wave->rows->node_count) {
        size_t end = first;
        size_t entries = 0;
        while (end < wave->rows->node_count && end - first < FRAME_NODES &&
               entries < FRAME_ENTRIES) {
            entries += rows_all(wave->rows)[end].count;
            end++;
        }
        wave->pieces[wave->count].first_node = first;
        wave->pieces[wave->count].end_node = end;
        wave->count++;
        first = end;
    }
    return first;
}

static struct status waves_write(struct wave *wave, struct output *output, unsigned threads,
                                 struct err *err) {
    uint64_t frames = 0;
    for (size_t first = 0; first < wave->rows->node_count;) {
        first = wave_cut(wave, first);
        workers_run(threads, wave->count, 1, piece_run, wave);
        for (size_t i = 0; i < wave->count; i++) {
            const struct piece *piece = &wave->pieces[i];
            if (failed(piece->status)) {
                return err_set(err, piece->status.failure, "%s", piece->err.text);
            }
            TRY(output_write(output, piece->framed.data, piece->framed.count, err));
            frames++;
        }
    }
    struct frame_writer writer;
    frame_writer_init(&writer, output);
    writer.items = wave->rows->node_count;
    writer.frames = frames;
    struct status status = frame_writer_end(&writer, err);
    frame_writer_release(&writer);
    return status;
}

struct status adjacency_save(const struct rows *rows, struct output *output, unsigned threads,
                             struct err *err) {
    struct wave *wave = calloc(1, sizeof *wave);
    if (wave == NULL) {
        return err_memory(err, sizeof *wave, "writing the adjacency");
    }
    wave->rows = rows;
    struct status status = waves_write(wave, output, threads, err);
    for (size_t i = 0; i < WAVE_FRAMES; i++) {
        bytes_release(&wave->pieces[i].sorted);
        bytes_release(&wave->pieces[i].payload);
        bytes_release(&wave->pieces[i].framed);
    }
    free(wave);
    return status;
}

/* What a walk over a file keeps in hand. */
struct walk {
    size_t node_count;
    size_t next_node;
    uint64_t entries;
    uint64_t mirror; /* sum over ties of a hash, added by one side and taken away by the other */
    struct bytes payload;
    struct bytes values;
};

/* Tells a tie by both of its sides: the lower node's mention and the higher one's must cancel. */
static uint64_t tie_hash(uint32_t low, uint32_t high) {
    return random_mix((uint64_t)low << 32 | high);
}

static struct status frame_walk(struct walk *walk, const struct frame *frame,
                                struct status (*visit)(void *context, struct node_id node,
                                                       const uint32_t *neighbours, size_t count,
                                                       struct err *err),
                                void *context, struct err *err) {
    if (frame->kind != FRAME_ADJACENCY || frame->first != (int64_t)walk->next_node ||
        frame->items > walk->node_count - walk->next_node) {
        return err_set(err, FAILURE_DATA,
                       "not the adjacency's next frame (kind %d, %u nodes from %" PRId64
                       ", expected %zu of %zu): damaged, or of another generation",
                       (int)frame->kind, frame->items, frame->first, walk->next_node,
                       walk->node_count);
    }
    struct cursor lengths = cursor_over(walk->payload.data, walk->payload.count);
    struct cursor bitmaps = lengths;
    (void)cursor_take(&bitmaps, (size_t)frame->items * sizeof(uint32_t));
    for (uint32_t i = 0; i < frame->items; i++) {
        uint32_t node = (uint32_t)walk->next_node++;
        uint32_t bytes = cursor_u32(&lengths);
        const uint8_t *bitmap = cursor_take(&bitmaps, bytes);
        if (bitmaps.broken) {
            return err_set(err, FAILURE_DATA, "node %" PRIu32 " reaches behind its frame: damaged",
                           node);
        }
        TRY(neighbour_set_decode_u32(bitmap, bytes, (uint32_t)walk->node_count, &walk->values,
                                     err));
        const uint32_t *neighbours = (const uint32_t *)(const void *)walk->values.data;
        size_t count = walk->values.count / sizeof *neighbours;
        for (size_t j = 0; j < count; j++) {
            uint32_t other = neighbours[j];
            walk->mirror += other > node ? tie_hash(node, other) : 0 - tie_hash(other, node);
            if (other == node) {
                return err_set(err, FAILURE_DATA, "node %" PRIu32 " is its own neighbour: damaged",
                               node);
            }
        }
        walk->entries += count;
        TRY(visit(context, (struct node_id){node}, neighbours, count, err));
    }
    if (cursor_left(&bitmaps) != 0) {
        return err_set(err, FAILURE_DATA, "%zu bytes behind a frame's last bitmap: damaged",
                       cursor_left(&bitmaps));
    }
    return status_ok();
}

static struct status frames_walk(struct walk *walk, struct frame_reader *reader,
                                 struct status (*visit)(void *context, struct node_id node,
                                                        const uint32_t *neighbours, size_t count,
                                                        struct err *err),
                                 void *context, struct err *err) {
    for (;;) {
        struct frame frame;
        bool more;
        TRY(frame_reader_next(reader, &frame, &walk->payload, NULL, NULL, &more, err));
        if (!more) {
            break;
        }
        struct status status = frame_walk(walk, &frame, visit, context, err);
        if (failed(status)) {
            err_prefix(err, "%s (frame before byte %" PRIu64 ")", input_name(reader->input),
                       reader->offset);
            return status;
        }
    }
    if (walk->next_node != walk->node_count || walk->mirror != 0 || walk->entries % 2 != 0) {
        return err_set(err, FAILURE_DATA,
                       "%s: %zu of %zu nodes, and the two sides of its ties do not agree: damaged, "
                       "or of another generation",
                       input_name(reader->input), walk->next_node, walk->node_count);
    }
    return status_ok();
}

struct status adjacency_visit(struct input *input, size_t node_count,
                              struct status (*visit)(void *context, struct node_id node,
                                                     const uint32_t *neighbours, size_t count,
                                                     struct err *err),
                              void *context, struct err *err) {
    struct walk walk = {.node_count = node_count};
    struct frame_reader reader;
    frame_reader_init(&reader, input);
    struct status status = frames_walk(&walk, &reader, visit, context, err);
    frame_reader_release(&reader);
    bytes_release(&walk.payload);
    bytes_release(&walk.values);
    return status;
}

struct loading {
    struct adjacency *adjacency;
    size_t node_count;
    uint64_t entries;
};

static struct status row_load(void *context, struct node_id node, const uint32_t *neighbours,
                              size_t count, struct err *err) {
    struct loading *loading = context;
    loading->entries += count;
    return adjacency_load_row(loading->adjacency, node, neighbours, count, loading->node_count,
                              err);
}

struct status adjacency_load(struct adjacency *adjacency, struct input *input, size_t node_count,
                             struct err *err) {
    struct loading loading = {adjacency, node_count, 0};
    TRY(adjacency_visit(input, node_count, row_load, &loading, err));
    adjacency->open_count = loading.entries / 2;
    return status_ok();
}
